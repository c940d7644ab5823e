# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron: every line of every table."""

from __future__ import annotations

import re
from typing import Any

from .wire import Section, UnseenError

SETTING = re.compile(r"""\s*(?P<name>[A-Za-z_][A-Za-z0-9_]*|"[^"]*"|'[^']*')\s*=\s*(?P<value>.*)$""")
SCHEDULE = re.compile(
    r"\s*(?P<schedule>@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)|(?:[\w*,/~-]+\s+){4}[\w*,/~-]+)\s+(?P<rest>\S.*)$", re.ASCII
)


def survey(section: Section) -> list[dict[str, Any]]:
    """One entry for each job, with its user, its table and the settings above it. Raises UnseenError when no table could be read."""
    if "system" not in section.marks:
        raise UnseenError("; ".join(section.unseen) or "the tables could not be read")
    rows = []
    for path, lines in section.files.items():
        spool = path.startswith("/var/spool/cron")
        settings: dict[str, str] = {}
        for line in lines:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            setting, job = SETTING.match(line), SCHEDULE.match(line)
            if setting:
                settings = {**settings, setting["name"].strip("\"'"): setting["value"].strip().strip("\"'")}
            elif job:
                user, command = (path.rsplit("/", 1)[1], job["rest"]) if spool else _user(job["rest"])
                row = {"user": user, "source": path, "spool": spool, "schedule": re.sub(r"\s+", " ", job["schedule"]), "command": command}
                rows.append({**row, "line": line.strip(), "environment": settings})
    return rows


def _user(rest: str) -> tuple[str, str]:
    user, _, command = rest.partition(" ") if " " in rest else rest.partition("\t")
    if "\t" in user:
        user, _, command = rest.partition("\t")
    return user, command.strip()
