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


def namespaces(lab: Lab) -> list[Path]:
    """The network namespaces of the lab and its machines."""
    folder = Path("/run/netns")
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name == lab.namespace or path.name.startswith(lab.machine_namespace("")))


def _in_namespaces(lab: Lab) -> set[int]:
    spaces = {(status.st_dev, status.st_ino) for status in (path.stat() for path in namespaces(lab))}
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            status = (entry / "ns/net").stat()
            if (status.st_dev, status.st_ino) in spaces:
                found.add(int(entry.name))
    return found


def processes(lab: Lab) -> list[int]:
    """Processes in the lab's namespaces or cgroups: machines, the API, commands that somebody started inside."""
    return sorted((_in_namespaces(lab) | cgroups.processes(lab.name)) - _ancestors())


def end_processes(lab: Lab, timeout: float = 5) -> None:
    """What still runs inside the lab is asked to end, then ended. ``timeout`` in seconds for each."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in processes(lab):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + timeout
        while processes(lab) and time.monotonic() < deadline:
            time.sleep(0.1)


def mounts(folder: Path) -> list[str]:
    """Mount points in the folder, the latest first, so that each can be unmounted in turn."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    shown = [point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\") for point in points]
    return [point for point in reversed(shown) if point.startswith(f"{folder}/")]


def unmount(folder: Path) -> None:
    """Unmounts everything in the folder. Raises LabError."""
    for point in mounts(folder):
        run(["umount", point])


def find(lab: Lab) -> list[str]:
    """What is still there, in words. Empty is what `down` promises."""
    return [
        *(f"mount {point}" for point in mounts(lab.directory)),
        *(f"network namespace {path.name}" for path in namespaces(lab)),
        *(f"process {pid} ({_command(pid)})" for pid in processes(lab)),
        *(f"cgroup {path}" for path in cgroups.of_lab(lab.name)),
    ]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:80]
    except OSError:
        return "ended"
