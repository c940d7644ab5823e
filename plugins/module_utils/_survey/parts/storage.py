# SPDX-License-Identifier: GPL-3.0-or-later
"""How disks have served since boot, how they are set, how they are mounted, and what lies on top of what."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, FLAG_OR_NULL, MAYBE, NUMBER_OR_NULL, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section, number
from .machine import arrays

UNREAL = {
    "proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "cgroup", "cgroup2", "pstore", "bpf", "mqueue", "hugetlbfs", "debugfs", "tracefs", "securityfs",
    "configfs", "fusectl", "binfmt_misc", "autofs", "rpc_pipefs", "ramfs", "nsfs", "efivarfs", "squashfs", "overlay", "fuse.lxcfs", "selinuxfs",
    "fuse.gvfsd-fuse", "fuse.portal", "nfsd", "rootfs",
}  # fmt: skip


def parse(section: Section) -> dict[str, Any]:
    """Times are averages in ms since boot; ``flush_ms`` and ``flushes`` are None before kernel 5.5."""
    queues = _queues(section)
    return {
        "devices": [_device(words, queues.get(words[2], {})) for words in _stats(section) if words[2] in queues],
        "mounts": _mounts(section),
        "arrays": arrays(section),
        "maps": _maps(section),
    }


def _stats(section: Section) -> list[list[str]]:
    """/proc/diskstats (Documentation/admin-guide/iostats.rst): 11 fields after the name, 15 from kernel 4.18, 17 from 5.5."""
    found = [line.split() for line in section.lines("diskstats")]
    return sorted((words for words in found if len(words) >= 14), key=lambda words: words[2])


def _device(words: list[str], queue: dict[str, Any]) -> dict[str, Any]:
    figures = [number(word) or 0 for word in words[3:]]
    flushes, flush_ms = (figures[15], figures[16]) if len(figures) >= 17 else (None, None)
    return {
        "name": words[2],
        "reads": figures[0],
        "writes": figures[4],
        "flushes": flushes,
        "read_ms": _average(figures[3], figures[0]),
        "write_ms": _average(figures[7], figures[4]),
        "flush_ms": None if flushes is None or flush_ms is None else _average(flush_ms, flushes),
        "scheduler": queue.get("scheduler"),
        "write_cache": queue.get("write_cache"),
        "rotational": queue.get("rotational"),
        "requests": queue.get("requests"),
        "read_ahead_kib": queue.get("read_ahead_kib"),
    }


def _average(total: int, count: int) -> float | None:
    return round(total / count, 3) if count else None


def _queues(section: Section) -> dict[str, dict[str, Any]]:
    found = {}
    for line in section.lines("queues"):
        words = [word.strip() for word in line.split("\t")]
        if len(words) >= 6:
            chosen = re.search(r"\[([\w-]{1,30})\]", words[1])
            found[words[0]] = {
                "scheduler": chosen[1] if chosen else words[1] or None, "write_cache": words[2] or None,
                "rotational": {"1": True, "0": False}.get(words[3]), "requests": number(words[4]), "read_ahead_kib": number(words[5]),
            }  # fmt: skip
    return found


def _mounts(section: Section) -> list[dict[str, Any]]:
    found = {}
    for line in section.lines("mounts"):
        words = line.split(" ")
        if len(words) >= 4 and words[2] not in UNREAL:
            target = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[1])
            found[target] = {"source": words[0], "target": target, "type": words[2], "options": sorted(words[3].split(","))}
    return [found[target] for target in sorted(found)]


def _maps(section: Section) -> list[dict[str, Any]]:
    """Logical volumes, encrypted disks, multipath: what the device mapper holds, by the kernel's own words."""
    found = []
    for line in section.blocks.get("maps", []):
        words = line.split("\t")
        if len(words) >= 5 and (sectors := number(words[3])) is not None:
            kind = words[2].split("-")[0].lower() or "other"
            found.append({"name": words[1], "device": words[0], "kind": kind, "size_mib": sectors // 2048, "on": sorted(words[4].split())})
    return sorted(found, key=lambda row: str(row["name"]))


def _steady(value: dict[str, Any]) -> dict[str, Any]:
    counters = ("reads", "writes", "flushes", "read_ms", "write_ms", "flush_ms")
    return value | {"devices": [{name: field for name, field in row.items() if name not in counters} for row in value["devices"]]}


PART = Part(
    "storage",
    Limits(10, 500_000),
    parse,
    record(
        devices=rows(
            name=TEXT, reads=COUNT, writes=COUNT, flushes=COUNT_OR_NULL, read_ms=NUMBER_OR_NULL, write_ms=NUMBER_OR_NULL, flush_ms=NUMBER_OR_NULL,
            scheduler=MAYBE, write_cache=MAYBE, rotational=FLAG_OR_NULL, requests=COUNT_OR_NULL, read_ahead_kib=COUNT_OR_NULL,
        ),
        mounts=rows(source=TEXT, target=TEXT, type=TEXT, options=WORDS),
        arrays=rows(name=TEXT, level=TEXT, state=TEXT, devices=WORDS),
        maps=rows(name=TEXT, device=TEXT, kind=TEXT, size_mib=COUNT, on=WORDS),
    ),
    empty={"devices": [], "mounts": [], "arrays": [], "maps": []},
    steady=_steady,
)  # fmt: skip
