# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel has learnt about the ways to peers: packet sizes, round trips, packets sent twice. No probe was sent. Format: ss(8)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, NUMBER_OR_NULL, TEXT, Limits, Part, record, rows
from ..wire import Section

PEER = re.compile(r"(?:ESTAB\s+)?\d+\s+\d+\s+\S+\s+\[?([0-9A-Fa-f.:]{2,45})(?:%[\w.-]+)?\]?:\d+", re.ASCII)
FIELD = re.compile(r"\b(mss|pmtu|rtt|retrans):(\d{1,9}(?:\.\d{1,6})?)(?:/(\d{1,9}))?", re.ASCII)
MOST = 500

Row = dict[str, Any]


def parse(section: Section) -> Row:
    """``peers``: the least packet and round trip of all connections with a peer. ``exceptions``: what routers asked to send less than."""
    peers: dict[str, Row] = {}
    current: Row | None = None
    for line in section.lines("sockets"):
        if match := PEER.match(line.strip()):
            name = _peer(match[1])
            current = peers.setdefault(name, _nothing(name)) if name else None
            if current:
                current["sockets"] += 1
        elif line[:1].isspace() and current:
            _learn(current, line)
    found = sorted(peers.values(), key=lambda row: (-row["sockets"], str(row["peer"])))[:MOST]
    return {"peers": sorted(found, key=lambda row: str(row["peer"])), "exceptions": _exceptions(section.blocks.get("cache", []))}


def _nothing(name: str) -> Row:
    return {"peer": name, "sockets": 0, "mss": None, "pmtu": None, "rtt_ms": None, "retransmitted": 0}


def _peer(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return "" if (mapped or address).is_loopback else str(mapped or address)


def _learn(row: Row, line: str) -> None:
    for name, value, second in FIELD.findall(line):
        if name == "retrans":
            row["retransmitted"] += int(second or 0)
        elif name == "rtt":
            row["rtt_ms"] = min(float(value), row["rtt_ms"] if row["rtt_ms"] is not None else float(value))
        else:
            row[name] = min(int(float(value)), row[name] if row[name] is not None else int(float(value)))


def _exceptions(lines: list[str]) -> list[Row]:
    found: dict[str, int] = {}
    destination = ""
    for line in lines:
        if not line[:1].isspace():
            destination = _peer(line.split(" ")[0])
        match = re.search(r"\bmtu (?:lock )?(\d{2,6})\b", line, re.ASCII)
        if match and destination:
            found[destination] = min(int(match[1]), found.get(destination, int(match[1])))
    return [{"destination": destination, "mtu": mtu} for destination, mtu in sorted(found.items())]


PART = Part(
    "path_mtu",
    Limits(10, 1_000_000),
    parse,
    record(
        peers=rows(peer=TEXT, sockets=COUNT, mss=COUNT_OR_NULL, pmtu=COUNT_OR_NULL, rtt_ms=NUMBER_OR_NULL, retransmitted=COUNT),
        exceptions=rows(destination=TEXT, mtu=COUNT),
    ),
    empty={"peers": [], "exceptions": []},
    steady=lambda value: None,  # noqa: ARG005 - all of it moves by itself
)
