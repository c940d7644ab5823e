# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that run: those that are not as their package brought them, and what they need of a processor."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, FLAG, TEXT, Limits, Part, record, rows
from ..wire import Section

LISTED = re.compile(r"(\S{1,200}) ([0-9a-f]{32}|[0-9a-f]{64})  (.{1,4000})")
FOUND = re.compile(r"([0-9a-f]{32}|[0-9a-f]{64})  (/.{1,4000})")


def parse(section: Section) -> dict[str, Any]:
    """``checked`` counts programs whose sum their package tells. ``needs`` has only those that need more than x86-64-baseline."""
    listed: dict[str, tuple[str, str]] = {}
    for line in section.lines("listed"):
        if match := LISTED.fullmatch(line.strip()):
            listed["/" + match[3].strip().removeprefix("/")] = (match[1].split(":")[0], match[2])
    modified, checked = [], 0
    sums: dict[str, set[str]] = {}
    for block in ("found", "found_md5"):
        for line in section.blocks.get(block, []):
            if match := FOUND.fullmatch(line.strip()):
                sums.setdefault(match[2], set()).add(match[1])
    for path in sorted(sums):
        entry = next((listed[name] for name in (path, path.removeprefix("/usr"), f"/usr{path}") if name in listed), None)
        comparable = {one for one in sums[path] if entry and len(one) == len(entry[1])}
        if entry is None or not comparable:
            continue
        checked += 1
        if entry[1] not in comparable:
            modified.append({"exe": path, "package": entry[0]})
    return {"checked": checked, "modified": modified, "needs": _needs(section), "needs_seen": "isa" in section.blocks}


def _needs(section: Section) -> list[dict[str, Any]]:
    """``readelf -n``: "x86 ISA needed: x86-64-baseline, x86-64-v2"."""
    found = {}
    for line in section.blocks.get("isa", []):
        path, _, text = line.partition("\t")
        levels = [int(level) for level in re.findall(r"x86-64-v([234])\b", text)]
        if levels:
            found[path.strip()] = f"x86-64-v{max(levels)}"
    return [{"exe": path, "isa": found[path]} for path in sorted(found)]


def _steady(value: dict[str, Any]) -> dict[str, Any]:
    return {name: value[name] for name in ("modified", "needs")}


PART = Part(
    "binaries",
    Limits(30, 300_000),
    parse,
    record(checked=COUNT, modified=rows(exe=TEXT, package=TEXT), needs=rows(exe=TEXT, isa=TEXT), needs_seen=FLAG),
    empty={"checked": 0, "modified": [], "needs": [], "needs_seen": False},
    steady=_steady,
)
