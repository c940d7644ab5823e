# SPDX-License-Identifier: GPL-3.0-or-later
"""The conductor: its order, and that whatever fails or dies leaves exactly one side writing and a next run that ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.fence import COMMIT, DeadMan
from ansible_collections.lotse.estate.plugins.module_utils._conduct.hosts import RemoteError
from ansible_collections.lotse.estate.plugins.module_utils._conduct.journal import Journal, move_states, read
from ansible_collections.lotse.estate.plugins.module_utils._conduct.section import Limits
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

from tests.unit.conduct.stage import PLAN, ControllerDiedError, World, conductor

BEFORE_THE_DECISION = ["edge.hold", "edge.drained", "mariadb.fence", "drill.fake:fenced", "mariadb.catch_up", "drill.fake:caught_up"]
AFTER_THE_DECISION = ["drill.fake:decided", "mariadb.open", "drill.fake:opened", "mariadb.route", "edge.release", "mariadb.settle"]
ONE = {**PLAN, "waves": [PLAN["waves"][0]], "moves": [PLAN["moves"][0]]}


def migrate(world: World, estate: Path, plan: dict[str, Any] = PLAN, **limits: float) -> Any:
    return asyncio.run(conductor(world, estate, plan, **limits).conduct([], back=False))


def rollback(world: World, estate: Path, plan: dict[str, Any] = PLAN) -> Any:
    return asyncio.run(conductor(world, estate, plan).conduct([], back=True))


def sides(world: World) -> tuple[bool, bool]:
    return world.writes("db1"), world.writes("db-01")


def test_the_order_of_a_crossing(world: World, estate: Path) -> None:
    outcomes = migrate(world, estate)
    assert world.log == [
        "mariadb.prepare", "mariadb.replicate", "mariadb.gate",
        "edge.hold", "edge.drained", "mariadb.fence", "drill.fake:fenced", "mariadb.catch_up", "drill.fake:caught_up",
        "drill.fake:decided", "mariadb.open", "drill.fake:opened", "mariadb.route", "edge.release", "mariadb.settle", "mariadb.observe",
        "files.prepare", "http.prepare", "files.replicate", "http.replicate", "files.gate", "http.gate",
        "edge.hold", "edge.drained", "files.fence", "http.fence", "drill.fake:fenced", "files.catch_up", "http.catch_up", "drill.fake:caught_up",
        "drill.fake:decided", "files.open", "http.open", "drill.fake:opened", "files.route", "http.route", "edge.release",
        "files.settle", "http.settle", "files.observe", "http.observe", "mariadb.finish", "files.finish", "http.finish",
    ]  # fmt: skip
    assert {outcome.move: (outcome.changed, outcome.write_pause_ms is not None) for outcome in outcomes} == dict.fromkeys(
        ("mariadb", "files", "http"), (True, True)
    )
    assert set(move_states(estate).values()) == {"committed"}
    assert sides(world) == (False, True)


def test_a_second_run_connects_to_nobody_and_changes_nothing(world: World, estate: Path) -> None:
    migrate(world, estate, ONE)
    world.log.clear()
    assert migrate(world, estate, ONE) == []
    assert world.log == []


@pytest.mark.parametrize("point", ["mariadb.gate", *BEFORE_THE_DECISION])
def test_a_failure_before_the_decision_is_undone(world: World, estate: Path, point: str) -> None:
    world.fail_at = point
    with pytest.raises(LotseError, match="does not work"):
        migrate(world, estate, ONE)
    assert sides(world) == (True, False)
    assert move_states(estate) == {"mariadb": "failed"}
    if point != "mariadb.gate":
        assert world.log[-1] == "edge.release"
    world.fail_at = ""
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})


def test_a_commit_whose_answer_was_lost_is_carried_through(world: World, estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is decided on the fenced host, whatever the conductor heard of it."""
    decide = DeadMan.decide

    async def deaf(man: DeadMan, word: str, *, margin: float = 1.0) -> None:
        await decide(man, word, margin=margin)
        if word == COMMIT:
            raise RemoteError("no answer", "db1")

    monkeypatch.setattr(DeadMan, "decide", deaf)
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})
    assert "mariadb.lift" not in world.log


def test_when_nobody_can_tell_what_was_decided_the_next_run_asks(world: World, estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection to the fenced host breaks right behind the decision: neither side is touched, and the cutover stays open."""
    with monkeypatch.context() as broken:
        decide = DeadMan.decide

        async def cut_off(man: DeadMan, word: str, *, margin: float = 1.0) -> None:
            if word == COMMIT:
                await decide(man, word, margin=margin)
            raise RemoteError("the connection is lost", "db1")

        async def unknown(_man: DeadMan) -> str:
            raise RemoteError("the connection is lost", "db1")

        broken.setattr(DeadMan, "decide", cut_off)
        broken.setattr(DeadMan, "decision", unknown)
        with pytest.raises(LotseError, match="not known what was decided"):
            migrate(world, estate, ONE)
    assert sides(world) == (False, False)
    assert move_states(estate) == {"mariadb": "cutting"}
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})


def test_a_disk_that_fills_up_behind_the_commit_undoes_nothing(world: World, estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as disk:
        write = Journal.write

        def full(journal: Journal, event: str, step: str, *, data: Any) -> None:
            if (event, step) == ("result", "cut"):
                raise LotseError("the journal cannot be written (No space left on device)")
            write(journal, event, step, data=data)

        disk.setattr(Journal, "write", full)
        with pytest.raises(LotseError, match="committed and carried through, but the journal cannot be written"):
            migrate(world, estate, ONE)
    assert sides(world) == (False, True)
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})
    assert world.log.count("mariadb.fence") == 1, "a committed move was cut again"


@pytest.mark.parametrize("point", ["mariadb.open", "mariadb.route", "edge.release"])
def test_a_passing_failure_after_the_decision_is_tried_again(world: World, estate: Path, point: str) -> None:
    world.fail_at, world.failures = point, 1
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})


@pytest.mark.parametrize("point", ["mariadb.open", "mariadb.route", "edge.release"])
def test_a_lasting_failure_after_the_decision_is_never_undone(world: World, estate: Path, point: str) -> None:
    world.fail_at = point
    with pytest.raises(LotseError, match="committed, but not carried through"):
        migrate(world, estate, ONE)
    assert not world.writes("db1")
    world.fail_at = ""
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})
    assert world.log.count("mariadb.fence") == 1, "a committed move was cut again"


@pytest.mark.parametrize("point", ["mariadb.prepare", "mariadb.replicate", "mariadb.gate", *BEFORE_THE_DECISION])
def test_a_controller_that_dies_before_the_decision_leaves_the_old_side_writing(world: World, estate: Path, point: str) -> None:
    world.kill_at = point
    with pytest.raises(ControllerDiedError):
        _dies(world, estate)
    asyncio.run(asyncio.sleep(1.5))
    assert sides(world) == (True, False)
    world.kill_at = ""
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})


@pytest.mark.parametrize("point", [*AFTER_THE_DECISION, "mariadb.observe"])
def test_a_controller_that_dies_after_the_decision_is_followed_by_one_that_goes_forward(world: World, estate: Path, point: str) -> None:
    world.kill_at = point
    with pytest.raises(ControllerDiedError):
        _dies(world, estate)
    assert not world.writes("db1")
    world.kill_at = ""
    migrate(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})
    assert world.log.count("mariadb.fence") == 1, "a committed move was cut again"


def _dies(world: World, estate: Path) -> None:
    """One run whose death nobody tidies up: neither the section nor the conductor gets to undo anything."""
    one = conductor(world, estate, ONE)
    from ansible_collections.lotse.estate.plugins.module_utils._conduct import conductor as room
    from ansible_collections.lotse.estate.plugins.module_utils._conduct import section

    async def nothing(_self: Any) -> None:
        return

    patch = pytest.MonkeyPatch()
    patch.setattr(section.Section, "_abort", nothing)
    patch.setattr(section.Section, "_journal", _only_intents(section.Section._journal))
    patch.setattr(room.Conductor, "_fail", staticmethod(lambda *_a, **_k: None))
    try:
        asyncio.run(one.conduct([], back=False))
    finally:
        patch.undo()


def _only_intents(write: Any) -> Any:
    return lambda self, event, **data: None if event == "failed" else write(self, event, **data)


def test_a_rollback_goes_the_other_way_in_the_reverse_order(world: World, estate: Path) -> None:
    migrate(world, estate)
    world.log.clear()
    rollback(world, estate)
    fences = [entry for entry in world.log if entry.endswith(".fence")]
    assert fences == ["http.fence", "files.fence", "mariadb.fence"]
    assert sides(world) == (True, False)
    assert set(move_states(estate).values()) == {"rolled_back"}


def test_what_was_rolled_back_can_be_migrated_again(world: World, estate: Path) -> None:
    for _ in range(2):
        migrate(world, estate, ONE)
        assert sides(world) == (False, True)
        rollback(world, estate, ONE)
        assert sides(world) == (True, False)


def test_a_failed_rollback_leaves_the_new_side_serving(world: World, estate: Path) -> None:
    migrate(world, estate, ONE)
    world.fail_at = "mariadb.catch_up"
    with pytest.raises(LotseError):
        rollback(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((False, True), {"mariadb": "committed"})
    world.fail_at = ""
    rollback(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((True, False), {"mariadb": "rolled_back"})


def test_what_never_cut_over_is_left_alone(world: World, estate: Path) -> None:
    world.fail_at = "mariadb.replicate"
    with pytest.raises(LotseError):
        migrate(world, estate, ONE)
    rollback(world, estate, ONE)
    assert "mariadb.abandon" in world.log
    assert "mariadb.fence" not in world.log
    assert move_states(estate) == {"mariadb": "rolled_back"}


def test_a_rollback_ends_a_cutover_whose_controller_died(world: World, estate: Path) -> None:
    world.kill_at = "mariadb.route"
    with pytest.raises(ControllerDiedError):
        _dies(world, estate)
    world.kill_at = ""
    rollback(world, estate, ONE)
    assert (sides(world), move_states(estate)) == ((True, False), {"mariadb": "rolled_back"})


def test_an_unhealthy_new_side_is_not_committed(world: World, estate: Path) -> None:
    world.healthy = False
    with pytest.raises(LotseError, match="not healthy"):
        migrate(world, estate, ONE)
    assert move_states(estate) == {"mariadb": "observing"}
    world.healthy = True
    migrate(world, estate, ONE)
    assert move_states(estate) == {"mariadb": "committed"}
    assert world.log.count("mariadb.fence") == 1


def test_the_figures_are_in_the_journal(world: World, estate: Path) -> None:
    migrate(world, estate, ONE)
    entries = read(estate / "journal/mariadb.jsonl")
    cut = next(entry["data"] for entry in entries if (entry["event"], entry["step"]) == ("result", "cut"))
    assert cut["write_pause_ms"] >= cut["fenced_ms"] > 0
    assert cut["proofs"] == {"mariadb": {"position": "0-13-7"}}
    fenced = next(entry["data"] for entry in entries if (entry["event"], entry["step"]) == ("observation", "fenced-side"))
    assert fenced["writes"] == 0


def test_critical_concerns_stop_it_before_anything_is_touched(world: World, estate: Path) -> None:
    concern = {"id": "sql-mode", "host": "db1", "severity": "critical", "applied": False, "waived": None}
    with pytest.raises(LotseError, match="sql-mode on db1"):
        migrate(world, estate, {**ONE, "concerns": [concern]})
    assert world.log == []
    migrate(world, estate, {**ONE, "concerns": [{**concern, "waived": {"reason": "tried"}}]})


def test_an_unknown_move_is_an_error(world: World, estate: Path) -> None:
    with pytest.raises(LotseError, match="no move mongodb"):
        asyncio.run(conductor(world, estate).conduct(["mongodb"], back=False))


def test_moves_of_one_section_go_together(world: World, estate: Path) -> None:
    outcomes = asyncio.run(conductor(world, estate).conduct(["http"], back=False))
    assert {outcome.move for outcome in outcomes} == {"files", "http"}


@pytest.mark.parametrize("times", [{"dead_man": 5.5}, {"drain": 2.5}, {"dead_man": 4.0}, {"hold": 3.0}, {"drain": 0.0}])
def test_unsafe_times_are_refused(times: dict[str, float]) -> None:
    with pytest.raises(LotseError):
        Limits(**times).check()


def test_a_journal_of_another_move_does_not_matter(world: World, estate: Path) -> None:
    Journal(estate, "other", "run0").observe("health", healthy=True)
    migrate(world, estate, ONE)
    assert move_states(estate)["mariadb"] == "committed"
