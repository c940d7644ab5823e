# SPDX-License-Identifier: GPL-3.0-or-later
"""Network cards and what is made of them, with their addresses, who configures those, and the files that name them.

Formats: sysfs-class-net, `ip -o addr`, interfaces(5), netplan, ifcfg of initscripts, systemd.network(5), NetworkManager's keyfiles.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, MAYBE, TEXT, WORDS, Limits, Part, rows
from ..wire import Section, number

OLD = re.compile(r"(eth|wlan|ib)\d+$", re.ASCII)
PREDICTABLE = re.compile(r"(en|ib|sl|wl|ww)(P\d+)?(o\d|s\d|p\d|x[0-9a-f]{12}|v\d|c|a|i)", re.ASCII)
KINDS = ("physical", "bond", "bridge", "vlan", "virtual", "loopback")
ADDRESS = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?![\w.:])", re.ASCII)
COMMANDS = re.compile(r"\s*(pre-up|up|post-up|pre-down|down|post-down)\s+(\S.{0,500})", re.ASCII)
CONFIGURATION = re.compile(r"/etc/(network|netplan|sysconfig/network|systemd/network|NetworkManager|udev)")
MOST = 100  # files that name one interface

Row = dict[str, Any]


def parse(section: Section) -> list[Row]:
    """One row for each interface that is there or that a file configures, by name."""
    found: dict[str, Row] = {}
    for line in section.lines("links"):
        words = [word.strip() for word in line.split("\t")]
        if len(words) == 9 and words[0] and words[1] in KINDS:
            found[words[0]] = _row(words[0], words[1], *words[2:])
    written = [(path, place, line) for path, lines in sorted(section.files.items()) for place, line in enumerate(lines, 1) if line.strip()]
    places = {address: (path, place) for path, place, line in reversed(written) for address in map(_canonical, ADDRESS.findall(line)) if address}
    asking = set()
    for name, path, place, dhcp in _configured(section):
        row = found.setdefault(name, _row(name, "virtual", "", "", "", "absent", "", "", ""))
        row["files"].append({"file": path, "line": place})
        if dhcp:
            asking.add(name)
    for name, path, place, command in _commands(section):
        if name in found:
            found[name]["commands"].append({"file": path, "line": place, "command": command})
    for line in section.blocks.get("addresses", []):
        match = re.match(r"\d+:\s+(\S+)\s+inet6?\s+(\S+)(.*)", line, re.ASCII)
        if match and (address := _interface(match[2])) and (owner := found.get(match[1].split("@")[0])):
            owner["addresses"].append(_address(address, match[3], places, owner["name"] in asking))
    for line in section.blocks.get("mentions", []):
        words = line.split("\t")
        place_seen = number(words[1]) if len(words) == 3 else None
        if place_seen is not None and words[2] in found:
            found[words[2]]["files"].append({"file": words[0], "line": place_seen})
    for row in found.values():
        row["files"] = sorted(_unique(row["files"]), key=lambda one: (str(one["file"]), int(one["line"])))[:MOST]
        row["addresses"].sort(key=lambda one: str(one["address"]))
    return [found[name] for name in sorted(found)]


def _row(name: str, kind: str, mac: str, mtu: str, speed: str, state: str, master: str, driver: str, members: str) -> Row:
    naming = "old" if OLD.match(name) else "predictable" if PREDICTABLE.match(name) else "other"
    real = mac if mac.strip("0:") else None
    return {
        "name": name, "kind": kind, "mac": real, "mtu": number(mtu), "speed_mbit": number(speed), "state": state or "unknown",
        "master": master or None, "driver": driver or None, "members": sorted(set(members.split())), "naming": naming,
        "addresses": [], "files": [], "commands": [],
    }  # fmt: skip


def _interface(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
    try:
        return ipaddress.ip_interface(text)
    except ValueError:
        return None


def _canonical(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def _address(address: ipaddress.IPv4Interface | ipaddress.IPv6Interface, flags: str, places: dict[str, tuple[str, int]], asks: bool) -> Row:
    """``origin``: who gives the address. ``hand`` is one that no file and no lease explains: it is gone after a reboot."""
    words = flags.split()
    place = places.get(str(address.ip))
    if address.ip.is_link_local or address.ip.is_loopback:
        origin = "kernel"
    elif place:
        origin = "static"
    elif "dynamic" in words or asks:
        origin = "autoconf" if address.version == 6 and "mngtmpaddr" in words else "dhcp"
    else:
        origin = "hand"
    return {"address": str(address), "origin": origin, "file": place[0] if place else None, "line": place[1] if place else None}


def _unique(rows_: Iterable[Row]) -> list[Row]:
    return [dict(pairs) for pairs in {tuple(sorted(row.items())) for row in rows_}]


Configured = Iterator[tuple[str, str, int, bool]]


def _configured(section: Section) -> Configured:
    """Interface, file, line, and whether it asks for a lease."""
    for path, lines in sorted(section.files.items()):
        if path.startswith("/etc/network/"):
            yield from _ifupdown(path, lines)
        elif path.startswith("/etc/netplan/"):
            yield from _netplan(path, lines)
        elif "/ifcfg-" in path:
            yield from _ifcfg(path, lines)
        elif path.startswith("/etc/systemd/network/"):
            yield from _keys(path, lines, "Name", ("DHCP",), ("yes", "ipv4", "true", "both"))
        elif path.startswith("/etc/NetworkManager/"):
            yield from _keys(path, lines, "interface-name", ("method",), ("auto",))
        elif "persistent-net" in path:
            for place, line in enumerate(lines, 1):
                if match := re.search(r'NAME="?([\w.:-]{1,40})', line, re.ASCII):
                    yield match[1], path, place, False


def _ifupdown(path: str, lines: list[str]) -> Configured:
    for place, line in enumerate(lines, 1):
        words = line.split()
        if words[:1] == ["iface"] and len(words) >= 4 and words[1] != "lo":
            yield words[1].split(":")[0], path, place, words[3] == "dhcp"


def _commands(section: Section) -> Iterator[tuple[str, str, int, str]]:
    """Commands that interfaces(5) runs: routes, rules and addresses hide there."""
    for path, lines in sorted(section.files.items()):
        name = ""
        for place, line in enumerate(lines if path.startswith("/etc/network/") else [], 1):
            words = line.split()
            if words[:1] == ["iface"] and len(words) > 1:
                name = words[1].split(":")[0]
            elif name and (match := COMMANDS.match(line)):
                yield name, path, place, f"{match[1]} {match[2].strip()}"


def _netplan(path: str, lines: list[str]) -> Configured:
    group_at, name_at, name, first, dhcp = -1, -1, "", 0, False
    for place, line in enumerate([*lines, "end:"], 1):
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        key, _, value = line.strip().partition(":")
        if name and depth <= name_at:
            yield name, path, first, dhcp
            name = ""
        if depth <= group_at:
            group_at = -1
        if key in {"ethernets", "bonds", "bridges", "vlans", "wifis"}:
            group_at, name_at = depth, -1
        elif group_at >= 0 and not name and (name_at < 0 or depth == name_at) and depth > group_at:
            name, name_at, first, dhcp = key.strip("\"'"), depth, place, False
        elif name and key in {"dhcp4", "dhcp6"} and value.strip() in {"true", "yes"}:
            dhcp = True


def _ifcfg(path: str, lines: list[str]) -> Configured:
    values: dict[str, str] = {}
    first = 1
    for place, line in enumerate(lines, 1):
        key, _, value = line.strip().partition("=")
        values.setdefault(key, value.strip().strip("\"'"))
        first = place if key == "DEVICE" else first
    name = (values.get("DEVICE") or path.rsplit("ifcfg-", 1)[1]).split(":")[0]
    if name and name != "lo":
        yield name, path, first, values.get("BOOTPROTO", "").lower() in {"dhcp", "bootp"}


def _keys(path: str, lines: list[str], naming: str, asking: tuple[str, ...], yes: tuple[str, ...]) -> Configured:
    names: list[tuple[str, int]] = []
    dhcp, ipv6 = False, False
    for place, line in enumerate(lines, 1):
        key, _, value = (part.strip() for part in line.strip().partition("="))
        ipv6 = (line.strip() == "[ipv6]") if line.strip().startswith("[") else ipv6
        if key == naming:
            names += [(word, place) for word in value.split() if not set(word) & set("*?!")]
        elif key in asking and value.lower() in yes and not ipv6:
            dhcp = True
    for name, place in names:
        yield name, path, place, dhcp


PART = Part(
    "interfaces",
    Limits(15, 300_000),
    parse,
    rows(
        name=TEXT, kind={"enum": list(KINDS)}, mac=MAYBE, mtu=COUNT_OR_NULL, speed_mbit=COUNT_OR_NULL, state=TEXT, master=MAYBE, driver=MAYBE,
        members=WORDS, naming={"enum": ["old", "predictable", "other"]},
        addresses=rows(address=TEXT, origin={"enum": ["static", "dhcp", "autoconf", "kernel", "hand"]}, file=MAYBE, line=COUNT_OR_NULL),
        files=rows(file=TEXT, line=COUNT), commands=rows(file=TEXT, line=COUNT, command=TEXT),
    ),
    empty=[],
)  # fmt: skip
