# SPDX-License-Identifier: GPL-3.0-or-later
"""memcached: how much it may hold, and how often it has what it is asked for."""

from __future__ import annotations

from typing import Any

from ..part import COUNT, COUNT_OR_NULL, COUNTS, FLAG, PORT, TEXT, Limits, Part, or_null, record, rows, without
from ..wire import Section, UnseenError, number

COUNTED = (
    "bytes", "cmd_get", "cmd_set", "curr_connections", "curr_items", "evictions", "get_hits", "get_misses", "limit_maxbytes", "total_connections",
    "total_items", "uptime",
)  # fmt: skip
MIB = 1048576


def parse(section: Section) -> dict[str, Any] | None:
    """``statistics`` are the sums over all servers; of ``uptime`` the longest."""
    if section.absent:
        return None
    servers: list[dict[str, Any]] = []
    total: dict[str, int] = {}
    for block in sorted(section.blocks):
        port = number(block.removeprefix("server "))
        if port is None or port > 65535:
            continue
        told = {words[1]: words[2] for line in section.lines(block) if len(words := line.split()) == 3 and words[0] == "STAT"}
        for name in COUNTED:
            value = number(told.get(name, "")) or 0
            total[name] = max(total.get(name, 0), value) if name == "uptime" else total.get(name, 0) + value
        servers.append(
            {
                "port": port, "version": told.get("version", ""), "limit_mib": (number(told.get("limit_maxbytes", "")) or 0) // MIB,
                "connections_most": number(told.get("maxconns", "")), "item_most": number(told.get("item_size_max", "")),
                "sasl": told.get("auth_enabled_sasl") == "yes",
            }
        )  # fmt: skip
    if not servers:
        raise UnseenError(section.unseen[0] if section.unseen else "no server answered")
    return {"version": servers[0]["version"], "statistics": total, "servers": servers}


PART = Part(
    "memcached",
    Limits(15, 100_000),
    parse,
    or_null(
        record(
            version=TEXT, statistics=COUNTS,
            servers=rows(port=PORT, version=TEXT, limit_mib=COUNT, connections_most=COUNT_OR_NULL, item_most=COUNT_OR_NULL, sasl=FLAG),
        )
    ),
    steady=without("statistics"),
)  # fmt: skip
