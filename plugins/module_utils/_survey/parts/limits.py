# SPDX-License-Identifier: GPL-3.0-or-later
"""What running services may do: limits, umask, and language and time zone of their environment."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, MAYBE, TEXT, VALUES, Limits, Part, rows
from ..processes import unit_of
from ..wire import Section, number

FIELDS = {"Max open files": "nofile", "Max processes": "nproc", "Max locked memory": "memlock", "Max core file size": "core"}
LIMIT = {"type": ["integer", "string"]}  # "unlimited", or a number


def parse(section: Section) -> list[dict[str, Any]]:
    """One row for each unit and program; processes that differ have a row each. ``count`` is how many processes a row stands for."""
    found: dict[int, dict[str, Any]] = {}
    for pid, text in _by_pid(section, "status"):
        blank: dict[str, Any] = {"unit": None, "process": "", "uid": 0, "umask": None, "oom_score_adj": None, "limits": {}, "environment": {}}
        _status(found.setdefault(pid, blank), *text.partition(":")[::2])
    for pid, text in _by_pid(section, "cgroup"):
        if pid in found and found[pid]["unit"] is None:
            found[pid]["unit"] = unit_of(text)
    for pid, text in _by_pid(section, "limits"):
        match = re.match(r"(Max [a-z ]{1,30}?)\s{2,}(\d{1,20}|unlimited)\s+(\d{1,20}|unlimited)", text, re.ASCII)
        if pid in found and match and match[1] in FIELDS:
            found[pid]["limits"][FIELDS[match[1]]] = {"soft": _limit(match[2]), "hard": _limit(match[3])}
    for pid, text in _by_pid(section, "oom"):
        if pid in found and re.fullmatch(r"-?\d{1,4}", text.strip(), re.ASCII):
            found[pid]["oom_score_adj"] = int(text)
    for pid, text in _by_pid(section, "environ"):
        name, sign, value = text.partition("=")
        if pid in found and sign and re.fullmatch(r"LANG|LANGUAGE|LC_[A-Z]+|TZ", name):
            found[pid]["environment"][name] = value
    return _merged(found)


def _status(row: dict[str, Any], name: str, value: str) -> None:
    words = value.split()
    if name == "Name":
        row["process"] = value.strip()[:60]
    elif name == "Uid" and words:
        row["uid"] = number(words[0]) or 0
    elif name == "Umask" and words and re.fullmatch(r"[0-7]{1,4}", words[0]):
        row["umask"] = words[0].zfill(4)


def _by_pid(section: Section, block: str) -> list[tuple[int, str]]:
    pairs = []
    for line in section.lines(block):
        pid, _, text = line.partition(" ")
        if (value := number(pid)) is not None:
            pairs.append((value, text))
    return pairs


def _limit(text: str) -> int | str:
    return text if text == "unlimited" else int(text)


def _merged(found: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    rows_by_value: dict[str, dict[str, Any]] = {}
    for pid in sorted(found):
        row = found[pid]
        row["limits"] = dict(sorted(row["limits"].items()))
        row["environment"] = dict(sorted(row["environment"].items()))
        known = rows_by_value.setdefault(repr(row), row | {"count": 0})
        known["count"] += 1
    return sorted(rows_by_value.values(), key=lambda row: (row["unit"] or "", row["process"], repr(row)))


# What these start comes and goes: jobs, logins, systemd's own helpers.
FLEETING = re.compile(r"(crond?|atd|sshd?|apt-.*|systemd-.*|getty@.*|serial-getty@.*|user@.*|packagekit|man-db|logrotate|fwupd.*)\.service")


def _steady(value: list[dict[str, Any]]) -> list[list[str]]:
    """What each unit gives; neither how many processes there are, nor what they are called at this moment."""
    kept = {(str(row["unit"]), str(row["umask"]), str(row["limits"]), str(row["environment"])) for row in value if row["unit"]}
    return [list(one) for one in sorted(kept) if not FLEETING.fullmatch(one[0])]


PART = Part(
    "limits",
    Limits(20, 3_000_000),
    parse,
    rows(
        unit=MAYBE, process=TEXT, uid=COUNT, umask=MAYBE, oom_score_adj={"type": ["integer", "null"]},
        limits={"type": "object", "additionalProperties": {"type": "object", "properties": {"soft": LIMIT, "hard": LIMIT}}},
        environment=VALUES, count=COUNT_OR_NULL,
    ),
    empty=[],
    steady=_steady,
)  # fmt: skip
