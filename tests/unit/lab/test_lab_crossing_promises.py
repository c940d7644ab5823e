# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` succeeds only when every promise is kept and proven."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.lab.crossing import broken_promises, ten_lines

KEPT: dict[str, Any] = {
    "requests_total": 5000,
    "requests_failed": 0,
    "requests_over_2s": 0,
    "latency_ms": {"p50": 9.5, "p99": 80.0, "max": 900.0},
    "writes_acknowledged": 1800,
    "writes_lost": 0,
    "writes_duplicated": 0,
    "writes_on_fenced_side": 0,
    "moves": [
        {"service": "MariaDB", "kind": "mariadb", "state": "committed", "write_pause_ms": 31.5},
        {"service": "Redis", "kind": "redis", "state": "committed", "write_pause_ms": 12.0},
        {"service": "HTTP", "kind": "http", "state": "committed", "write_pause_ms": None},
    ],
    "controls": {"passed": 50, "failed": 0, "not_assessed": 0},
    "cutovers_unwatched": [],
    "power_watts_before": 1060,
    "power_watts_after": 60,
    "rack_units_before": 6,
    "rack_units_after": 0,
}


def changed(**changes: Any) -> dict[str, Any]:
    """The kept figures with some in another state; ``move_0`` changes the first move."""
    figures = copy.deepcopy(KEPT)
    for name, value in changes.items():
        if name.startswith("move_"):
            figures["moves"][int(name[-1])].update(value)
        else:
            figures[name] = value
    return figures


def test_all_promises_kept() -> None:
    assert broken_promises(KEPT) == []


@pytest.mark.parametrize("name", ["requests_failed", "requests_over_2s", "writes_lost", "writes_duplicated", "writes_on_fenced_side"])
@pytest.mark.parametrize("value", [1, None])
def test_what_is_not_zero_or_not_proven_is_broken(name: str, value: int | None) -> None:
    assert broken_promises(changed(**{name: value})) == [f"{name} is {value or 'not proven'}, not 0"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests_total": 0}, "requests_total is 0: nothing was measured"),
        ({"writes_acknowledged": None}, "writes_acknowledged is not proven: nothing was measured"),
        ({"move_2": {"state": "ready"}}, "HTTP is ready, not committed"),
        ({"move_0": {"write_pause_ms": 500}}, "MariaDB paused writes for 500 ms, not under 500"),
        ({"move_1": {"write_pause_ms": None}}, "Redis paused writes for not proven ms, not under 500"),
        ({"controls": {"passed": 50, "failed": 2, "not_assessed": 0}}, "failed controls are 2, not 0"),
        ({"controls": {"passed": 50, "failed": 0, "not_assessed": 1}}, "not assessed controls are 1, not 0"),
        ({"controls": {"passed": 0, "failed": 0, "not_assessed": 0}}, "no control has passed"),
        ({"cutovers_unwatched": ["mariadb"]}, "nobody watched the cutover of mariadb"),
        ({"power_watts_after": 531}, "power_watts went from 1060 to 531 W, not to half"),
        ({"rack_units_after": None}, "rack_units went from 6 to not proven U, not to half"),
    ],
)
def test_each_promise_can_break(changes: dict[str, Any], words: str) -> None:
    assert broken_promises(changed(**changes)) == [words]


def test_a_crossing_without_moves_is_broken() -> None:
    assert broken_promises(changed(moves=[])) == ["nothing of the kind mariadb has moved", "nothing of the kind redis has moved"]


def test_ten_lines() -> None:
    lines = ten_lines(changed(writes_lost=None), Path("estate/lab/reports/crossing.html"), 301.4).splitlines()
    assert len(lines) == 10
    assert lines[2] == "writes          1800 acknowledged, not proven lost, 0 duplicated"
    assert lines[-1] == "report          estate/lab/reports/crossing.html (301 s in all)"


def test_figures_without_a_load_and_without_controls_are_all_not_proven() -> None:
    nothing = changed(
        **dict.fromkeys(("requests_total", "requests_failed", "requests_over_2s", "writes_acknowledged", "writes_lost", "writes_duplicated")),
        latency_ms=dict.fromkeys(("p50", "p99", "max")),
        controls=dict.fromkeys(("passed", "failed", "not_assessed")),
    )
    assert len(broken_promises(nothing)) == 9
    assert ten_lines(nothing, Path("x"), 1).count("not proven") == 12
