# SPDX-License-Identifier: GPL-3.0-or-later
"""Concerns about load over time: each fires where it should, and not where it only looks like it."""

from __future__ import annotations

from typing import Any

from ..cases import assessed, check, quiet, silent
from ..estates import concerns, load_over_time

FILLING = {"target": "/data", "size_mib": 1000, "used_mib": 900, "most_mib": 900, "growth_mib_per_day": 2.0, "days": 30}


def over_time(host: str, **changes: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys[host]["load"] = load_over_time(host, **changes)

    return change


def memory(p99: float, **changes: Any) -> dict[str, Any]:
    return {"memory_mib": {"p50": p99, "p95": p99, "p99": p99, "max": p99, **changes}}


CASES: list[tuple[str, Any, str, bool]] = [
    ("load-unseen", over_time("db1", confidence="low", reasons=["no whole week was seen"]), "warning", False),
    ("load-unseen", over_time("web1", confidence="none"), "warning", False),
    ("month-end-unseen", over_time("db1", confidence="medium", month_end=False), "warning", False),
    ("disk-fills", over_time("db1", disks=[FILLING]), "warning", False),
    ("memory-unexplained", over_time("db1", measures=memory(6000)), "warning", True),
]
SILENT: list[tuple[str, Any]] = [
    ("load-unseen", over_time("db1", confidence="medium")),
    ("month-end-unseen", over_time("db1", confidence="high", month_end=True)),
    ("month-end-unseen", over_time("db1", confidence="low", month_end=False)),
    ("disk-fills", over_time("db1", disks=[{**FILLING, "growth_mib_per_day": 0.5}])),
    ("disk-fills", over_time("db1", disks=[{**FILLING, "growth_mib_per_day": None}])),
    ("disk-fills", over_time("db1", disks=[{**FILLING, "growth_mib_per_day": -3.0}])),
    ("memory-unexplained", over_time("db1", measures=memory(900))),
    ("memory-unexplained", over_time("edge1", measures=memory(6000))),
]

test_it_speaks = check(CASES)
test_it_is_silent = silent(SILENT)


def test_a_container_s_root_is_the_whole_machine_s() -> None:
    surveys = quiet()
    surveys["db1"]["mounts"] = [{"source": "overlay", "target": "/data", "type": "overlay", "size_mib": 1000, "used_mib": 900}]
    surveys["db1"]["load"] = load_over_time("db1", disks=[FILLING])
    assert concerns(assessed(surveys), "disk-fills") == []
