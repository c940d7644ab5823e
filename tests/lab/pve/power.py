# SPDX-License-Identifier: GPL-3.0-or-later
"""Power: a started guest is a machine of the driver."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import urllib.parse
from typing import Any

from aiohttp import web
from fakepve.qemu import drives_of, volume_ref
from fakepve.server import USER, int_param

from .base import LabBase, Values, die, task_failure
from .driver import Disk, GuestError, GuestSpec
from .storages import NODE_MEMORY

BRIDGES = frozenset({"vmbr0"})
ON = ("1", "true")


def properties(text: str) -> dict[str, str]:
    """``a=b,c=d`` as a dictionary; a part without a key is left out."""
    return {key: value for key, found, value in (part.partition("=") for part in text.split(",")) if found}


class PowerParts(LabBase):
    """Start, stop, shutdown, reboot, reset."""

    broadcast: dict[int, str]

    # ----------------------------------------------------------- the machine

    def guest_spec(self, vm: Any) -> GuestSpec:
        """What the guest's cloud-init would set, read from the config; a task error if a machine cannot be made of it."""
        name = str(vm.config.get("name") or f"vm{vm.vmid}")
        machine = getattr(vm, "machine", None) or name
        taken = [other.vmid for other in self.vms if other is not vm and getattr(other, "machine", None) == machine]
        if taken:
            raise task_failure(f"the lab's machine '{machine}' belongs to VM {taken[0]}: give the VM another name")
        network = properties(str(vm.config.get("ipconfig0", "")))
        address = network.get("ip", "dhcp")
        if "/" not in address:
            raise task_failure(f"the lab has no DHCP: VM {vm.vmid} needs ipconfig0 with ip=ADDRESS/PREFIX")
        keys = urllib.parse.unquote(str(vm.config.get("sshkeys", ""))).splitlines()
        mac = re.search(r"=([0-9A-Fa-f:]{17})", str(vm.config.get("net0", "")))
        return GuestSpec(
            name=machine,
            hostname=name,
            address=address,
            gateway=network.get("gw"),
            authorized_keys=tuple(key.strip() for key in keys if key.strip()),
            memory_mib=self.memory_mib(vm),
            mac=mac.group(1) if mac else None,
            disks=self._real_disks(vm),
            config=dict(vm.config),
        )

    def _real_disks(self, vm: Any) -> tuple[Disk, ...]:
        """None of them if none has content: then the guest is no real VM."""
        volumes = {key: volume for key, volume, _ in drives_of(vm.config, skip_cdrom=True)}
        if not any(map(self.volumes.real, volumes.values())):
            return ()
        return tuple(Disk(key, volume, int(self._qm_volume(volume)["size"])) for key, volume in volumes.items())

    @staticmethod
    def memory_mib(vm: Any) -> int:
        return int(str(vm.config.get("memory", 512)).split("=")[-1])

    def _check_startable(self, vm: Any) -> None:
        """The reasons for which QEMU or its preparation would fail."""
        for key, value in vm.config.items():
            if re.fullmatch(r"net\d+", key):
                bridge = properties(str(value)).get("bridge")
                if bridge and bridge not in BRIDGES:
                    raise task_failure(f"bridge '{bridge}' does not exist")
        for _, volume, _ in drives_of(vm.config, skip_cdrom=True):
            sid, name = volume_ref(volume)
            if sid is not None and name not in self.storages.get(sid, {}).get("volumes", {}):
                raise task_failure(f"no such volume '{volume}'")
        used = sum(self.memory_mib(other) for other in self.vms if other.node == vm.node and other.status == "running")
        if (used + self.memory_mib(vm)) * 1024**2 > NODE_MEMORY:
            raise task_failure("start failed: QEMU exited with code 1")

    async def _power_on(self, vm: Any) -> None:
        """Apply what waited for a start, then boot; on failure the VM is off and its pending changes are kept."""
        waiting = dict(vm.pending)
        before = dict(vm.config)
        self.take_pending(vm)
        try:
            self._check_startable(vm)
            spec = self.guest_spec(vm)
            vm.machine = spec.name
            await asyncio.to_thread(self.driver.boot, spec)
        except BaseException:
            vm.config, vm.pending = before, waiting
            raise
        vm.status = vm.qmpstatus = "running"
        vm.started_at = time.time()

    async def _power_off(self, vm: Any, grace: float) -> None:
        machine = getattr(vm, "machine", None)
        if machine:
            await asyncio.to_thread(self.driver.stop, machine, grace)
        vm.status = vm.qmpstatus = "stopped"

    # ---------------------------------------------------------------- actions

    async def _status_action(self, request: web.Request) -> web.Response:
        """Starting a VM that does not exist is a task, and the task fails."""
        node, vmid = request.match_info["node"], request.match_info["vmid"]
        missing = vmid.isdecimal() and (self.vm(int(vmid)) is None or self.vm(int(vmid)).node != node)
        if request.match_info["action"] != "start" or not missing:
            answer: web.Response = await super()._status_action(request)
            return answer
        self._known_node(node)
        self.require(request[USER], f"/vms/{vmid}", "VM.PowerMgmt")

        async def body() -> None:
            self.find(node, vmid)

        return web.json_response({"data": await self.task(node, "qmstart", vmid, request[USER], body)})

    async def _do_start(self, vm: Any, user: str, values: Values) -> Any:
        if vm.ha_managed and not vm.template:
            return await self._ha_request(vm, user, "started")

        async def body() -> None:
            if vm.template:
                raise task_failure("you can't start a vm if it's a template")
            if vm.lock and vm.lock != "suspended":
                raise task_failure(f"VM is locked ({vm.lock})")
            if vm.status == "running":
                raise task_failure(f"VM {vm.vmid} already running")
            await self._power_on(vm)

        return await self.task(vm.node, "qmstart", vm.vmid, user, body, vm=vm)

    async def _do_stop(self, vm: Any, user: str, values: Values) -> Any:
        self._not_for_tokens(user, values, "skiplock")
        self._check_lock(vm)
        if vm.ha_managed:
            return await self._ha_request(vm, user, "stopped")

        async def body() -> None:
            await self._power_off(vm, 10)

        return await self.task(vm.node, "qmstop", vm.vmid, user, body, vm=vm)

    async def _powerdown(self, vm: Any, values: Values) -> str | None:
        timeout = int_param(values, "timeout") or self.shutdown_default_timeout
        await self._power_off(vm, float(timeout))
        return None

    async def _do_reboot(self, vm: Any, user: str, values: Values) -> Any:
        self._need_running(vm)
        self._check_lock(vm)

        async def body() -> None:
            await self._powerdown(vm, values)
            await self._power_on(vm)

        return await self.task(vm.node, "qmreboot", vm.vmid, user, body, vm=vm)

    async def _do_reset(self, vm: Any, user: str, values: Values) -> Any:
        self._need_running(vm)
        self._check_lock(vm)

        async def body() -> None:
            await self._power_off(vm, 0)
            await self._power_on(vm)

        return await self.task(vm.node, "qmreset", vm.vmid, user, body, vm=vm)

    async def _do_suspend(self, vm: Any, user: str, values: Values) -> Any:
        raise self._unmodelled(vm, "suspend")

    async def _do_resume(self, vm: Any, user: str, values: Values) -> Any:
        raise self._unmodelled(vm, "resume")

    @staticmethod
    def _unmodelled(vm: Any, action: str) -> Exception:
        return die(f"VM {vm.vmid}: the lab's machines cannot {action}")

    # ----------------------------------------------- create and snapshots

    async def _qm_create(self, values: Values, user: str) -> Any:
        start = values.pop("start", None)
        upid = await super()._qm_create(values, user)
        if start:
            task = asyncio.ensure_future(self._start_when_made(upid, int(values["vmid"]), user))
            self._followers.add(task)
            task.add_done_callback(self._followers.discard)
            if not self.time_scale:
                await task
        return upid

    async def _start_when_made(self, upid: str, vmid: int, user: str) -> None:
        record = self.tasks[upid]
        while record["status"] == "running":  # noqa: ASYNC110 - fakepve announces no end of a task
            await asyncio.sleep(0.1)
        vm = self.vm(vmid)
        if record["exitstatus"] == "OK" and vm is not None:
            await self._do_start(vm, user, {})

    async def _qm_snapshot(self, values: Values, user: str) -> Any:
        if not self.driver.snapshots:
            raise die("snapshot feature is not available")
        return await super()._qm_snapshot(values, user)

    # -------------------------------------------------- the status daemon

    async def watch(self) -> None:
        """Follow the machines as the cluster's status daemon does: a guest that powered itself off is stopped."""
        beat = 10 * self.time_scale
        last = 0.0
        while True:
            try:
                await self.follow_machines()
            except (OSError, GuestError) as failure:
                logging.getLogger("lotse.lab.pve").warning("cannot see the machines: %s", failure)
            now = asyncio.get_running_loop().time()
            if now - last >= beat:
                self.broadcast = {vm.vmid: vm.status for vm in self.vms}
                last = now
            await asyncio.sleep(1)

    async def follow_machines(self) -> None:
        running = await asyncio.to_thread(self.driver.running)
        for vm in self.vms:
            if vm.lock_holder is None and vm.status == "running" and getattr(vm, "machine", None) not in running:
                vm.status = vm.qmpstatus = "stopped"
                self.on_change()
