# SPDX-License-Identifier: GPL-3.0-or-later
"""pm2: its daemons, and the applications that it would start again (``dump.pm2``, what ``pm2 save`` writes)."""

from __future__ import annotations

from typing import Any

from ..part import COUNT, MAYBE, TEXT, Limits, Part, or_null, record, rows
from ..wire import Section

FIELDS = {"script": "pm_exec_path", "cwd": "pm_cwd", "mode": "exec_mode", "user": "username", "interpreter": "exec_interpreter",
          "node_version": "node_version", "cron_restart": "cron_restart"}  # fmt: skip


def parse(section: Section) -> dict[str, Any] | None:
    """An application of several instances stands in the dump several times. None without pm2."""
    if section.absent:
        return None
    daemons = []
    for line in section.lines("daemons"):
        version, _, home = line.strip().partition("\t")
        daemons.append({"version": version, "home": home})
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for block, lines in section.blocks.items():
        if not block.startswith("dump "):
            continue
        entries: dict[str, dict[str, str]] = {}
        for line in lines:
            words = line.rstrip().split("\t")
            if len(words) == 3:
                entries.setdefault(words[0], {}).setdefault(words[1].removeprefix("#."), words[2])
        for entry in entries.values():
            name = entry.get("name", "")
            row = {field: entry.get(key) or None for field, key in FIELDS.items()}
            app = found.setdefault((block, name), {"name": name, "file": block.removeprefix("dump "), "instances": 0, **row})
            app["instances"] += 1
    return {"version": max((str(row["version"]) for row in daemons), default=""), "daemons": daemons, "apps": [found[key] for key in sorted(found)]}


PART = Part(
    "pm2",
    Limits(10, 300_000),
    parse,
    or_null(record(
        version=TEXT, daemons=rows(version=TEXT, home=TEXT),
        apps=rows(name=TEXT, file=TEXT, instances=COUNT, script=MAYBE, cwd=MAYBE, mode=MAYBE, user=MAYBE, interpreter=MAYBE, node_version=MAYBE,
                  cron_restart=MAYBE),
    )),
)  # fmt: skip
