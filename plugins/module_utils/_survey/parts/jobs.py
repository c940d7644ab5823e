# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs by itself beside cron's tables, and what cron really ran.

Formats: `systemctl show`, names of at's spool, anacrontab(5), supervisord's ini, cron's and cronie's lines in a log.
"""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, FLAG, MAYBE, TEXT, Limits, Part, record, rows
from ..wire import Section, UnseenError, number

AT = re.compile(r"([a-zA-Z=])([0-9a-f]{5})([0-9a-f]{8})", re.ASCII)
IDLE = re.compile(r"\s*(exit(\s+\d+)?|:|true|touch /var/lock/subsys/local|set -e)\s*;?\s*$", re.ASCII)

Row = dict[str, Any]


def parse(section: Section) -> Row:
    """Times are the host's own words, but for ``at``, whose spool has them in its names."""
    if "usertimers" not in section.blocks:
        raise UnseenError("; ".join(section.unseen) or "the host did not answer about its jobs")
    source = next((block.removeprefix("ran ") for block in sorted(section.blocks) if block.startswith("ran ")), None)
    return {
        "timers": _timers(section),
        "user_timers": [{"file": line.strip(), "user": _home(line.strip())} for line in sorted(section.blocks["usertimers"]) if line.strip()],
        "at": _at(section.blocks.get("at", [])),
        "boot": [
            {"file": path, "line": place, "command": line.strip()}
            for path, lines in sorted(section.files.items())
            if "rc.local" in path or path.endswith((".start", "boot.local"))
            for place, line in enumerate(lines, 1)
            if line.strip() and not line.lstrip().startswith("#") and not IDLE.match(line)
        ],
        "anacron": _anacron(section.files.get("/etc/anacrontab", [])),
        "periodic": _periodic(section.blocks.get("periodic", [])),
        "supervised": _supervised(section),
        "ran": _ran(section.blocks.get(f"ran {source}", []) if source else []),
        "ran_source": source,
    }


def _shown(lines: list[str]) -> list[dict[str, list[str]]]:
    """What `systemctl show` told, one record for each unit."""
    found: list[dict[str, list[str]]] = [{}]
    for line in lines:
        key, _, value = line.partition("=")
        if not line.strip():
            found.append({})
        elif re.fullmatch(r"[A-Za-z]{1,60}", key):
            found[-1].setdefault(key, []).append(value.strip())
    return [row for row in found if "Id" in row]


def _one(row: dict[str, list[str]], name: str) -> str | None:
    return next((value for value in row.get(name, []) if value and value != "n/a"), None)


def _timers(section: Section) -> list[Row]:
    services = {row["Id"][0]: row for row in _shown(section.blocks.get("services", []))}
    owners = {}
    for line in section.blocks.get("owners", []):
        file, _, owner = line.partition("\t")
        owners[file.strip()] = owner.strip() or None
    found = {}
    for row in _shown(section.blocks.get("timers", [])):
        unit = _one(row, "Unit") or row["Id"][0]
        service = services.get(unit, {})
        path = _one(row, "FragmentPath")
        given = (*row.get("TimersCalendar", []), *row.get("TimersMonotonic", []))
        when = [re.sub(r"\s*;\s*next_elapse=.*", "", value).strip("{ }") for value in given]
        found[row["Id"][0]] = {
            "name": row["Id"][0], "unit": unit, "active": _one(row, "ActiveState") == "active", "enabled": _one(row, "UnitFileState"), "file": path,
            "package": owners.get(path or ""), "user": next(iter(service.get("User", [])), "") or "root",
            "program": next(iter(service.get("ExecStart", [])), None), "schedule": "; ".join(filter(None, when)) or None,
            "last": _one(row, "LastTriggerUSec"), "next": _one(row, "NextElapseUSecRealtime"),
        }  # fmt: skip
    return [found[name] for name in sorted(found)]


def _home(path: str) -> str | None:
    match = re.match(r"/(?:home|srv)/([^/]+)/", path)
    return match[1] if match else "root" if path.startswith("/root/") else None


def _at(lines: list[str]) -> list[Row]:
    """Jobs by their number; ``due_s`` in seconds since 1970. A job that runs has the queue ``=``."""
    found = []
    for line in lines:
        name, _, rest = line.partition("\t")
        user, _, command = rest.partition("\t")
        if match := AT.fullmatch(name.strip()):
            found.append(
                {"job": int(match[2], 16), "queue": match[1], "due_s": int(match[3], 16) * 60, "user": user.strip(), "command": command.strip()}
            )
    return sorted(found, key=lambda row: (row["due_s"], row["job"], row["queue"]))


def _anacron(lines: list[str]) -> list[Row]:
    found = []
    for place, line in enumerate(lines, 1):
        match = re.match(r"\s*(\d{1,6}|@[a-z]{1,20})\s+(\d{1,6})\s+(\S{1,200})\s+(\S.{0,500})", line, re.ASCII)
        if match and "run-parts" not in match[4]:
            found.append({"period": match[1], "name": match[3], "command": match[4].strip(), "line": place})
    return found


def _periodic(lines: list[str]) -> list[Row]:
    """Files that no package owns."""
    found = []
    for line in lines:
        words = line.split("\t")
        if len(words) == 4 and not words[3].strip():
            found.append({"file": words[0], "schedule": words[1], "executable": words[2] == "yes"})
    return sorted(found, key=lambda row: str(row["file"]))


def _supervised(section: Section) -> list[Row]:
    found = []
    for path, lines in sorted(section.files.items()):
        if "supervisor" not in path:
            continue
        current: Row | None = None
        for line in lines:
            if match := re.match(r"\s*\[(\w{1,40}):?([^\]]{0,200})\]", line, re.ASCII):
                current = None
                if match[1] == "program":
                    current = {"manager": "supervisor", "name": match[2].strip(), "command": None, "user": None, "file": path, "autostart": True}
                    found.append(current)
            elif current and (match := re.match(r"\s*(command|user|autostart)\s*=\s*(.{0,500})", line)):
                current[match[1]] = match[2].strip() if match[1] != "autostart" else match[2].strip().lower() not in {"false", "no", "0", "off"}
    for line in section.blocks.get("supervised", []):
        folder, _, name = line.partition("\t")
        if name.strip():
            manager = "s6" if "s6" in folder or folder == "/etc/services.d" else "daemontools" if folder == "/service" else "runit"
            file = f"{folder}/{name.strip()}/run"
            found.append({"manager": manager, "name": name.strip(), "command": None, "user": None, "file": file, "autostart": True})
    return sorted(found, key=lambda row: (str(row["manager"]), str(row["name"]), str(row["file"])))


def _ran(lines: list[str]) -> list[Row]:
    found = []
    for line in lines:
        words = line.split("\t", 4)
        amount = number(words[0]) if len(words) == 5 else None
        if amount is not None:
            found.append({"user": words[3], "command": words[4].strip(), "count": amount, "first": words[1], "last": words[2]})
    return sorted(found, key=lambda row: (str(row["user"]), str(row["command"]), str(row["first"])))


def _steady(value: Row) -> Row:
    timers = [{key: field for key, field in row.items() if key not in {"last", "next", "active"}} for row in value["timers"]]
    return {**value, "timers": timers, "ran": [], "at": []}


PART = Part(
    "jobs",
    Limits(30, 500_000),
    parse,
    record(
        timers=rows(
            name=TEXT, unit=TEXT, active=FLAG, enabled=MAYBE, file=MAYBE, package=MAYBE, user=TEXT, program=MAYBE, schedule=MAYBE, last=MAYBE,
            next=MAYBE,
        ),
        user_timers=rows(file=TEXT, user=MAYBE),
        at=rows(job=COUNT, queue=TEXT, due_s=COUNT, user=TEXT, command=TEXT),
        boot=rows(file=TEXT, line=COUNT, command=TEXT),
        anacron=rows(period=TEXT, name=TEXT, command=TEXT, line=COUNT),
        periodic=rows(file=TEXT, schedule=TEXT, executable=FLAG),
        supervised=rows(manager=TEXT, name=TEXT, command=MAYBE, user=MAYBE, file=TEXT, autostart=FLAG),
        ran=rows(user=TEXT, command=TEXT, count=COUNT, first=TEXT, last=TEXT),
        ran_source=MAYBE,
    ),
    empty={"timers": [], "user_timers": [], "at": [], "boot": [], "anacron": [], "periodic": [], "supervised": [], "ran": [], "ran_source": None},
    steady=_steady,
)
