# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that change a host by themselves: configuration management, automatic updates, watchers that start what stopped."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT_OR_NULL, FLAG, FLAG_OR_NULL, MAYBE, TEXT, WORDS, Limits, Part, rows
from ..wire import Section, number

KINDS = ("configuration", "packages", "watcher")
FILES = {"puppet": "puppet", "chef": "chef", "cinc": "chef", "salt": "salt", "landscape": "landscape"}
SERVER = re.compile(r"\s*(?:server|chef_server_url|master|url)\s*[=:\s]\s*[\"']?([^\s\"']{1,200})", re.ASCII)

Row = dict[str, Any]


def parse(section: Section) -> list[Row]:
    """By name. ``scheduled`` names what starts it; ``last_run_s`` is when its state was written last, in seconds since 1970."""
    servers: dict[str, str] = {}
    for path, lines in sorted(section.files.items()):
        agent = next((name for word, name in FILES.items() if word in path), "")
        if found := next((match[1] for line in lines if (match := SERVER.match(line))), None):
            servers.setdefault(agent, found)
    rows_ = {}
    for line in section.lines("agents"):
        words = [word.strip() for word in line.split("\t")]
        if len(words) == 8 and words[1] in KINDS:
            rows_[words[0]] = {
                "name": words[0], "kind": words[1], "installed": words[2] == "yes", "running": words[3] == "yes",
                "enabled": {"yes": True, "no": False}.get(words[4]), "scheduled": sorted(set(words[5].split())), "last_run_s": number(words[6]),
                "disabled": words[7] == "yes", "server": servers.get(words[0]),
            }  # fmt: skip
    return [rows_[name] for name in sorted(rows_)]


def _steady(value: list[Row]) -> list[Row]:
    return [{key: field for key, field in row.items() if key not in {"last_run_s", "running"}} for row in value]


PART = Part(
    "agents",
    Limits(15, 50_000),
    parse,
    rows(
        name=TEXT, kind={"enum": list(KINDS)}, installed=FLAG, running=FLAG, enabled=FLAG_OR_NULL, scheduled=WORDS, last_run_s=COUNT_OR_NULL,
        disabled=FLAG, server=MAYBE,
    ),
    empty=[],
    steady=_steady,
)  # fmt: skip
