# SPDX-License-Identifier: GPL-3.0-or-later
"""Estates made by code: a plan, journals with a true chain, live users' records, evidence and ledger, as the contracts say."""

from __future__ import annotations

import datetime
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.lotse.estate.plugins.module_utils._conduct import journal

START = datetime.datetime(2026, 11, 24, 6, 20, tzinfo=datetime.UTC).timestamp()
KINDS = (("edge", "edge1", "edge-01", 1, "edge"), ("mariadb", "db1", "db-01", 2, "mariadb"), ("redis", "cache1", "cache-01", 2, "redis"),
         ("files", "web1", "web-01", 3, "web1"), ("http", "web1", "web-01", 3, "web1"), ("cron", "web1", "worker-01", 4, "cron"))  # fmt: skip
WATTS = {"edge1": (180, 1), "web1": (320, 2), "db1": (350, 2), "cache1": (210, 1)}


def move(kind: str, source: str, guest: str, wave: int, section: str, name: str = "") -> dict[str, Any]:
    return {
        "id": name or kind, "service": f"{name or kind}@{source}", "kind": kind, "from": source, "to": guest, "wave": wave, "section": section,
        "rollback": "lossless", "expected_pause_ms": 50, "parameters": {},
    }  # fmt: skip


def plan_of(moves: Sequence[Mapping[str, Any]], concerns: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """A plan with what the moves need; hosts that are not known draw 100 W in 1 U."""
    hosts = dict.fromkeys([*WATTS, *(str(row["from"]) for row in moves)])
    guests = list(dict.fromkeys(str(row["to"]) for row in moves))
    facts = {host: WATTS.get(host, (100, 1)) for host in hosts}
    staying = set(facts) - {str(row["from"]) for row in moves}
    waves = sorted({row["wave"] for row in moves})
    return {
        "schema": "lotse/plan/2",
        "environment": "lab",
        "legacy": {host: {"address": f"10.77.0.{11 + n}", "os": "Debian 11", "watts": facts[host][0], "rack_units": facts[host][1],
                          "memory_mib": 8192, "cpus": 4} for n, host in enumerate(hosts)},
        "services": [{"id": row["service"], "kind": row["kind"], "host": row["from"], "name": f"{row['kind']} of {row['from']}", "port": 80}
                     for row in moves],
        "guests": [{"name": name, "node": f"pve{1 + n % 4}", "cores": 1 + n % 2, "memory_mib": 512, "address": f"10.77.0.{101 + n}/24"}
                   for n, name in enumerate(guests)],
        "waves": [{"number": number, "moves": [row["id"] for row in moves if row["wave"] == number]} for number in waves],
        "moves": [dict(row) for row in moves],
        "concerns": [dict(row) for row in concerns],
        "savings": {"power_watts_before": sum(watts for watts, _units in facts.values()),
                    "power_watts_after": 62 + sum(facts[host][0] for host in staying),
                    "rack_units_before": sum(units for _watts, units in facts.values()),
                    "rack_units_after": sum(facts[host][1] for host in staying)},
        "capacity": {"nodes": [{"name": f"pve{n + 1}", "memory_mib": 16384, "planned_memory_mib": 512, "guests": guests[n::4]} for n in range(4)]},
    }  # fmt: skip


LAB = plan_of(
    [move(*row) for row in KINDS],
    [
        {"id": "sql-mode", "severity": "critical", "host": "db1", "service": "mariadb@db1", "title": "The new server would refuse zero dates",
         "old": "sql_mode is NO_ENGINE_SUBSTITUTION", "new": "the default has STRICT_TRANS_TABLES", "remedy": "The plan carries the old sql_mode.",
         "applied": True, "waived": None},
        {"id": "missing-primary-key", "severity": "warning", "host": "db1", "service": "mariadb@db1", "title": "A table has no primary key",
         "old": "community.audit_log", "new": "row replication scans it for each change", "remedy": "Add one.", "applied": False,
         "waived": {"reason": "append only", "approver": "dba", "expires": "2027-01-31"}},
        {"id": "hidden-cron", "severity": "info", "host": "web1", "service": "cron@web1", "title": "A job is in a user's spool",
         "old": "* * * * * php digest.php", "new": "moved with its user", "remedy": "None needed.", "applied": True, "waived": None},
    ],
)  # fmt: skip


@dataclass
class Story:
    """Writes the journal of one move at times of its own choosing (seconds from START)."""

    name: str
    run: str = "4f1c22aa"
    entries: list[dict[str, Any]] = field(default_factory=list)

    def write(self, at: float, event: str, step: str, **data: Any) -> Story:
        state = next((row["step"] for row in reversed(self.entries) if row["event"] == "state"), "planned")
        moment = datetime.datetime.fromtimestamp(START + at, datetime.UTC).isoformat(timespec="milliseconds")
        entry = {
            "seq": len(self.entries) + 1, "at": moment, "run": self.run, "move": self.name, "event": event,
            "phase": step if event == "state" else state, "step": step, "data": data,
            "previous": self.entries[-1]["hash"] if self.entries else journal.START,
        }  # fmt: skip
        entry["hash"] = journal._hash(entry)
        self.entries.append(entry)
        return self

    def state(self, at: float, name: str) -> Story:
        return self.write(at, "state", name)

    def cut(self, at: float, pause: float | None = 34.5, *, back: bool = False, outcome: str = "result") -> Story:
        self.write(at, "intent", "cut", undo="the dead-man lifts the fence", back=back, token="t")
        times = [datetime.datetime.fromtimestamp(START + at + t, datetime.UTC).isoformat(timespec="milliseconds") for t in (0.002, 0.04)]
        if outcome == "result":
            self.write(at + 0.05, "result", "cut", back=back, write_pause_ms=pause, fenced_ms=9.9, started_at=times[0], ended_at=times[1], proofs={})
        elif outcome == "failed":
            self.write(at + 0.05, "failed", "cut", back=back, error="TimeoutError: it took too long")
        return self

    def look(self, at: float, writes: int = 0) -> Story:
        return self.write(at, "observation", "fenced-side", writes=writes, evidence="gtid position unchanged since the fence")

    def committed(self, at: float, pause: float | None = 34.5, *, looked: bool = True) -> Story:
        """A whole move that begins at ``at`` and takes 11 seconds."""
        self.state(at, "preparing").write(at + 0.1, "intent", "account", undo="drop it").write(at + 0.3, "result", "account", created=True)
        self.state(at + 1.5, "replicating").state(at + 4, "ready").state(at + 4.2, "cutting").cut(at + 4.5, pause).state(at + 4.8, "observing")
        if looked:
            self.look(at + 9)
        return self.state(at + 11, "committed")


def crossed(plan: Mapping[str, Any], *, start: float = 120) -> dict[str, list[dict[str, Any]]]:
    """Journals of a crossing in which everything went well: a wave every 14 seconds."""
    pauses = {"mariadb": 34.5, "redis": 21.0, "files": 61.3, "http": 61.3, "cron": None, "edge": None}
    journals = {}
    for row in plan["moves"]:
        story = Story(str(row["id"])).committed(start + 14 * (row["wave"] - 1), pauses.get(row["kind"], 12.0), looked=row["kind"] != "edge")
        journals[str(row["id"])] = story.entries
    return journals


def requests(seconds: float, *, rate: float = 25, start: float = 0, seed: int = 1) -> list[dict[str, Any]]:
    """What live users did: mostly quick, now and then slow, none failed."""
    chance = random.Random(seed)
    rows = []
    for number in range(int(seconds * rate)):
        ms = 2.2 + chance.lognormvariate(0, 0.5) + (chance.uniform(5, 25) if chance.random() < 0.03 else 0)
        op = chance.choice(("front", "profile", "message", "upload", "draft"))
        rows.append({"at": START + start + number / rate, "ms": round(ms, 2), "op": op, "method": "GET", "status": 200, "ok": True, "error": ""})
    return rows


def audit(acknowledged: int = 1200, lost: int | None = 0, duplicated: int | None = 0, error: str = "") -> dict[str, Any]:
    return {"schema": "lotse/audit/1", "writes_acknowledged": acknowledged, "writes_lost": lost, "writes_duplicated": duplicated, "lost": [],
            "duplicated": [], "by_kind": {}, "error": error}  # fmt: skip


def controls(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": f"{row['kind']}-{name}", "title": f"The {name} of {row['service']} is equal on both sides", "severity": "critical", "move": row["id"],
         "side": "pair", "host": f"{row['from']} -> {row['to']}", "state": "passed", "evidence": ""}
        for row in plan["moves"] for name in ("version", "settings", "content", "port", "owner")
    ]  # fmt: skip


def phases(*names: str, length: float = 20) -> list[dict[str, Any]]:
    """Plays one after the other from START on."""
    rows = []
    for number, name in enumerate(names):
        for offset, event, elapsed in ((0, "play started", 0.0), (length, "play ended", length)):
            at = datetime.datetime.fromtimestamp(START + number * length + offset, datetime.UTC).isoformat(timespec="milliseconds")
            rows.append({"at": at, "run": "r1", "event": event, "name": name, "elapsed_s": elapsed})
    return rows


def write(directory: Path, plan: Mapping[str, Any], journals: Mapping[str, Sequence[Mapping[str, Any]]], **more: Any) -> Path:
    """Writes an estate. ``more``: ``controls``, ``retired`` (names), ``phases``."""
    (directory / "journal").mkdir(parents=True, exist_ok=True)
    (directory / "plan.yml").write_text(yaml.safe_dump(dict(plan), sort_keys=False), encoding="utf-8")
    for name, entries in journals.items():
        (directory / "journal" / f"{name}.jsonl").write_text(lines(entries), encoding="utf-8")
    if "controls" in more:
        (directory / "evidence").mkdir(exist_ok=True)
        text = json.dumps({"schema": "lotse/verify/1", "controls": more["controls"]})
        (directory / "evidence" / "verify.json").write_text(text, encoding="utf-8")
    if "retired" in more:
        ledger = {"schema": "lotse/ledger/1", "retired": {name: {"retired_at": "2026-11-24T06:25:00+00:00"} for name in more["retired"]}}
        (directory / "ledger.yml").write_text(yaml.safe_dump(ledger), encoding="utf-8")
    if "phases" in more:
        (directory / "journal" / "phases.jsonl").write_text(lines(more["phases"]), encoding="utf-8")
    return directory


def write_load(directory: Path, rows: Sequence[Mapping[str, Any]], audited: Mapping[str, Any] | None, *, seconds: float, start: float = 0) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "requests.jsonl").write_text(lines(rows), encoding="utf-8")
    (directory / "writes.jsonl").write_text("", encoding="utf-8")
    meta = {"started_at": START + start, "ended_at": START + start + seconds, "rate": 25}
    (directory / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
    if audited is not None:
        (directory / "audit.json").write_text(json.dumps(audited), encoding="utf-8")
    return directory


def lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, sort_keys=True, ensure_ascii=False) + "\n" for row in rows)
