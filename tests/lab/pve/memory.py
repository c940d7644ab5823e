# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests in memory, for module tests: power, addresses, files and a handful of commands."""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Sequence
from typing import Any

from .driver import Completed, GuestError, GuestSpec, agent_interfaces

OS_RELEASE = (
    'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nNAME="Debian GNU/Linux"\nVERSION_ID="13"\n'
    'VERSION="13 (trixie)"\nVERSION_CODENAME=trixie\nID=debian\n'
)
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"
# Programs that provisioning may run and whose only effect here is to succeed.
HARMLESS = frozenset({"true", "systemctl", "chmod", "chown", "install", "mkdir", "rm", "sync"})


def _public_key(name: str) -> str:
    """A well-formed ed25519 public key line that depends on the name only."""
    blob = b"".join(struct.pack(">I", len(part)) + part for part in (b"ssh-ed25519", hashlib.sha256(name.encode()).digest()))
    return f"ssh-ed25519 {base64.b64encode(blob).decode()} root@{name}\n"


class _Machine:
    def __init__(self, spec: GuestSpec) -> None:
        self.spec = spec
        self.on = True
        self.files: dict[str, bytes] = {
            "/etc/os-release": OS_RELEASE.encode(),
            "/etc/hostname": f"{spec.hostname}\n".encode(),
            HOST_KEY: _public_key(spec.hostname).encode(),
        }


class MemoryDriver:
    """A GuestDriver without machines."""

    snapshots = True
    instant = True

    def __init__(self) -> None:
        self._machines: dict[str, _Machine] = {}

    def _up(self, name: str) -> _Machine:
        machine = self._machines.get(name)
        if machine is None or not machine.on:
            raise GuestError(f"machine {name} is not running")
        return machine

    def boot(self, spec: GuestSpec) -> None:
        machine = self._machines.get(spec.name)
        if machine is None:
            self._machines[spec.name] = _Machine(spec)
            return
        if not machine.on:
            machine.spec, machine.on = spec, True
            machine.files["/etc/hostname"] = f"{spec.hostname}\n".encode()

    def stop(self, name: str, timeout: float) -> None:
        if name in self._machines:
            self._machines[name].on = False

    def remove(self, name: str) -> None:
        self._machines.pop(name, None)

    def running(self) -> frozenset[str]:
        return frozenset(name for name, machine in self._machines.items() if machine.on)

    def ready(self, name: str) -> bool:
        return name in self.running()

    def interfaces(self, name: str) -> list[dict[str, Any]]:
        spec = self._up(name).spec
        local, _, prefix = spec.address.partition("/")
        loopback = {"family": "inet", "local": "127.0.0.1", "prefixlen": 8}
        rows = [
            {"ifname": "lo", "address": "00:00:00:00:00:00", "addr_info": [loopback]},
            {
                "ifname": "eth0",
                "address": (spec.mac or "02:00:00:00:00:01").lower(),
                "addr_info": [{"family": "inet", "local": local, "prefixlen": int(prefix or 32)}],
            },
        ]
        return agent_interfaces(rows)

    def execute(self, name: str, argv: Sequence[str], data: bytes | None, timeout: float) -> Completed:
        machine = self._up(name)
        program = argv[0].rsplit("/", 1)[-1]
        if program == "cat" and len(argv) > 1:
            missing = [path for path in argv[1:] if path not in machine.files]
            if missing:
                return Completed(1, stderr=f"cat: {missing[0]}: No such file or directory\n".encode())
            return Completed(0, b"".join(machine.files[path] for path in argv[1:]))
        if program == "hostname":
            return Completed(0, machine.files["/etc/hostname"])
        if program == "uname":
            return Completed(0, b"6.12.0\n")
        if program in HARMLESS:
            return Completed(0)
        raise GuestError(f"Guest agent command failed, error was 'Failed to execute child process “{argv[0]}”'")

    def read_file(self, name: str, path: str, offset: int, count: int) -> bytes:
        files = self._up(name).files
        if path not in files:
            raise GuestError(f"failed to open file '{path}' (mode: 'r'): No such file or directory")
        return files[path][offset : offset + count]

    def write_file(self, name: str, path: str, data: bytes) -> None:
        self._up(name).files[path] = data

    def resize_disk(self, name: str, key: str, size: int) -> None:
        """There is no disk."""
