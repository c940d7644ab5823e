# SPDX-License-Identifier: GPL-3.0-or-later
"""Who keeps the host's time, whether it is right, and how old its time zones are."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from typing import Any

from ..part import COUNT_OR_NULL, FLAG_OR_NULL, MAYBE, NUMBER_OR_NULL, WORDS, Limits, Part, record, without
from ..wire import Section, number

SIGNED = r"([+-]?\d{1,9}(?:\.\d{1,12})?)"
UNITS = {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0, "min": 60_000.0}


def parse(section: Section) -> dict[str, Any]:
    """``synchronised`` and ``offset_ms`` are None where nobody tells. The sign says where the host's clock is: positive is ahead."""
    daemons = sorted({posixpath.basename(line.strip()) for line in section.lines("daemons")})
    daemons += [name for name in section.blocks.get("applets", []) if name.strip() and name.strip() not in daemons]
    synchronised, offset, stratum = _answers(section)
    tzdata = section.first("tzdata") or None
    zones = re.fullmatch(r"# version (\S{1,20})", section.first("zones"))
    return {
        "daemon": daemons[0].strip() if daemons else None,
        "daemons": [name.strip() for name in daemons],
        "servers": sorted({server for line in section.blocks.get("servers", []) for server in line.split()}),
        "synchronised": synchronised,
        "offset_ms": offset,
        "stratum": stratum,
        "tzdata": tzdata[:60] if tzdata else None,
        "tz_version": zones[1] if zones else _release(tzdata),
    }


def _release(tzdata: str | None) -> str | None:
    """``2024a-0+deb11u1`` -> ``2024a``."""
    match = re.match(r"(?:\d+:)?(\d{4}[a-z]{1,2})", tzdata or "", re.ASCII)
    return match[1] if match else None


def _answers(section: Section) -> tuple[bool | None, float | None, int | None]:
    """chronyd's word before ntpd's, and that before systemd's."""
    for block, read in (("chronyc", _chrony), ("ntpq", _ntp), ("timedatectl", _systemd), ("status", _systemd)):
        lines = [line for line in section.blocks.get(block, []) if line.strip()]
        if lines and (found := read(lines)) is not None:
            offset = _timesync(section.blocks.get("timesync", [])) if read is _systemd else found[1]
            return found[0], offset, found[2]
    return None, None, None


def _chrony(lines: list[str]) -> tuple[bool | None, float | None, int | None] | None:
    """``chronyc tracking``: "System time : 0.000006523 seconds slow of NTP time", "Leap status : Normal"."""
    fields = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "Leap status" not in fields:
        return None
    match = re.match(r"(\d{1,9}\.\d{1,12}) seconds (slow|fast)", fields.get("System time", ""), re.ASCII)
    offset = round(float(match[1]) * (1000 if match[2] == "fast" else -1000), 3) if match else None
    return fields["Leap status"] != "Not synchronised", offset, number(fields.get("Stratum", ""))


def _ntp(lines: list[str]) -> tuple[bool | None, float | None, int | None] | None:
    """``ntpq -pn``: the peer with ``*`` is followed; offset is in ms, ours behind theirs when positive."""
    if not any("offset" in line for line in lines):
        return None
    for line in lines:
        words = line[1:].split()
        if line.startswith(("*", "o")) and len(words) >= 10 and re.fullmatch(SIGNED, words[8], re.ASCII):
            return True, round(-float(words[8]), 3), (number(words[2]) or 0) + 1
    return False, None, None


def _systemd(lines: list[str]) -> tuple[bool | None, float | None, int | None] | None:
    for line in lines:
        match = re.match(r"\s*(?:NTPSynchronized=|(?:NTP|System clock) synchronized:\s*)(yes|no)", line)
        if match:
            return match[1] == "yes", None, None
    return None


def _timesync(lines: Iterable[str]) -> float | None:
    """``timedatectl timesync-status``: "Offset: +1.523ms": what the clock must be moved by."""
    for line in lines:
        match = re.fullmatch(rf"\s*Offset: {SIGNED}(us|µs|ms|s|min)\s*", line)
        if match:
            return round(-float(match[1]) * UNITS[match[2]], 3)
    return None


PART = Part(
    "clock",
    Limits(10, 50_000),
    parse,
    record(
        daemon=MAYBE, daemons=WORDS, servers=WORDS, synchronised=FLAG_OR_NULL, offset_ms=NUMBER_OR_NULL, stratum=COUNT_OR_NULL, tzdata=MAYBE,
        tz_version=MAYBE,
    ),
    empty={
        "daemon": None, "daemons": [], "servers": [], "synchronised": None, "offset_ms": None, "stratum": None, "tzdata": None, "tz_version": None,
    },
    steady=without("offset_ms", "stratum"),
)  # fmt: skip
