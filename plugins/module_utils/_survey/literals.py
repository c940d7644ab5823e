# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv4 addresses, and names of the estate's hosts, that are written into configuration and code."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from .wire import Section, number

MOST = 200


def survey(section: Section, own: Iterable[str]) -> tuple[list[dict[str, Any]], bool]:
    """File, line and address of each, without the host's own, loopback, netmasks and the like; and whether there are more than 200."""
    mine = {address.split("/")[0] for address in own}
    found = set()
    for line in section.lines("found"):
        words = line.rsplit(":", 2)
        place = number(words[1]) if len(words) == 3 else None
        if place is not None and _names_a_host(words[2]) and words[2] not in mine:
            found.add((words[0], place, words[2]))
    rows = [{"file": path, "line": line, "address": address} for path, line, address in sorted(found)]
    return rows[:MOST], len(rows) > MOST


def names(section: Section) -> list[dict[str, Any]]:
    """File, line and name of each place where a host of the estate is named, at most 200. Empty where no names were given to look for."""
    section.lines("found")  # the same files were looked through, or neither is known
    found = set()
    for line in section.blocks.get("names", []):
        words = line.rsplit(":", 2)
        place = number(words[1]) if len(words) == 3 else None
        if place is not None and words[2]:
            found.add((words[0], place, words[2]))
    return [{"file": path, "line": line, "name": name} for path, line, name in sorted(found)[:MOST]]


def _names_a_host(text: str) -> bool:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    # 0.x and 255.x are "any", version numbers and netmasks; nothing listens on a multicast or reserved address.
    special = address.is_loopback or address.is_multicast or address.is_reserved or address.is_link_local
    return not special and not text.startswith(("0.", "255.")) and not text.endswith((".0", ".255"))
