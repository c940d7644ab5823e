# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of detectors share: a quiet estate of an edge, a web server and a database, and ways to disturb it.

A topic's tests have ``CASES``, a list of (id of the concern, change to the quiet estate that causes it, severity, whether the plan cures it),
and ``SILENT``, a list of (id, change that looks like it and is harmless).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Iterable
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns.detector import Detector

from .estates import bare, cluster, concerns, haproxy, mariadb, plan, web

Change = Callable[[dict[str, dict[str, Any]]], Any]
Case = tuple[str, Change, str, bool]
Quiet = tuple[str, Change]

NO_DROPS: dict[str, Any] = {"dropped_services": []}
QUIET = {"character_set_server": "utf8mb4", "collation_server": "utf8mb4_uca1400_ai_ci", "sql_mode": "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"
         "NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION", "port": "3306"}  # fmt: skip


def quiet() -> dict[str, dict[str, Any]]:
    """An estate without any surprise: Debian 13's own values everywhere."""
    page = web("web1")
    page["php"]["version"] = "8.4"
    facts = {"version": "11.8.2", "variables": dict(QUIET)}
    return {
        "edge1": bare("edge1", 11, addresses=["10.77.0.11/24", "10.77.0.10/24"], **haproxy(("web1", 12))),
        "web1": bare("web1", 12, **page),
        "db1": bare("db1", 13, **mariadb(**facts)),
    }  # fmt: skip


def assessed(surveys: dict[str, dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return plan(surveys, cluster(), **{**NO_DROPS, **changes})


def section(host: str, name: str, value: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[host][name] = value

    return change


def inside(host: str, *path: Any, value: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        place: Any = surveys[host]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value

    return change


def added(name: str, number: int, **sections: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[name] = bare(name, number, **sections)

    return change


def unseen(host: str, name: str, reason: str) -> Change:
    """A section that the host did not tell."""

    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[host].pop(name, None)
        surveys[host]["not_assessed"] = [{"section": name, "reason": reason}]

    return change


def part(host: str, name: str, **fields: Any) -> Change:
    """Fields of a section that is a record; its others stay."""

    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[host][name] = {**surveys[host][name], **fields}

    return change


def both(*changes: Change) -> Change:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        for one in changes:
            one(surveys)

    return change


def _planned(name: str, change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    """The surveys as they were changed, and their plan."""
    surveys = copy.deepcopy(quiet())
    change(surveys)
    facts = {host: {"watts": 1, "rack_units": 1} for host in surveys} if name != "power-unknown" else {}
    return surveys, assessed(surveys, legacy_facts=facts)


def check(cases: list[Case], hosts: Collection[str] = (), service: str = "") -> Any:
    """A test: each case is seen, with its severity and evidence of both sides; on ``hosts`` and about ``service`` where they are given."""

    @pytest.mark.parametrize(("name", "change", "severity", "applied"), cases, ids=[f"{number}-{case[0]}" for number, case in enumerate(cases)])
    def test(name: str, change: Change, severity: str, applied: bool) -> None:
        surveys, found = _planned(name, change)
        rows = concerns(found, name)
        assert rows, "the detector did not see it"
        assert {(row["severity"], row["applied"]) for row in rows} == {(severity, applied)}
        assert all(row["old"] and row["new"] and row["remedy"] and row["host"] in (hosts or surveys) for row in rows)
        assert all(row["service"] == service for row in rows if service)

    return test


def silent(cases: list[Quiet], service: str = "") -> Any:
    """A test: what is harmless is not told, though ``service`` is there."""

    @pytest.mark.parametrize(("name", "change"), cases, ids=[f"{number}-{case[0]}" for number, case in enumerate(cases)])
    def test(name: str, change: Change) -> None:
        _, found = _planned(name, change)
        assert not service or any(row["id"] == service for row in found["services"])
        assert concerns(found, name) == []

    return test


def has_both(detectors: Iterable[Detector], cases: list[Case], quiet_ones: list[Quiet]) -> Any:
    """A test: every detector of a topic has a case that it sees and one that it does not, and no case is another topic's."""

    def test() -> None:
        assert {detector.id for detector in detectors} == {case[0] for case in cases} == {case[0] for case in quiet_ones}

    return test
