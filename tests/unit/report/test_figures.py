# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of a crossing: what is proven is a number, what is not is null."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._report import figures, timeline
from ansible_collections.lotse.estate.plugins.module_utils._report.load import summarize
from hypothesis import given
from hypothesis import strategies as st

from . import estate
from .estate import LAB, Story

START = estate.START


def loaded(journals: dict[str, Any], seconds: float = 330, start: float = 0, audit: dict[str, Any] | None = None) -> dict[str, Any]:
    meta = {"started_at": START + start, "ended_at": START + start + seconds, "rate": 25}
    return summarize(estate.requests(seconds, start=start), meta, audit or estate.audit(), None, figures.all_cuts(LAB, journals))


def compute(journals: dict[str, Any], **more: Any) -> dict[str, Any]:
    return figures.compute(LAB, journals, **more)


def test_a_whole_crossing() -> None:
    journals = estate.crossed(LAB)
    found = compute(journals, load=loaded(journals), controls=estate.controls(LAB), retired=list(LAB["legacy"]))
    moves = {move["service"]: move for move in found["moves"]}
    assert {move["state"] for move in moves.values()} == {"committed"}
    assert (moves["mariadb@db1"]["write_pause_ms"], moves["edge@edge1"]["write_pause_ms"]) == (34.5, None)
    assert (moves["mariadb@db1"]["from"], moves["mariadb@db1"]["to"], moves["mariadb@db1"]["wave"]) == ("db1", "db-01", 2)
    assert (found["requests_total"], found["requests_failed"], found["writes_on_fenced_side"], found["duration_s"]) == (8250, 0, 0, 330.0)
    assert found["controls"] == {"passed": 30, "failed": 0, "not_assessed": 0}
    assert found["concerns"] == {"critical": 1, "warning": 1, "info": 1}
    assert found["cutovers_unwatched"] == []
    assert (found["power_watts_before"], found["power_watts_after"], found["rack_units_before"], found["rack_units_after"]) == (1060, 62, 6, 0)


def test_without_evidence_everything_is_null() -> None:
    found = compute(estate.crossed(LAB))
    assert [found[name] for name in ("requests_total", "requests_failed", "requests_over_2s", "writes_acknowledged", "writes_lost")] == [None] * 5
    assert set(found["latency_ms"].values()) == set(found["controls"].values()) == {None}
    assert found["cutovers_unwatched"] == sorted(move["id"] for move in LAB["moves"])
    assert found["duration_s"] == 53.0


def test_before_anything_was_done() -> None:
    found = compute({})
    assert {move["state"] for move in found["moves"]} == {"planned"}
    assert (found["duration_s"], found["started_at"], found["writes_on_fenced_side"]) == (None, None, None)
    assert found["power_watts_after"] == 1060 + 62


def test_hosts_that_are_still_on_count() -> None:
    found = compute(estate.crossed(LAB), retired=["db1", "somebody-else"])
    assert (found["power_watts_after"], found["rack_units_after"]) == (62 + 180 + 320 + 210, 4)
    assert found["hosts_retired"] == ["db1"]


def test_a_host_that_nothing_leaves_is_counted_once() -> None:
    plan = estate.plan_of([estate.move(*row) for row in estate.KINDS if row[0] != "redis"])
    assert plan["savings"]["power_watts_after"] == 62 + 210
    assert figures.compute(plan, {}, retired=["edge1", "web1", "db1"])["power_watts_after"] == 62 + 210


@pytest.mark.parametrize("hole", ["legacy", "savings"])
def test_unknown_watts_stay_unknown(hole: str) -> None:
    plan = copy.deepcopy(LAB)
    if hole == "legacy":
        plan["legacy"]["db1"]["watts"] = None
    else:
        plan["savings"]["power_watts_after"] = None
    assert figures.compute(plan, {})["power_watts_after"] is None
    assert figures.compute(plan, {})["rack_units_after"] == 6


def test_a_load_of_another_time_proves_nothing() -> None:
    journals = estate.crossed(LAB)
    found = compute(journals, load=loaded(journals, start=-9000, seconds=60))
    assert (found["requests_total"], found["writes_lost"], found["duration_s"]) == (None, None, 53.0)


def test_a_cutover_that_the_load_missed_is_named() -> None:
    journals = estate.crossed(LAB)
    found = compute(journals, load=loaded(journals, seconds=150))
    assert found["cutovers_unwatched"] == ["cron", "files", "http"]


def test_failures_name_what_was_going_on() -> None:
    journals = estate.crossed(LAB)
    rows = estate.requests(330)
    rows[int(138.5 * 25)] |= {"ok": False, "status": 503, "error": "HTTP 503"}
    rows[25 * 300] |= {"ms": 2500.0}
    meta = {"started_at": START, "ended_at": START + 330, "rate": 25}
    summary = summarize(rows, meta, None, None, ())
    found = compute(journals, load=summary, phases=estate.phases("Survey | Observe", "Retire | Switch off", length=170))["failures"]
    assert [(row["kind"], row["phase"], row["play"]) for row in found] == [
        ("failed", "mariadb cutting, redis cutting", "Survey | Observe"),
        ("slow", "", "Retire | Switch off"),
    ]
    assert found[0]["at"] == "2026-11-24T06:22:18.480+00:00"


class TestFencedSide:
    def count(self, *stories: Story) -> int | None:
        found: int | None = compute({story.name: story.entries for story in stories})["writes_on_fenced_side"]
        return found

    def test_nobody_looked(self) -> None:
        assert self.count(Story("mariadb").committed(0, looked=False)) is None

    def test_one_looked_and_another_did_not(self) -> None:
        assert self.count(Story("mariadb").committed(0), Story("redis").committed(0, looked=False)) is None

    def test_the_edge_holds_no_data(self) -> None:
        assert self.count(Story("mariadb").committed(0), Story("edge").committed(0, looked=False)) == 0

    def test_writes_are_summed_over_moves(self) -> None:
        assert self.count(Story("mariadb").committed(0, looked=False).look(12, 2), Story("redis").committed(0, looked=False).look(12, 3)) == 5

    def test_looking_twice_at_one_cutover_counts_once(self) -> None:
        assert self.count(Story("mariadb").committed(0, looked=False).look(12, 2).look(13, 2)) == 2

    def test_way_there_and_way_back_are_both_counted(self) -> None:
        story = Story("mariadb").committed(0, looked=False).look(12, 1).state(20, "rolling_back").cut(21, back=True).look(25, 2)
        assert self.count(story.state(26, "rolled_back")) == 3

    def test_a_way_back_that_nobody_looked_at(self) -> None:
        assert self.count(Story("mariadb").committed(0).state(20, "rolling_back").cut(21, back=True).state(26, "rolled_back")) is None

    def test_an_undone_cutover_needs_no_look(self) -> None:
        story = Story("mariadb").state(0, "preparing").state(1, "replicating").state(2, "ready").state(3, "cutting")
        story.cut(3.1, outcome="failed").state(4, "failed")
        assert self.count(story) is None
        assert self.count(Story("mariadb", entries=list(story.entries)).committed(10)) == 0

    def test_a_cutover_that_a_crash_left_open(self) -> None:
        story = Story("mariadb").state(0, "preparing").state(2, "ready").state(3, "cutting").cut(3.1, outcome="crash")
        assert self.count(Story("redis").committed(0), story) is None


class TestPause:
    def pause(self, story: Story) -> float | None:
        found: float | None = next(move for move in compute({story.name: story.entries})["moves"] if move["id"] == story.name)["write_pause_ms"]
        return found

    def test_the_last_cutover_forward_counts(self) -> None:
        assert self.pause(Story("mariadb").committed(0, 40.0).committed(30, 12.5)) == 12.5

    def test_the_way_back_has_its_own(self) -> None:
        story = Story("mariadb").committed(0, 40.0).state(20, "rolling_back").cut(21, 9.0, back=True).look(24).state(25, "rolled_back")
        move = next(move for move in compute({"mariadb": story.entries})["moves"] if move["id"] == "mariadb")
        assert (move["write_pause_ms"], move["rollback_pause_ms"], move["state"]) == (40.0, 9.0, "rolled_back")

    def test_a_cutover_that_a_crash_left_open_has_none(self) -> None:
        assert self.pause(Story("mariadb").committed(0, 40.0).state(20, "preparing").state(21, "cutting").cut(22, outcome="crash")) is None


class TestTimeline:
    def test_states_follow_each_other(self) -> None:
        spans = timeline.spans(Story("redis").committed(0).entries)
        assert [span.name for span in spans] == ["preparing", "replicating", "ready", "cutting", "observing"]
        assert all(before.end == after.start for before, after in pairwise(spans))

    def test_a_dead_controller_is_seen(self) -> None:
        story = Story("mariadb").state(0, "preparing").state(2, "cutting").cut(3, outcome="crash")
        story.run = "another"
        spans = timeline.spans(story.state(18, "observing").state(20, "committed").entries)
        assert [(span.name, round(span.end - span.start)) for span in spans if span.end - span.start > 0.5] == [
            ("preparing", 2), ("cutting", 1), ("interrupted", 15), ("observing", 2),
        ]  # fmt: skip

    def test_moves_cut_together_are_one_cutover(self) -> None:
        assert sorted(name for name, _start, _end in figures.all_cuts(LAB, estate.crossed(LAB))) == ["cron", "edge", "mariadb", "redis", "web1"]

    def test_plays_are_cut_at_the_window_so_that_later_runs_change_nothing(self) -> None:
        rows = estate.phases("Survey | a", "Plan | b", length=10)
        window = (START + 5, START + 12)
        first = timeline.plays(rows, *window)
        assert [(play.name, play.start - START, play.end - START) for play in first] == [("Survey | a", 5, 10), ("Plan | b", 10, 12)]
        assert timeline.plays(rows[:3], *window) == first
        later = {"at": "2026-11-24T09:00:00+00:00", "run": "r2", "event": "play started", "name": "Survey | again"}
        assert timeline.plays([*rows, later], *window) == first

    @given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e4)), max_size=30), st.floats(1, 1e4))
    def test_episodes_hold_every_span_and_are_apart(self, pairs: list[tuple[float, float]], gap: float) -> None:
        spans = [timeline.Span("x", start, start + length) for start, length in pairs]
        windows = timeline.episodes(spans, gap)
        assert all(any(start <= span.start and span.end <= end for start, end in windows) for span in spans)
        assert all(after[0] - before[1] > gap for before, after in pairwise(windows))

    def test_a_time_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            timeline.seconds("2026-11-24T06:20:00")


def test_the_same_files_give_the_same_figures() -> None:
    journals = estate.crossed(LAB)
    first = compute(journals, load=loaded(journals), controls=estate.controls(LAB))
    shuffled = dict(reversed(journals.items()))
    assert json.dumps(first, sort_keys=True) == json.dumps(compute(shuffled, load=loaded(shuffled), controls=estate.controls(LAB)), sort_keys=True)
