# SPDX-License-Identifier: GPL-3.0-or-later
"""sysstat's archives. The survey says which there are; their samples go to ``load/`` (``samples``), where they are kept for longer."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator
from typing import Any

from ..load.samples import Sample, sample
from ..part import COUNT, MAYBE, TEXT, Limits, Part, or_null, record
from ..wire import Section, number

LINE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d):(\d\d) (\d{1,9}) ((?:(?:-|\d{1,15}(?:\.\d{1,3})?) ?){6})", re.ASCII)
BLOCKS_IN_MIB = 2048  # sysstat counts blocks of 512 bytes


def samples(section: Section) -> list[Sample]:
    """One for each ten minutes that an archive has, in no order. Times are UTC, as sadf tells them."""
    return list(_samples(section))


def _samples(section: Section) -> Iterator[Sample]:
    cpus = number(section.first("cpus")) or 1
    for line in section.blocks.get("samples", []):
        match = LINE.fullmatch(line.strip())
        if not match:
            continue
        try:
            day = datetime.date.fromisoformat(match[1])
        except ValueError:
            continue
        end = (day - datetime.date(1970, 1, 1)).days * 86400 + int(match[2]) * 3600 + int(match[3]) * 60
        busy, memory, read, written, operations, network = (None if word == "-" else float(word) for word in match[5].split())
        if int(match[4]) > 0:
            yield sample(end, int(match[4]), {
                "cpu_cores": None if busy is None else min(busy, 100.0) / 100 * cpus,
                "memory_mib": None if memory is None else memory / 1024,
                "disk_read_mib_s": None if read is None else read / BLOCKS_IN_MIB,
                "disk_write_mib_s": None if written is None else written / BLOCKS_IN_MIB,
                "disk_iops": operations,
                "network_mib_s": None if network is None else network / 1024,
            })  # fmt: skip


def parse(section: Section) -> dict[str, Any] | None:
    if section.absent:
        return None
    archives = section.lines("archives")
    said = [line.strip() for line in section.lines("samples")]
    ends = sorted(one.end for one in _samples(section))
    return {
        "version": section.first("version")[:32],
        "archives": len(archives),
        "packed": said.count("packed"),
        "unreadable": said.count("unreadable"),
        "samples": len(ends),
        "first": _moment(ends[0]) if ends else None,
        "last": _moment(ends[-1]) if ends else None,
    }


def _moment(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%MZ")


PART = Part(
    name="sysstat",
    limits=Limits(30, 800_000),
    parse=parse,
    shape=or_null(record(version=TEXT, archives=COUNT, packed=COUNT, unreadable=COUNT, samples=COUNT, first=MAYBE, last=MAYBE)),
    steady=lambda value: None if value is None else {"version": value["version"]},
)
