# SPDX-License-Identifier: GPL-3.0-or-later
"""A cgroup for each machine, on hybrid hierarchies (v1 with `unified`) and on plain v2."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

MOUNT = Path("/sys/fs/cgroup")


def _hierarchies() -> list[Path]:
    """The hierarchies that systemd inside needs, and memory."""
    if (MOUNT / "cgroup.controllers").exists():
        return [MOUNT]
    return [path for path in (MOUNT / "systemd", MOUNT / "unified", MOUNT / "memory") if path.is_dir()]


def make(lab: str, machine: str, memory_mib: int | None) -> list[Path]:
    groups = []
    for hierarchy in _hierarchies():
        group = hierarchy / f"lotse-{lab}" / machine
        group.mkdir(parents=True, exist_ok=True)
        _delegate_memory(hierarchy, group.parent)
        if memory_mib:
            for name in ("memory.limit_in_bytes", "memory.max"):
                with contextlib.suppress(OSError):
                    if (group / name).exists():
                        (group / name).write_text(str(memory_mib * 1024 * 1024))
        groups.append(group)
    return groups


def _delegate_memory(*folders: Path) -> None:
    """On v2 a group has a memory limit only where its parents hand the controller down; v1 knows no such file."""
    for folder in folders:
        with contextlib.suppress(OSError):
            if (folder / "cgroup.controllers").exists():
                (folder / "cgroup.subtree_control").write_text("+memory")


def enter(groups: list[Path]) -> None:
    """Puts the calling process into the groups; runs between fork and exec."""
    for group in groups:
        (group / "cgroup.procs").write_text(str(os.getpid()))


def _remove_tree(group: Path) -> None:
    for _ in range(50):
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106 - walk gives strings
        if not group.exists():
            return
        time.sleep(0.1)


def remove(lab: str, machine: str) -> None:
    for hierarchy in _hierarchies():
        _remove_tree(hierarchy / f"lotse-{lab}" / machine)


def remove_lab(lab: str) -> None:
    for group in of_lab(lab):
        _remove_tree(group)


def of_lab(lab: str) -> list[Path]:
    """The lab's groups that exist, one in each hierarchy."""
    return [group for hierarchy in _hierarchies() if (group := hierarchy / f"lotse-{lab}").is_dir()]


def processes(lab: str) -> set[int]:
    """Processes in the lab's groups and in the ones that its machines made inside."""
    found: set[int] = set()
    for group in of_lab(lab):
        for listing in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # a group may vanish, and a threaded one cannot be read
                found.update(int(pid) for pid in listing.read_text().split())
    return found
