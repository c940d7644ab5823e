# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, rules, the gateways' neighbour entries, and the address with which the host leaves its networks. Format: iproute2."""

from __future__ import annotations

import copy
import ipaddress
import re
from itertools import pairwise
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, MAYBE, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section, number

TYPES = frozenset({"unicast", "unreachable", "blackhole", "prohibit", "throw", "local", "broadcast", "multicast", "anycast", "nat"})
LINK_LOCAL = ("fe80:", "ff00:", "ff02:")

Row = dict[str, Any]


def parse(section: Section) -> Row:
    routes = _routes(section.lines("routes"), "main")
    for block in sorted(section.blocks):
        if block.startswith("table "):
            routes += _routes(section.blocks[block], block.removeprefix("table ").strip())
    rules = []
    for line in section.blocks.get("rules", []):
        match = re.match(r"(\d{1,10}):\s+(\S.{0,400})", line, re.ASCII)
        if match:
            rules.append({"priority": int(match[1]), "rule": re.sub(r"\s+", " ", match[2]).strip()})
    return {
        "routes": sorted(routes, key=lambda row: (str(row["table"]), str(row["destination"]), str(row["gateway"]), str(row["interface"]))),
        "rules": sorted({(row["priority"], row["rule"]): row for row in rules}.values(), key=lambda row: (row["priority"], row["rule"])),
        "gateways": _gateways(section.blocks.get("neighbours", [])),
        "egress": _egress(section.blocks.get("egress", [])),
    }


def _routes(lines: list[str], table: str) -> list[Row]:
    found: list[Row] = []
    kind, destination = "unicast", ""
    for line in lines:
        words = line.split()
        if not words:
            continue
        if words[0] == "nexthop":
            words = [destination, *words[1:]]
            if found and found[-1]["destination"] == destination and not found[-1]["gateway"] and not found[-1]["interface"]:
                found.pop()
        elif words[0] in TYPES and len(words) > 1:
            kind, words = words[0], words[1:]
            destination = words[0]
        else:
            kind, destination = "unicast", words[0]
        if not destination or destination.startswith(LINK_LOCAL) or destination == "::1":
            continue
        values = dict(pairwise(words[1:]))
        found.append({
            "destination": destination, "type": kind, "gateway": values.get("via"), "interface": values.get("dev"), "source": values.get("src"),
            "protocol": values.get("proto"), "metric": number(values.get("metric", "")), "mtu": number(values.get("mtu", "")), "table": table,
        })  # fmt: skip
    return found


def _gateways(lines: list[str]) -> list[Row]:
    found = []
    for line in lines:
        words = line.split()
        values = dict(pairwise(words))
        if len(words) > 3 and "dev" in values:
            found.append({"address": words[0], "interface": values["dev"], "mac": values.get("lladdr"), "state": words[-1]})
    return sorted(found, key=lambda row: (str(row["address"]), str(row["interface"])))


def _egress(lines: list[str]) -> list[str]:
    found = set()
    for line in lines:
        match = re.search(r"\ssrc\s+([0-9A-Fa-f.:]{2,45})", line, re.ASCII)
        try:
            address = ipaddress.ip_address(match[1]) if match else None
        except ValueError:
            continue
        if address and not address.is_loopback:
            found.add(str(address))
    return sorted(found)


def _steady(value: Row) -> Row:
    kept = copy.deepcopy(value)
    for row in kept["gateways"]:
        del row["state"], row["mac"]
    return kept


PART = Part(
    "routes",
    Limits(10, 300_000),
    parse,
    record(
        routes=rows(
            destination=TEXT, type=TEXT, gateway=MAYBE, interface=MAYBE, source=MAYBE, protocol=MAYBE, metric=COUNT_OR_NULL,
            mtu=COUNT_OR_NULL, table=TEXT,
        ),
        rules=rows(priority=COUNT, rule=TEXT),
        gateways=rows(address=TEXT, interface=TEXT, mac=MAYBE, state=TEXT),
        egress=WORDS,
    ),
    empty={"routes": [], "rules": [], "gateways": [], "egress": []},
    steady=_steady,
)
