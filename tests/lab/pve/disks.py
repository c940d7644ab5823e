# SPDX-License-Identifier: GPL-3.0-or-later
"""Clone, destroy, resize, move and migrate: what they do to volumes."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from fakepve.model import PveError
from fakepve.qemu import drives_of, is_cdrom, join_drive, split_drive, volume_ref
from fakepve.routing import split_list

from .config import ConfigParts
from .driver import GuestError
from .hotplug import NIC, UNUSED
from .storages import StorageParts

from .base import CLONE_FAULT, CLONE_SOURCE, Values, bad, die, task_failure  # isort: skip

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
CLOUD_INIT_BYTES = 4 * 1024**2
LINKED = re.compile(r"^\d+/base-\d+-[^/\s]+/(\d+/\S+)$")


def format_size(size: int) -> str:
    unit = next((unit for unit in "TGMK" if size % UNITS[unit] == 0), "")
    return f"{size // UNITS[unit]}{unit}"


class DiskParts(ConfigParts, StorageParts):
    """Disks through a guest's life."""

    io_secs = 0.0
    """PVE seconds that copying a guest's disks takes."""

    def _routes_lab_disks(self) -> list[tuple[str, str, Any]]:
        one = "/nodes/{node}/qemu/{vmid}"
        return [
            ("PUT", f"{one}/resize", self._resize),
            ("POST", f"{one}/move_disk", self._move_disk),
            ("GET", f"{one}/migrate", self._migrate_check),
            ("POST", f"{one}/migrate", self._migrate),
        ]

    def _parse_volname(self, store: dict[str, Any], volname: str) -> Any:
        linked = LINKED.match(volname)  # a linked clone's name starts with that of its base
        return super()._parse_volname(store, linked.group(1) if linked else volname)

    # ------------------------------------------------------------ create, clone

    async def _qm_create(self, values: Values, user: str) -> str:
        for key in values:
            if NIC.fullmatch(key):
                self._may_use_bridge(user, str(values[key]))
        upid: str = await super()._qm_create(values, user)
        return upid

    async def _qm_clone(self, values: Values, user: str) -> str:
        source = self.find(values["node"], values["vmid"])
        target = values.get("target")
        if target and target not in (values["node"], "localhost"):
            if target in self.nodes and not self.nodes[target].get("online", True):
                raise PveError(595, "No route to host")
            local = [
                volume for _, volume, _ in drives_of(source.config, skip_cdrom=True) if not self.storages.get(volume_ref(volume)[0], {}).get("shared")
            ]
            if local:
                raise die(f"can't clone VM to node '{target}' (VM uses local storage)")
        CLONE_SOURCE.set(source.config)
        upid: str = await super()._qm_clone(values, user)
        return upid

    async def ceph_io(self, vm: Any, keys: Any = None) -> None:
        """Copying takes time; the last thing a clone gets is a cloud-init image of its own."""
        await super().ceph_io(vm, keys)
        if vm.lock not in ("clone", "create"):
            return
        await self.pause(self.io_secs)
        failure = CLONE_FAULT.get()
        if failure is not None:
            raise task_failure(failure)
        if vm.lock == "clone":
            await self._copy_content(vm)
            for key, volume, props in drives_of(vm.config):
                if is_cdrom(volume, props) and "-cloudinit" in volume:
                    vm.config[key] = self._cloud_init_drive(vm, volume_ref(volume)[0], props)

    async def _copy_content(self, vm: Any) -> None:
        for key, volume, _ in drives_of(vm.config, skip_cdrom=True):
            source = split_drive(CLONE_SOURCE.get()[key])[0]
            try:
                await asyncio.to_thread(self.volumes.copy, source, volume, linked="/base-" in volume)
            except GuestError as failure:
                raise task_failure(str(failure)) from failure

    def _cloud_init_drive(self, vm: Any, sid: str, props: dict[str, str]) -> str:
        self.need_space(sid, vm.node, CLOUD_INIT_BYTES, f"vm-{vm.vmid}-cloudinit")
        shared = self.storages[sid].get("shared")
        name = f"{vm.vmid}/vm-{vm.vmid}-cloudinit.qcow2" if shared else f"vm-{vm.vmid}-cloudinit"
        volume = {"content": "images", "format": "qcow2" if shared else "raw", "size": CLOUD_INIT_BYTES, "vmid": vm.vmid}
        self.storages[sid].setdefault("volumes", {})[name] = volume if shared else {**volume, "node": vm.node}
        return str(join_drive(f"{sid}:{name}", {**props, "media": "cdrom"}))

    # ---------------------------------------------------------------- destroy

    async def _qm_destroy(self, values: Values, user: str) -> str:
        vm = self.find(values["node"], values["vmid"])
        self._not_for_tokens(user, values, "skiplock")
        self.need_quorum()
        self._qm_check_protection(vm, f"can't remove VM {vm.vmid}")
        if vm.status == "running":
            raise die(f"VM {vm.vmid} is running - destroy failed")

        async def body() -> None:
            self.locked_task(vm)
            for _, volume, _ in drives_of(vm.config, skip_cdrom=True):
                if self._linked_children(volume):
                    raise task_failure(f"base volume '{volume}' is still in use by linked cloned")  # sic
            machine = getattr(vm, "machine", None)
            if machine:
                await asyncio.to_thread(self.driver.remove, machine)
            self.free_volumes(vm, [vm.config, *vm.snapshots.values()])
            self.vms.remove(vm)
            self._gone(vm)

        upid: str = await self.task(vm.node, "qmdestroy", vm.vmid, user, body, vm=vm)
        return upid

    def _gone(self, vm: Any) -> None:
        """Nothing of the cluster knows this guest any more."""
        self.broadcast.pop(vm.vmid, None)
        self._pool_leave(vm.vmid)

    # ----------------------------------------------------------------- resize

    async def _resize(self, values: Values, user: str) -> str:
        vm = self.find(values["node"], values["vmid"])
        self._not_for_tokens(user, values, "skiplock")
        key, text = values["disk"], values["size"]

        async def body() -> None:
            if values.get("digest") and values["digest"] != self.digest_of(vm):
                raise task_failure("checksum mismatch (file change by other user?)")
            self.locked_task(vm)
            if key not in vm.config:
                raise task_failure(f"disk '{key}' does not exist")
            volume, props = split_drive(vm.config[key])
            if is_cdrom(volume, props):
                raise task_failure("can't resize a cdrom")
            sid = volume_ref(volume)[0]
            self.require(user, f"/storage/{sid}", "Datastore.AllocateSpace")
            record = self._qm_volume(volume)
            if record is None:
                raise task_failure(f"could not determine current size of volume '{volume}'")
            size = int(record["size"])
            amount = int(float(text.strip("+KMGT")) * UNITS[text[-1] if text[-1] in UNITS else ""])
            new = size + amount if text.startswith("+") else amount
            if new < size:
                raise task_failure("shrinking disks is not supported")
            if new > size:
                self.need_space(sid, vm.node, new - size, volume_ref(volume)[1])
            if self.volumes.real(volume):
                if vm.status == "running":
                    await asyncio.to_thread(self.driver.resize_disk, vm.machine, key, new)
                else:
                    await asyncio.to_thread(self.volumes.grow, volume, new)
            record["size"] = new
            vm.config[key] = join_drive(volume, {**props, "size": format_size(new)})

        upid: str = await self.task(vm.node, "resize", vm.vmid, user, body, vm=vm)
        return upid

    # ------------------------------------------------------------------- move

    async def _move_disk(self, values: Values, user: str) -> str:
        vm = self.find(values["node"], values["vmid"])
        key, target = values["disk"], values.get("storage")
        if values.get("target-vmid") or not target:
            raise bad(storage="the lab's API moves disks between storages only")
        if values.get("digest") and values["digest"] != self.digest_of(vm):
            raise die("checksum mismatch (file change by other user?)")
        self._qm_image_store(target, user)
        self._available(target, vm.node)
        self._check_lock(vm)
        if key not in vm.config:
            raise die(f"disk '{key}' does not exist")
        volume, props = split_drive(vm.config[key])
        if is_cdrom(volume, props):
            raise die("you can't move a cdrom")
        if volume_ref(volume)[0] == target and values.get("format") in (None, self._qm_volume(volume).get("format")):
            raise die("you can't move to the same storage with same format")

        async def body() -> None:
            if vm.status == "running" and self.volumes.real(volume):
                raise task_failure("the lab's API moves the disks of a real VM while it is off")
            record = self._qm_volume(volume)
            made, _ = self._qm_alloc(target, vm.vmid, values.get("format"), int(record["size"]))
            await self.pause(self.io_secs)
            await asyncio.to_thread(self.volumes.copy, volume, made, linked=False)
            vm.config[key] = made if UNUSED.fullmatch(key) else join_drive(made, props)
            if values.get("delete"):
                self._qm_free(volume)
            else:
                slot = next(n for n in range(256) if f"unused{n}" not in vm.config)
                vm.config[f"unused{slot}"] = volume

        upid: str = await self.task(vm.node, "qmmove", vm.vmid, user, body, vm=vm)
        return upid

    # ---------------------------------------------------------------- migrate

    def _local_disks(self, vm: Any) -> list[str]:
        return [volume for _, volume, _ in drives_of(vm.config) if volume_ref(volume)[0] and not self.storages[volume_ref(volume)[0]].get("shared")]

    async def _migrate_check(self, values: Values, user: str) -> Values:
        vm = self.find(values["node"], values["vmid"])
        others = [name for name in sorted(self.nodes) if name != vm.node]
        disks = [
            {"volid": volid, "size": int((self._qm_volume(volid) or {}).get("size", 0)), "cdrom": 0, "is_unused": 0}
            for volid in self._local_disks(vm)
        ]
        return {"running": int(vm.status == "running"), "local_disks": disks, "local_resources": [],
                "allowed_nodes": others, "mapped-resources": []}  # fmt: skip

    async def _migrate(self, values: Values, user: str) -> str:
        vm = self.find(values["node"], values["vmid"])
        target = values["target"]
        if target == vm.node:
            raise bad(target="target is local node.")
        if target not in self.nodes:
            raise bad(target=f"no such cluster node '{target}'")
        self._check_lock(vm)
        if vm.status == "running" and not values.get("online"):
            raise die("can't migrate running VM without --online")
        if not self.nodes[target].get("online", True):
            raise die(f"target node '{target}' is offline")
        mapped = dict(pair.split(":", 1) for pair in split_list(values.get("targetstorage")) if ":" in pair)

        async def body() -> None:
            local = self._local_disks(vm)
            if local and vm.status == "running" and not values.get("with-local-disks"):
                why = "can't live migrate attached local disks without with-local-disks option"
                raise task_failure(f"can't migrate local disk '{local[0]}': {why}")
            if mapped:
                raise task_failure("the lab's API keeps each disk on its storage")
            for volid in local:
                self.need_space(volume_ref(volid)[0], target, int(self._qm_volume(volid)["size"]), volid)
            self._qm_lock(vm, "migrate")
            try:
                await self.pause(self.io_secs)
                for volid in local:
                    self._qm_volume(volid)["node"] = target
                vm.node = target
            finally:
                self._qm_lock(vm, None)

        log = [f"starting migration of VM {vm.vmid} to node '{target}'"]
        upid: str = await self.task(vm.node, "qmigrate", vm.vmid, user, body, vm=vm, log=log)
        return upid
