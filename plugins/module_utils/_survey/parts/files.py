# SPDX-License-Identifier: GPL-3.0-or-later
"""A census of the trees that services own. The host counts; sums arrive."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, FLAG, MAYBE, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section, UnseenError, number

FIELDS = {
    "files": "files", "folders": "folders", "links": "symlinks", "special": "special", "setuid": "setuid", "linked": "hard_linked",
    "sparse": "sparse", "bytes": "bytes", "allocated": "allocated_bytes", "newest": "newest_s",
}  # fmt: skip
TOLD = ("acls", "xattrs", "capabilities")  # null: the host has no program that tells
MOST = 20

Row = dict[str, Any]


def parse(section: Section) -> list[Row]:
    """One row for each tree, by path. ``complete``: every entry was counted; else the numbers are the least that there is."""
    if "mounts" not in section.blocks:
        raise UnseenError("; ".join(section.unseen) or "the census was not taken")
    mounted = {_octal(line.split()[0]) for line in section.blocks["mounts"] if line.split()}
    found = []
    for block in sorted(section.blocks):
        if block.startswith("tree /"):
            path = block.removeprefix("tree ")
            found.append(_tree(path, section.blocks[block], section.blocks.get(f"leaving {path}"), mounted))
    return found


def _octal(text: str) -> str:
    return re.sub(r"\\([0-3][0-7]{2})", lambda match: chr(int(match[1], 8)), text)


def _tree(path: str, lines: list[str], leaving: list[str] | None, mounted: set[str]) -> Row:
    row: Row = {"path": path, "why": "folder", **dict.fromkeys(FIELDS.values(), 0), **dict.fromkeys(TOLD), "owners": [], "groups": []}
    counted, cut = None, False
    for line in lines:
        key, _, rest = line.strip().partition(" ")
        words = rest.split()
        value = number(words[0]) if words else None
        if key == "why":
            row["why"] = rest
        elif key == "cut":
            cut = True
        elif key == "counted":
            counted = value
        elif key in {"owner", "group"} and value is not None and len(words) > 1:
            row[f"{key}s"].append({"id": value, "name": words[2] if len(words) > 2 else None, "entries": number(words[1]) or 0})
        elif value is not None and (key in FIELDS or key in TOLD):
            row[FIELDS.get(key, key)] = value
    for key in ("owners", "groups"):
        row[key].sort(key=lambda one: int(one["id"]))
    away = sorted({tuple(words[:2]) for line in leaving or [] if len(words := line.split("\t")) == 2 and words[1]})
    # A census that ends without its tree's own folder was stopped before it said anything.
    complete = bool(counted) and not cut and leaving is not None
    inside = sorted(target for target in mounted if target.startswith(path.rstrip("/") + "/"))
    return {
        **row, "leaving": [{"link": link, "target": target} for link, target in away[:MOST]], "leaving_count": len(away), "mounts": inside,
        "complete": complete,
    }  # fmt: skip


def _steady(value: list[Row]) -> list[Row]:
    kept = ("path", "why", "leaving", "mounts")
    return [
        {key: row[key] for key in kept} | {"owners": [owner["id"] for owner in row["owners"]]}
        | {name: bool(row[name]) for name in ("hard_linked", "sparse", "special", *TOLD)}
        for row in value
    ]  # fmt: skip


_OWNER = rows(id=COUNT, name=MAYBE, entries=COUNT)
PART = Part(
    "files",
    Limits(90, 500_000),
    parse,
    {
        "type": "array",
        "items": record(
            path=TEXT, why=TEXT, **dict.fromkeys(FIELDS.values(), COUNT), **dict.fromkeys(TOLD, COUNT_OR_NULL), owners=_OWNER, groups=_OWNER,
            leaving=rows(link=TEXT, target=TEXT), leaving_count=COUNT, mounts=WORDS, complete=FLAG,
        ),
    },
    empty=[],
    steady=_steady,
)  # fmt: skip
