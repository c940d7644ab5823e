# SPDX-License-Identifier: GPL-3.0-or-later
"""The C library, and in which order it sorts: PostgreSQL's indexes on text have that order, and are wrong when it changes."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from ..part import MAYBE, VALUES, WORDS, Limits, Part, record
from ..wire import Section, UnseenError

SORTED = "sorted "  # the collector's blocks of the words as one locale sorts them


def parse(section: Section) -> dict[str, Any]:
    """``order`` has a hash for each locale: equal hashes are equal orders of the collector's words, and no proof for all others."""
    if "version" not in section.blocks:
        raise UnseenError(section.unseen[0] if section.unseen else "the host did not answer about its C library")
    told = " ".join(section.lines("version"))
    name, version = None, None
    if match := re.search(r"glibc (\d{1,3}\.\d{1,3}(?:\.\d{1,3})?)|\(.{1,80}\) (\d{1,3}\.\d{1,3})$", told, re.ASCII):
        name, version = "glibc", match[1] or match[2]
    elif "musl" in told:
        name = "musl"
        match = re.search(r"Version (\d{1,3}(?:\.\d{1,3}){1,2})", told, re.ASCII)
        version = match[1] if match else None
    order = {
        block.removeprefix(SORTED): hashlib.sha256("\n".join(section.lines(block)).encode("utf-8", "replace")).hexdigest()[:16]
        for block in section.blocks
        if block.startswith(SORTED) and section.lines(block)
    }
    locales = sorted({line.strip() for line in section.blocks.get("locales", []) if line.strip()})
    return {"name": name, "version": version, "locales": locales, "order": dict(sorted(order.items()))}


PART = Part(
    "libc",
    Limits(10, 100_000),
    parse,
    record(name=MAYBE, version=MAYBE, locales=WORDS, order=VALUES),
    empty={"name": None, "version": None, "locales": [], "order": {}},
)
