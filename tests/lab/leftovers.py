# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab could leave behind: finds it, and ends it by proof of belonging, never by a name."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from . import cgroups
from .lab import Lab, run


def _ancestors() -> set[int]:
    """This process and those that wait for it."""
    found, pid = set(), os.getpid()
    while pid > 1:
        found.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return found


def processes(lab: Lab) -> list[int]:
    """Processes in the network namespaces of the lab and its machines."""
    folder = Path("/run/netns")
    paths = [folder / lab.namespace, *folder.glob(f"{lab.machine_namespace('')}*")] if folder.is_dir() else []
    spaces = {path.stat().st_ino for path in paths if path.exists()}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "ns/net").stat().st_ino in spaces and int(entry.name) not in _ancestors():
                found.append(int(entry.name))
    return found


def end_processes(lab: Lab, timeout: float = 5) -> None:
    """Commands that still run inside the lab: asked to end, then ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes(lab):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + timeout
        while processes(lab) and time.monotonic() < deadline:
            time.sleep(0.1)


def mounts(folder: Path) -> list[str]:
    """Mount points in the folder, the innermost first."""
    points = [line.split()[4].replace("\\040", " ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if point.startswith(f"{folder}/")), reverse=True)


def unmount(folder: Path) -> None:
    for point in mounts(folder):
        run(["umount", point])


def find(lab: Lab) -> list[str]:
    """What is still there, in words. Empty is what `down` promises."""
    namespaces = [path.name for path in Path("/run/netns").glob(f"{lab.namespace}*") if path.name.startswith((lab.namespace + "-",)) or path.name == lab.namespace]
    return [
        *(f"mount {point}" for point in mounts(lab.directory)),
        *(f"namespace {name}" for name in namespaces),
        *(f"process {pid}" for pid in processes(lab)),
        *(f"cgroup {path}" for path in cgroups.of_lab(lab.name)),
    ]
