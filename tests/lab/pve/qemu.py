# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that are real VMs, and the choice between them and the lab's machines."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from typing import Any

from tests.lab.vm import Vms, VmSpec, connected

from . import seed
from .driver import Completed, GuestDriver, GuestError, GuestSpec
from .qga import Agent
from .volumes import FAILURES, QemuVolumes


class QemuDriver:
    """A GuestDriver over tests/lab/vm.py. A started guest is a running processor; its agent answers when its system is up."""

    snapshots = False
    instant = False

    def __init__(self, vms: Vms, volumes: QemuVolumes) -> None:
        self.vms, self._volumes = vms, volumes

    def _agent(self, name: str) -> Agent:
        return Agent(partial(connected, self.vms.home(name), "agent.sock"))

    def boot(self, spec: GuestSpec) -> None:
        home = self.vms.home(spec.name)
        drive = home / "seed.iso"
        cards = sorted(key for key in spec.config if seed.NIC.fullmatch(key))
        nics = tuple((key, found.group(1)) for key in cards if (found := seed.MAC.search(str(spec.config[key]))))
        try:
            if self.vms.pid(spec.name) is not None:
                return
            home.mkdir(parents=True, exist_ok=True)
            seed.write(drive, spec.config, spec.hostname)
            for disk in spec.disks:
                self._volumes.make(disk.volume, disk.size)
            disks = tuple((disk.key, self._volumes.file(disk.volume)) for disk in spec.disks)
            self.vms.boot(VmSpec(spec.name, spec.memory_mib or 256, disks, drive, nics))
        except FAILURES as failure:
            raise GuestError(f"start failed: {failure}") from failure

    def stop(self, name: str, timeout: float) -> None:
        try:
            self.vms.stop(name, lambda: self._ask_to_power_off(name), timeout)
        except FAILURES as failure:
            raise GuestError(f"VM quit/powerdown failed: {failure}") from failure

    def _ask_to_power_off(self, name: str) -> None:
        """Through the agent; with the power button where it does not answer."""
        agent = self._agent(name)
        try:
            agent.call("ping", wait=5)
            agent.call("shutdown", mode="powerdown", silent=True)
        except GuestError:
            with contextlib.suppress(*FAILURES):
                self.vms.monitor(name, "system_powerdown")

    def remove(self, name: str) -> None:
        try:
            self.vms.remove(name)
        except FAILURES as failure:
            raise GuestError(f"could not remove the VM {name}: {failure}") from failure

    def running(self) -> frozenset[str]:
        return frozenset(self.vms.running())

    def ready(self, name: str) -> bool:
        if self.vms.pid(name) is None:
            return False
        try:
            self._agent(name).call("ping", wait=3)
        except GuestError:
            return False
        return True

    def interfaces(self, name: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._agent(name).call("network-get-interfaces")
        return rows

    def execute(self, name: str, argv: Sequence[str], data: bytes | None, timeout: float) -> Completed:
        return self._agent(name).execute(argv, data, timeout)

    def read_file(self, name: str, path: str, offset: int, count: int) -> bytes:
        return self._agent(name).read(path, offset, count)

    def write_file(self, name: str, path: str, data: bytes) -> None:
        self._agent(name).write(path, data)

    def resize_disk(self, name: str, key: str, size: int) -> None:
        try:
            self.vms.monitor(name, "block_resize", device=f"drive-{key}", size=size)
        except FAILURES as failure:
            raise GuestError(f"VM {name} qmp command 'block_resize' failed - {failure}") from failure


class Drivers:
    """Real VMs for guests with real disks, the lab's machines for all others."""

    snapshots = False
    instant = False

    def __init__(self, vms: QemuDriver, machines: GuestDriver) -> None:
        self._vms, self._machines = vms, machines

    def _of(self, name: str) -> GuestDriver:
        return self._vms if name in self._vms.vms.known() else self._machines

    def boot(self, spec: GuestSpec) -> None:
        (self._vms if spec.disks else self._machines).boot(spec)

    def running(self) -> frozenset[str]:
        return self._vms.running() | self._machines.running()

    def stop(self, name: str, timeout: float) -> None:
        self._of(name).stop(name, timeout)

    def remove(self, name: str) -> None:
        self._of(name).remove(name)

    def ready(self, name: str) -> bool:
        return self._of(name).ready(name)

    def interfaces(self, name: str) -> list[dict[str, Any]]:
        return self._of(name).interfaces(name)

    def execute(self, name: str, argv: Sequence[str], data: bytes | None, timeout: float) -> Completed:
        return self._of(name).execute(name, argv, data, timeout)

    def read_file(self, name: str, path: str, offset: int, count: int) -> bytes:
        return self._of(name).read_file(name, path, offset, count)

    def write_file(self, name: str, path: str, data: bytes) -> None:
        self._of(name).write_file(name, path, data)

    def resize_disk(self, name: str, key: str, size: int) -> None:
        self._of(name).resize_disk(name, key, size)
