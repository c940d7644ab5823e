# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of a VM: what is allocated, what waits for the next start, what becomes unused."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Any

from aiohttp import web
from fakepve.model import PveError, TaskError, lock_timeout
from fakepve.qemu import DRIVE_KEY, boot_order, is_cdrom, split_drive, volume_ref, with_mac
from fakepve.routing import split_list
from fakepve.server import USER, params

from .base import LabBase, Values, bad, die, task_failure
from .hotplug import AT_ONCE, NIC, UNUSED, hotpluggable, is_cloud_init

CONFIG_PRIVILEGES = tuple(f"VM.Config.{part}" for part in ("Disk", "CDROM", "CPU", "Memory", "Network", "HWType", "Options", "Cloudinit"))
HIDDEN_PASSWORD = "**********"  # what the API answers instead of a cloud-init password


def normal_tags(text: str) -> str:
    return ";".join(sorted({tag.lower() for tag in re.split(r"[;, ]+", text) if tag}))


class ConfigParts(LabBase):
    """GET, PUT and POST of a VM's config."""

    # ------------------------------------------------------------------- read

    def digest_of(self, vm: Any) -> str:
        """SHA-1 of the whole configuration file, pending section included."""
        content = json.dumps([vm.config, vm.pending, vm.snapshots], sort_keys=True)
        return hashlib.sha1(content.encode()).hexdigest()  # noqa: S324 - what the API documents

    async def _config_get(self, request: web.Request) -> web.Response:
        values = self._verify(request, await params(request))
        vm = self._vm(request, "VM.Audit")
        if values.get("snapshot"):
            snapshot = vm.snapshots.get(values["snapshot"])
            if snapshot is None:
                raise die(f"snapshot '{values['snapshot']}' does not exist")
            return web.json_response({"data": {**snapshot, "digest": self.digest_of(vm)}})
        shown = dict(vm.config)
        if vm.lock == "clone":  # the rest is written when the clone is done
            shown = {key: shown[key] for key in ("lock", "description") if key in shown}
        elif not values.get("current"):
            for key, value in vm.pending.items():
                if value is None:
                    shown.pop(key, None)
                else:
                    shown[key] = value
        if "memory" in shown:
            shown["memory"] = str(shown["memory"])
        return web.json_response({"data": {**shown, "digest": self.digest_of(vm)}})

    async def _pending(self, request: web.Request) -> web.Response:
        """Every key of the file, the digest among them, and what waits for the next start."""
        vm = self._vm(request, "VM.Audit")
        current = {**vm.config, "digest": self.digest_of(vm)}
        if vm.lock == "clone":  # the rest is written when the clone is done
            current = {key: current[key] for key in ("lock", "description", "digest") if key in current}
        waiting = {} if vm.lock == "clone" else vm.pending
        rows = []
        for key in sorted({*current, *waiting}):
            row: Values = {"key": key}
            if key in current:
                row["value"] = str(current[key]) if key == "memory" else current[key]
            if key in waiting:
                row.update({"delete": 1} if waiting[key] is None else {"pending": waiting[key]})
            rows.append(row)
        return web.json_response({"data": rows})

    # ------------------------------------------------------------------ write

    async def _config_values(self, request: web.Request) -> tuple[Any, Values]:
        given = await params(request)
        if isinstance(given.get("delete"), list):
            given["delete"] = ",".join(str(key) for key in given["delete"])
        values = self._verify(request, given)
        vmid = request.match_info["vmid"]
        if not any(self.allowed(request[USER], f"/vms/{vmid}", priv) for priv in CONFIG_PRIVILEGES):
            raise PveError(403, f"Permission check failed (/vms/{vmid}, {'|'.join(CONFIG_PRIVILEGES)})")
        vm = self._vm(request)
        self._not_for_tokens(request[USER], values, "skiplock", "lock")
        for key in ("node", "vmid", "skiplock", "background_delay", "force"):
            values.pop(key, None)
        if not set(values) - {"digest"}:
            raise die("no options specified")
        return vm, values

    async def _config_put(self, request: web.Request) -> web.Response:
        vm, values = await self._config_values(request)
        await self._apply_config(vm, request[USER], values)
        return web.json_response({"data": None})

    async def _config_post(self, request: web.Request) -> web.Response:
        vm, values = await self._config_values(request)
        user = request[USER]
        self._check_config(vm, user, values)
        await self._wait_for_clone(vm)
        self._check_lock(vm)

        async def body() -> None:
            await self._apply_config(vm, user, values, checked=True)

        upid = await self.task(vm.node, "qmconfig", vm.vmid, user, body, vm=None, lock=False)
        return web.json_response({"data": upid})

    async def _wait_for_clone(self, vm: Any) -> None:
        """The file of a guest that is being cloned stays locked; a writer gives up after a while."""
        waited = 0.0
        while vm.lock == "clone" and getattr(vm, "lock_fault", None) is None:
            if waited >= self.lock_wait or not self.time_scale:
                raise die(lock_timeout(vm.vmid))
            await self.pause(0.25)
            waited += 0.25
        if vm not in self.vms:
            raise die(f"Configuration file 'nodes/{vm.node}/qemu-server/{vm.vmid}.conf' does not exist")

    def _check_config(self, vm: Any, user: str, values: Values) -> None:
        """Everything that is refused before anything is touched."""
        self.need_quorum()
        if values.get("digest") and values["digest"] != self.digest_of(vm):
            raise die("checksum mismatch (file change by other user?)")
        deletes = split_list(values.get("delete"))
        sets = [key for key in values if key not in ("digest", "delete", "revert")]
        both = sorted(set(sets) & set(deletes))
        if both:
            raise bad(delete=f"cannot use '-{both[0]}' and '-delete {both[0]}' at the same time")
        for key in [*sets, *deletes]:
            self._may_set(vm, user, key, values.get(key))
        for key in sets:
            if DRIVE_KEY.match(key):
                self._qm_check_drive(user, vm.vmid, vm.pool, key, values[key], None)
            elif NIC.fullmatch(key):
                self._may_use_bridge(user, str(values[key]))
        self._check_boot(vm, values)

    def _may_set(self, vm: Any, user: str, key: str, value: Any) -> None:
        where = f"/vms/{vm.vmid}"
        priv = self._config_priv(key)
        if is_cloud_init(key):
            if not self.allowed(user, where, "VM.Config.Cloudinit"):
                self.require(user, where, "VM.Config.Network")
        elif priv == "root":
            if user != "root@pam":
                raise PveError(403, f"only root can set '{key}' config")
        elif DRIVE_KEY.match(key) and "cloudinit" in str(value or vm.config.get(key, "")):
            self.require(user, where, "VM.Config.Cloudinit")
            self.require(user, where, "VM.Config.CDROM")
        elif key.startswith("ide") and "media=cdrom" in str(value or vm.config.get(key, "")):
            self.require(user, where, "VM.Config.CDROM")
        else:
            self.require(user, where, priv)

    def _may_use_bridge(self, user: str, value: str) -> None:
        bridge = re.search(r"(?:^|,)bridge=([^,]+)", value)
        if bridge:
            self.require(user, f"/sdn/zones/localnetwork/{bridge.group(1)}", "SDN.Use")

    def _check_boot(self, vm: Any, values: Values) -> None:
        order = str(values.get("boot", ""))
        if not order.startswith("order="):
            return
        known = {*vm.devices(), *(k for k, v in vm.pending.items() if v is not None), *values}
        for device in order.removeprefix("order=").split(";"):
            if device and device not in known:
                raise bad(boot=f"invalid bootorder: device '{device}' does not exist'")

    async def _apply_config(self, vm: Any, user: str, values: Values, checked: bool = False) -> None:
        if not checked:
            self._check_config(vm, user, values)
            await self._wait_for_clone(vm)
        self._check_lock(vm)
        try:
            await self.acquire(vm, "config")
        except TaskError as failure:
            raise die(str(failure)) from failure
        try:
            await self.ceph_io(vm, [key for key in values if DRIVE_KEY.match(key)])
            for key in split_list(values.get("revert")):
                vm.pending.pop(key, None)
            stuck = self._change(vm, values)
        finally:
            self.release(vm, "config")
        vm.name = vm.config.get("name") or f"VM {vm.vmid}"
        if stuck:
            raise PveError(400, "Parameter verification failed.", {stuck: "hotplug problem - timed out"})

    def _change(self, vm: Any, values: Values) -> str | None:
        """Carry out the deletes and settings; the key whose hotplug failed, if one did."""
        running, stuck = vm.status == "running", None
        for key in split_list(values.get("delete")):
            if UNUSED.fullmatch(key):
                self._destroy_unused(vm, key)
            elif running and not hotpluggable(vm.config, key, None):
                self._out_of_boot_order(vm, key)
                if key in vm.config:
                    vm.pending[key] = None
                else:
                    vm.pending.pop(key, None)
            else:
                self._remove(vm, key)
        for key, given in values.items():
            if key in ("digest", "delete", "revert"):
                continue
            value = self._made(vm, key, given)
            fails = running and bool(self.faults.values.get("hotplug_fails")) and key not in AT_ONCE
            takes = not running or hotpluggable(vm.config, key, value)
            if fails or not takes:
                stuck = key if fails and takes else stuck
                if str(vm.config.get(key)) == str(value):
                    vm.pending.pop(key, None)
                else:
                    vm.pending[key] = value
                continue
            self._replace(vm, key, value)
        return stuck

    def take_pending(self, vm: Any) -> None:
        """What waited for a start, now that it comes; disks that give way become unused."""
        for key, value in dict(vm.pending).items():
            if value is None:
                self._remove(vm, key)
            else:
                self._replace(vm, key, value)

    def _made(self, vm: Any, key: str, value: Any) -> Any:
        """The value as the config keeps it: disks allocated, MAC addresses chosen, secrets hidden."""
        if DRIVE_KEY.match(key):
            drive, _ = self._qm_new_drive(vm.vmid, key, value, None)
            return drive
        if NIC.fullmatch(key):
            return with_mac(value)
        if key == "cipassword":
            return HIDDEN_PASSWORD
        if key == "tags":
            return normal_tags(str(value))
        return value

    def _replace(self, vm: Any, key: str, value: Any) -> None:
        """Set a key; a disk that another one displaces becomes unused."""
        old = vm.config.get(key)
        if DRIVE_KEY.match(key) and old is not None and split_drive(old)[0] != split_drive(value)[0]:
            self._let_go(vm, *split_drive(old))
        vm.config[key] = value
        vm.pending.pop(key, None)
        if UNUSED.fullmatch(key):
            return
        if DRIVE_KEY.match(key):  # a disk that is used again is no longer unused
            volume = split_drive(value)[0]
            for slot in [k for k, v in vm.config.items() if UNUSED.fullmatch(k) and split_drive(v)[0] == volume]:
                del vm.config[slot]

    def _remove(self, vm: Any, key: str) -> None:
        """Delete a key; deleting one that is not set is fine."""
        old = vm.config.get(key)
        if old is not None and DRIVE_KEY.match(key):
            if vm.config.get("protection") in (1, "1") and not is_cdrom(*split_drive(old)):
                raise die(f"can't remove drive '{key}' - protection mode enabled")
            self._let_go(vm, *split_drive(old))
        self._out_of_boot_order(vm, key)
        vm.config.pop(key, None)
        vm.pending.pop(key, None)

    def _let_go(self, vm: Any, volume: str, props: dict[str, str]) -> None:
        """A detached disk is kept as unusedN; a cloud-init image goes, a CD stays on its storage."""
        if volume_ref(volume)[0] is None:
            return
        if is_cdrom(volume, props):
            if f"vm-{vm.vmid}-cloudinit" in volume:
                self._qm_free(volume)
            return
        slot = next(n for n in range(256) if f"unused{n}" not in vm.config)
        vm.config[f"unused{slot}"] = volume

    def _destroy_unused(self, vm: Any, key: str) -> None:
        value = vm.config.pop(key, None)
        if value is not None:
            self._qm_free(split_drive(value)[0])

    @staticmethod
    def _out_of_boot_order(vm: Any, key: str) -> None:
        """A device that goes leaves the order; of a running VM the order changes with its next start."""
        order = str(vm.pending.get("boot") or vm.config.get("boot", ""))
        devices = order.removeprefix("order=").split(";") if order.startswith("order=") else []
        if key not in devices:
            return
        kept = [device for device in devices if device != key]
        left = "order=" + ";".join(kept) if kept else boot_order({k: v for k, v in vm.config.items() if k != key}) or " "
        (vm.pending if vm.status == "running" else vm.config)["boot"] = left

    # ----------------------------------------------------------------- unlink

    def _routes_lab_config(self) -> list[tuple[str, str, Any]]:
        return [("PUT", "/nodes/{node}/qemu/{vmid}/unlink", self._unlink)]

    async def _unlink(self, values: Values, user: str) -> None:
        vm = self.find(values["node"], values["vmid"])
        keys = split_list(values["idlist"])
        self._check_config(vm, user, {"delete": ",".join(keys)})
        self._check_lock(vm)
        before = self._unused(vm)
        self._change(vm, {"delete": ",".join(keys)})
        if values.get("force"):
            for slot in self._unused(vm) - before:
                self._destroy_unused(vm, slot)

    @staticmethod
    def _unused(vm: Any) -> set[str]:
        return {key for key in vm.config if UNUSED.fullmatch(key)}

    def free_volumes(self, vm: Any, configs: Iterable[dict[str, Any]]) -> None:
        """Free the volumes that the configs name and that belong to this guest."""
        for config in configs:
            for key, value in config.items():
                if not (DRIVE_KEY.match(key) or UNUSED.fullmatch(key)):
                    continue
                volume = split_drive(value)[0]
                owned = self._qm_volume(volume)
                if owned is not None and owned.get("vmid") == vm.vmid:
                    self._qm_free(volume)

    def locked_task(self, vm: Any) -> None:
        """What a task does first: a locked guest makes it fail."""
        if vm.lock:
            raise task_failure(f"VM is locked ({vm.lock})")
