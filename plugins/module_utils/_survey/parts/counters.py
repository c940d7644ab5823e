# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel has counted since it started: the load between two surveys is made of it (``load/``). It moves by itself."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, NUMBER_OR_NULL, TEXT, Limits, Part, record
from ..wire import Section, UnseenError, number

SECTOR = 512
MIB = 1024**2
# Cards whose traffic is counted once more by the card below them, or that never leave the host.
NOT_COUNTED = re.compile(
    r"(lo|bond|br|veth|docker|virbr|vnet|tap|tun|wg|dummy|ifb|vlan|vmbr|fwbr|fwpr|fwln|cni|flannel|cali)[\w-]*|.*[.@].*", re.ASCII
)


def _total(words: list[str]) -> int:
    return sum(number(word) or 0 for word in words)


def _decimal(text: str) -> float | None:
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,9})?)(?:\s.*)?", text.strip(), re.ASCII)
    return float(match[1]) if match else None


def _kib(lines: list[str]) -> dict[str, int]:
    found = (re.match(r"(\w+):\s*(\d{1,15}) kB", line, re.ASCII) for line in lines)
    return {match[1]: int(match[2]) for match in found if match}


def _cpu(section: Section, own: bool) -> float | None:
    """Seconds of work of all processors together. Waiting for a disk and time that a hypervisor took are no work of this host."""
    if not own:
        name, _, value = section.first("cgroup_cpu").partition(" ")
        used, unit = number(value), {"usage_usec": 10**6, "usage_nsec": 10**9}.get(name)
        return round(used / unit, 2) if used is not None and unit else None
    words = next((line.split()[1:] for line in section.lines("stat") if line.startswith("cpu ")), [])
    if len(words) < 4:
        return None
    ticks = number(section.first("ticks")) or 100
    return round(_total([*words[:3], *words[5:7]]) / ticks, 2)  # user, nice, system, irq, softirq


def _memory(section: Section, own: bool) -> int | None:
    """MiB that cannot be given back; files in the cache can."""
    if not own:
        lines = section.blocks.get("cgroup_memory", [])
        used = number(lines[0]) if lines else None
        cached = _total([line.split()[1] for line in lines[1:] if len(line.split()) == 2])
        return max(0, used - cached) // MIB if used is not None else None
    kib = _kib(section.blocks.get("memory", []))
    if "MemTotal" not in kib:
        return None
    before_3_14 = kib.get("MemFree", 0) + kib.get("Buffers", 0) + kib.get("Cached", 0) - kib.get("Shmem", 0)
    return max(0, kib["MemTotal"] - kib.get("MemAvailable", before_3_14)) // 1024


def _disk(section: Section, own: bool) -> tuple[float, float, int] | None:
    """MiB read, MiB written, operations."""
    if not own:
        if "cgroup_io" not in section.blocks:
            return None
        pairs = re.findall(r"\b([rw](?:bytes|ios))=(\d{1,18})", "\n".join(section.blocks["cgroup_io"]), re.ASCII)
        of = {name: sum(int(value) for key, value in pairs if key == name) for name in ("rbytes", "wbytes", "rios", "wios")}
        return of["rbytes"] / MIB, of["wbytes"] / MIB, of["rios"] + of["wios"]
    rows = [[number(word) or 0 for word in line.split()[1:8]] for line in section.blocks.get("disks", [])]
    rows = [row for row in rows if len(row) == 7]
    if not rows:
        return None
    read, written = (sum(row[place] for row in rows) * SECTOR / MIB for place in (2, 6))
    return read, written, sum(row[0] + row[4] for row in rows)


def _network(section: Section) -> float | None:
    """MiB received and sent. A container has cards of its own."""
    total, seen = 0, False
    for line in section.blocks.get("network", []):
        name, colon, rest = line.partition(":")
        words = rest.split()
        if colon and len(words) >= 16 and not NOT_COUNTED.fullmatch(name.strip()):
            seen, total = True, total + _total([words[0], words[8]])
    return total / MIB if seen else None


def parse(section: Section) -> dict[str, Any]:
    clock, uptime = number(section.first("clock")), _decimal(section.first("uptime"))
    if clock is None or uptime is None or "stat" not in section.blocks:
        raise UnseenError(section.unseen[0] if section.unseen else "the kernel's counters cannot be read")
    container = section.first("container")
    virtual = "\n".join(section.blocks.get("own", []))
    own = {name: not container or f"/proc/{name} " in virtual for name in ("stat", "meminfo", "diskstats")}
    disk = _disk(section, own["diskstats"])
    network = _network(section)
    starts = next((line.split()[1] for line in section.lines("stat") if line.startswith("btime ") and len(line.split()) == 2), "")
    return {
        "clock": clock,
        "uptime_s": round(uptime),
        "boot": section.first("boot")[:64] or starts,
        "container": container[:64],
        "cpu_s": _cpu(section, own["stat"]),
        "memory_mib": _memory(section, own["meminfo"]),
        "disk_read_mib": round(disk[0], 1) if disk else None,
        "disk_written_mib": round(disk[1], 1) if disk else None,
        "disk_operations": disk[2] if disk else None,
        "network_mib": round(network, 1) if network is not None else None,
    }


PART = Part(
    name="counters",
    limits=Limits(5, 200_000),
    parse=parse,
    shape=record(
        clock=COUNT, uptime_s=COUNT, boot=TEXT, container=TEXT, cpu_s=NUMBER_OR_NULL, memory_mib=COUNT_OR_NULL, disk_read_mib=NUMBER_OR_NULL,
        disk_written_mib=NUMBER_OR_NULL, disk_operations=COUNT_OR_NULL, network_mib=NUMBER_OR_NULL,
    ),
    empty={
        "clock": 0, "uptime_s": 0, "boot": "", "container": "", "cpu_s": None, "memory_mib": None, "disk_read_mib": None,
        "disk_written_mib": None, "disk_operations": None, "network_mib": None,
    },
    steady=lambda value: {"container": value["container"]},
)  # fmt: skip
