# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API needs of the thing that runs its guests; the real and the in-memory one have the same interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class GuestError(Exception):
    """The guest's machine refused or failed; the text is what a task or an agent call answers."""


@dataclass(frozen=True)
class Disk:
    """A disk of a real VM: its key such as scsi0, its volume and its size in bytes."""

    key: str
    volume: str
    size: int


@dataclass(frozen=True)
class GuestSpec:
    """What cloud-init and the VM's hardware say about a guest."""

    name: str
    hostname: str
    address: str  # "10.77.0.101/24"
    gateway: str | None = None
    authorized_keys: tuple[str, ...] = ()
    memory_mib: int | None = None
    mac: str | None = None
    disks: tuple[Disk, ...] = ()  # of a real VM
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Completed:
    """The end of a program that ran inside a guest."""

    returncode: int
    stdout: bytes = b""
    stderr: bytes = b""


def agent_interfaces(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``guest-network-get-interfaces`` from what ``ip -j addr`` prints."""
    return [
        {
            "name": row["ifname"],
            "hardware-address": row.get("address", ""),
            "ip-addresses": [
                {
                    "ip-address": entry["local"],
                    "ip-address-type": "ipv6" if entry["family"] == "inet6" else "ipv4",
                    "prefix": entry["prefixlen"],
                }
                for entry in row.get("addr_info", [])
                if "local" in entry
            ],
        }
        for row in rows
    ]


class GuestDriver(Protocol):
    """Machines by name. Every method may block; all raise GuestError."""

    snapshots: bool
    """True if snapshots and rollbacks of the disk are real (or the disk is)."""

    instant: bool
    """True if no question blocks."""

    def boot(self, spec: GuestSpec) -> None:
        """Power on, return when init is up; a machine that runs already is left alone."""

    def stop(self, name: str, timeout: float) -> None:
        """Power off, keep the disk."""

    def remove(self, name: str) -> None:
        """Power off and forget the disk; nothing to do for an unknown name."""

    def running(self) -> frozenset[str]:
        """Names of the machines that run."""

    def ready(self, name: str) -> bool:
        """True once the guest agent would answer: the operating system has booted."""

    def interfaces(self, name: str) -> list[dict[str, Any]]:
        """The interfaces as ``guest-network-get-interfaces`` gives them."""

    def execute(self, name: str, argv: Sequence[str], data: bytes | None, timeout: float) -> Completed:
        """Run a program inside as root, without a shell."""

    def read_file(self, name: str, path: str, offset: int, count: int) -> bytes:
        """At most ``count`` bytes from ``offset``."""

    def write_file(self, name: str, path: str, data: bytes) -> None:
        """Create or replace a file; an existing one keeps its mode."""

    def resize_disk(self, name: str, key: str, size: int) -> None:
        """A disk of a machine that runs has ``size`` bytes from now on."""


class Volumes(Protocol):
    """What the API needs of the disks' content. Nothing happens to a volume that is a number only. All raise GuestError."""

    def real(self, volume: str) -> bool:
        """Whether the volume has content."""

    def copy(self, source: str, target: str, *, linked: bool) -> None:
        """A linked copy stands on its source; a full one needs it no more."""

    def grow(self, volume: str, size: int) -> None:
        """``size`` in bytes, of a disk that no VM runs on."""

    def free(self, volume: str) -> None:
        """Removes the content."""


class Numbers:
    """Volumes without content."""

    def real(self, volume: str) -> bool:
        return False

    def copy(self, source: str, target: str, *, linked: bool) -> None:
        return None

    def grow(self, volume: str, size: int) -> None:
        return None

    def free(self, volume: str) -> None:
        return None
