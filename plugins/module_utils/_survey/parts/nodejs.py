# SPDX-License-Identifier: GPL-3.0-or-later
"""Node.js: what runs, from which folder, for which version it was written. Of the environment the names only."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, MAYBE, TEXT, WORDS, Limits, Part, or_null, record, rows
from ..wire import Section, UnseenError, number


def parse(section: Section) -> dict[str, Any] | None:
    """Processes that run the same are one row with their number; ``version`` is the lowest. None where no Node.js runs."""
    if section.absent:
        return None
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for name, lines in section.blocks.items():
        if not name.startswith("process "):
            continue
        row = _process(lines)
        key = (row["exe"], row["script"] or "", row["cwd"] or "", str(row["uid"]))
        known = found.setdefault(key, {**row, "processes": 0})
        known["processes"] += 1
        known["env"] = sorted({*known["env"], *row["env"]})
    if not found:
        raise UnseenError(section.unseen[0] if section.unseen else "no process of Node.js could be seen")
    rows_ = [found[key] for key in sorted(found)]
    versions = sorted((row["version"] for row in rows_ if row["version"]), key=lambda text: [int(part) for part in text.split(".")])
    return {"version": versions[0] if versions else "", "processes": rows_}


def _process(lines: list[str]) -> dict[str, Any]:
    values: dict[str, str] = {}
    env = set()
    for line in lines:
        name, _, value = line.partition("\t")
        if name == "env":
            env.add(value.strip())
        elif name:
            values.setdefault(name, value.strip())
    version = re.fullmatch(r"v?(\d{1,3}\.\d{1,5}\.\d{1,5})", values.get("version", ""), re.ASCII)
    package = values.get("package")
    return {
        "exe": values.get("exe", "").removesuffix(" (deleted)"),
        "version": version[1] if version else None,
        "script": values.get("script") or None,
        "cwd": values.get("cwd") or None,
        "uid": number(values.get("uid", "")),
        "env": sorted(env - {""}),
        "package": package or None,
        "package_name": values.get("package.name") or None,
        "package_version": values.get("package.version") or None,
        "engines": values.get("package.engines.node") or None,
    }


PART = Part(
    "nodejs",
    Limits(15, 500_000),
    parse,
    or_null(record(version=TEXT, processes=rows(
        exe=TEXT, version=MAYBE, script=MAYBE, cwd=MAYBE, uid=COUNT_OR_NULL, env=WORDS, package=MAYBE, package_name=MAYBE, package_version=MAYBE,
        engines=MAYBE, processes=COUNT,
    ))),
)  # fmt: skip
