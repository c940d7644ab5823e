# SPDX-License-Identifier: GPL-3.0-or-later
"""In how many of the surveys a connection to a peer was there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LOOKED_BACK = 400  # surveys
MOST = 1000  # peers of a host
Key = tuple[str, int, str, str]  # address, port, process, unit


def outgoing(survey: Mapping[str, Any]) -> set[Key] | None:
    """Peers that the host connects to, with the program that does; None where connections were not seen."""
    if "connections" not in survey or "listening" not in survey:
        return None
    served = {row["port"] for row in survey["listening"]}
    return {
        (str(row["peer_address"]), int(row["peer_port"]), str(row.get("process") or ""), str(row.get("unit") or ""))
        for row in survey["connections"]
        if row["local_port"] not in served
    }


def add(surveys: int, seen: Mapping[Key, int], now: set[Key]) -> tuple[int, dict[Key, int]]:
    """One survey more. Each peer has a bit for each survey, the last one lowest, so that what ended long ago is forgotten."""
    mask = (1 << LOOKED_BACK) - 1
    bits = {key: ((seen.get(key, 0) << 1) | (key in now)) & mask for key in {*seen, *now}}
    alive = sorted((key for key, value in bits.items() if value), key=lambda key: (-bits[key].bit_count(), key))
    return min(surveys + 1, LOOKED_BACK), {key: bits[key] for key in sorted(alive[:MOST])}


def rows(surveys: int, seen: Mapping[Key, int]) -> list[dict[str, Any]]:
    return [
        {"peer_address": address, "peer_port": port, "process": process or None, "unit": unit or None, "seen": bits.bit_count(), "of": surveys}
        for (address, port, process, unit), bits in sorted(seen.items())
    ]
