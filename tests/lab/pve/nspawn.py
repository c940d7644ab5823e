# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that are real machines of the lab."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from tests.lab.lab import LabError

from .driver import Completed, GuestError, GuestSpec, agent_interfaces

IMAGE = "guest"
FAILURES = (LabError, OSError, subprocess.SubprocessError)
BOOTED = ("running", "degraded")


class Machines(Protocol):
    """What this driver needs of tests/lab/machine.py."""

    def boot(self, spec: Any) -> None: ...
    def stop(self, name: str, timeout: float = 20) -> None: ...
    def remove(self, name: str) -> None: ...
    def running(self) -> dict[str, int]: ...
    def run(self, name: str, argv: Sequence[str], input: bytes | None = None, timeout: float = 30) -> subprocess.CompletedProcess[bytes]: ...  # noqa: A002


def _line(data: bytes) -> str:
    text = data.decode(errors="replace").strip()
    return text.splitlines()[-1] if text else "no message"


class NspawnDriver:
    """A GuestDriver over tests/lab/machine.py."""

    snapshots = False
    instant = False

    def __init__(self, machines: Machines, make_spec: Callable[..., Any]) -> None:
        self._machines = machines
        self._make_spec = make_spec  # MachineSpec
        self._ready: dict[str, int] = {}  # name -> pid of the init that was seen to have booted

    def boot(self, spec: GuestSpec) -> None:
        if spec.name in self._machines.running():
            return
        machine = self._make_spec(
            name=spec.name,
            image=IMAGE,
            address=spec.address,
            gateway=spec.gateway,
            authorized_keys=spec.authorized_keys,
            memory_mib=spec.memory_mib,
        )
        try:
            self._machines.boot(machine)
            if spec.mac:  # the bridge port of the machine has the address that the VM's config names
                self._shell(spec.name, 'ip link set dev host0 address "$1"', spec.mac)
        except (*FAILURES, GuestError) as failure:
            with contextlib.suppress(*FAILURES):
                self._machines.stop(spec.name, timeout=1)
            raise GuestError(f"start failed: {failure}") from failure

    def stop(self, name: str, timeout: float) -> None:
        self._ready.pop(name, None)
        try:
            self._machines.stop(name, timeout=timeout)
        except FAILURES as failure:
            raise GuestError(f"VM quit/powerdown failed: {failure}") from failure

    def remove(self, name: str) -> None:
        self._ready.pop(name, None)
        try:
            self._machines.remove(name)
        except FAILURES as failure:
            raise GuestError(f"could not remove the machine {name}: {failure}") from failure

    def running(self) -> frozenset[str]:
        return frozenset(self._machines.running())

    def ready(self, name: str) -> bool:
        pid = self._machines.running().get(name)
        if pid is None:
            return False
        if self._ready.get(name) == pid:
            return True
        try:
            state = self.execute(name, ("systemctl", "is-system-running"), None, 5).stdout.decode().strip()
        except GuestError:
            return False
        if state in BOOTED:
            self._ready[name] = pid
        return state in BOOTED

    def execute(self, name: str, argv: Sequence[str], data: bytes | None, timeout: float) -> Completed:
        try:
            done = self._machines.run(name, argv, input=data, timeout=timeout)
        except subprocess.TimeoutExpired as late:
            raise GuestError(f"'{argv[0]}' did not end within {timeout:.0f} s") from late
        except FAILURES as failure:
            raise GuestError(str(failure)) from failure
        return Completed(done.returncode, done.stdout, done.stderr)

    def _shell(self, name: str, script: str, *arguments: str, data: bytes | None = None) -> bytes:
        done = self.execute(name, ("sh", "-c", script, "sh", *arguments), data, 30)
        if done.returncode:
            raise GuestError(_line(done.stderr))
        return done.stdout

    def interfaces(self, name: str) -> list[dict[str, Any]]:
        return agent_interfaces(json.loads(self._shell(name, "ip -j addr")))

    def read_file(self, name: str, path: str, offset: int, count: int) -> bytes:
        return self._shell(name, 'exec <"$1"; tail -c "+$2" | head -c "$3"', path, str(offset + 1), str(count))

    def write_file(self, name: str, path: str, data: bytes) -> None:
        self._shell(name, 'umask 022; cat >"$1"', path, data=data)

    def resize_disk(self, name: str, key: str, size: int) -> None:
        """A machine's root file system is a folder."""
