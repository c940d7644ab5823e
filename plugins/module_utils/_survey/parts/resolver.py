# SPDX-License-Identifier: GPL-3.0-or-later
"""How names become addresses, and which names configuration uses. Formats: resolv.conf(5), hosts(5), nsswitch.conf(5), getent(1)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ..part import COUNT, MAYBE, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section, UnseenError, number

NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\.?", re.ASCII)
MOST = 200
PLACES = 20  # of one name

Row = dict[str, Any]


def parse(section: Section) -> Row:
    """``names[].dns`` is what DNS alone says; null where that is not known, as when DNS answered nothing at all."""
    if "order" not in section.blocks:
        raise UnseenError("; ".join(section.unseen) or "the host did not answer about its names")
    servers, search, options = _resolv(section.files.get("/etc/resolv.conf", []))
    hosts = _hosts(section.files.get("/etc/hosts", []))
    return {
        "nameservers": servers, "search": search, "options": options, "target": section.first("target") or None,
        "order": [word for word in re.sub(r"\[[^\]]{0,100}\]", " ", section.first("order")).split() if word],
        "daemons": sorted({line.strip().rsplit("/", 1)[-1] for line in section.blocks.get("daemons", []) if line.strip()}),
        "hosts": hosts, "names": _names(section, hosts),
    }  # fmt: skip


def _resolv(lines: list[str]) -> tuple[list[str], list[str], list[str]]:
    servers: list[str] = []
    search: list[str] = []
    options: list[str] = []
    for line in lines:
        words = re.split(r"[#;]", line, maxsplit=1)[0].split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            servers.append(words[1])
        elif words[:1] in (["search"], ["domain"]):
            search = words[1:]
        elif words[:1] == ["options"]:
            options += words[1:]
    return servers, search, options


def _hosts(lines: list[str]) -> list[Row]:
    """Entries that are not the distribution's own."""
    found = []
    for place, line in enumerate(lines, 1):
        words = line.split("#", 1)[0].split()
        try:
            address = ipaddress.ip_address(words[0].split("%")[0]) if len(words) > 1 else None
        except ValueError:
            continue
        names = [word for word in words[1:] if NAME.fullmatch(word) and not re.match(r"localhost|ip6-|broadcasthost", word)]
        if address and names and not address.is_multicast:
            found.append({"address": str(address), "names": names, "line": place})
    return found


def _names(section: Section, hosts: list[Row]) -> list[Row]:
    used: dict[str, list[Row]] = {}
    for line in section.blocks.get("used", []):
        words = line.split("\t")
        place = number(words[1]) if len(words) == 3 else None
        if place is not None and NAME.fullmatch(words[2]):
            used.setdefault(words[2].lower(), []).append({"file": words[0], "line": place})
    answers: dict[tuple[str, str], list[str]] = {}
    for line in section.blocks.get("answers", []):
        words = line.split("\t")
        if len(words) == 3 and words[1] in {"all", "dns"}:
            answers[(words[0].lower(), words[1])] = sorted({word for word in words[2].split() if _is_address(word)})
    speaks = any(found for (_, kind), found in answers.items() if kind == "dns")
    listed: dict[str, str] = {}
    for row in hosts:
        for name in row["names"]:
            listed.setdefault(name.lower(), row["address"])
    return [
        {
            "name": name, "hosts_file": listed.get(name), "addresses": answers.get((name, "all"), []),
            "dns": answers.get((name, "dns")) if speaks else None,
            "used": sorted(places, key=lambda row: (str(row["file"]), row["line"]))[:PLACES],
        }
        for name, places in sorted(used.items())[:MOST]
    ]  # fmt: skip


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    return True


def _steady(value: Row) -> Row:
    """Answers change with DNS, not with the host."""
    return {**value, "names": [{key: row[key] for key in ("name", "hosts_file", "used")} for row in value["names"]]}


PART = Part(
    "resolver",
    Limits(30, 400_000),
    parse,
    record(
        nameservers=WORDS, search=WORDS, options=WORDS, target=MAYBE, order=WORDS, daemons=WORDS,
        hosts=rows(address=TEXT, names=WORDS, line=COUNT),
        names=rows(
            name=TEXT, hosts_file=MAYBE, addresses=WORDS, dns={"type": ["array", "null"], "items": TEXT}, used=rows(file=TEXT, line=COUNT)
        ),
    ),
    empty={"nameservers": [], "search": [], "options": [], "target": None, "order": [], "daemons": [], "hosts": [], "names": []},
    steady=_steady,
)  # fmt: skip
