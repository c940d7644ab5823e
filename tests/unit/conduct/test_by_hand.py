# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves that people make, waivers that ran out, and plans that are not the approved ones: the conductor does not touch a host."""

from __future__ import annotations

import asyncio
import copy
import datetime
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import approval, estate_file, move_run
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_file import as_json, written
from ansible_collections.lotse.estate.plugins.module_utils._controls import retirement
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

from tests.unit.conduct.stage import PLAN, World, conductor
from tests.unit.planning import golden


def by_hand() -> dict[str, Any]:
    plan: dict[str, Any] = copy.deepcopy(PLAN)
    plan["moves"][0]["mover"] = "by hand"
    return plan


def test_a_move_by_hand_is_left_out_and_told(world: World, estate: Path) -> None:
    plan = by_hand()
    said: list[str] = []
    running = conductor(world, estate, plan)
    running.say = said.append
    outcomes = asyncio.run(running.conduct([], back=False))
    assert [end.move for end in outcomes] == ["files", "http"]
    assert not any(line.startswith("mariadb.") for line in world.log)
    assert said[0] == "left out, for people move them by hand: mariadb"
    assert not (estate / "journal" / "mariadb.jsonl").exists()
    assert [end.move for end in asyncio.run(conductor(world, estate, plan).conduct([], back=True))] == ["http", "files"]


def test_a_move_by_hand_that_is_asked_for_is_refused(world: World, estate: Path) -> None:
    with pytest.raises(LotseError, match="mariadb is moved by hand: no mover knows its kind"):
        conductor(world, estate, by_hand()).work(["mariadb"], back=False)
    assert world.log == []


def test_its_host_is_not_retired() -> None:
    plan = golden.read()
    assert retirement.moves_gate("db1", plan, {"mariadb": "committed"}).proven
    next(move for move in plan["moves"] if move["id"] == "mariadb")["mover"] = "by hand"
    gate = retirement.moves_gate("db1", plan, {"mariadb": "committed"})
    assert not gate.proven
    assert "moved by hand, which nobody can prove: mariadb" in gate.evidence


@pytest.mark.parametrize(("day", "open_"), [("2026-12-01", False), ("2026-12-02", True)])
def test_a_waiver_that_ran_out_since_the_plan_was_made_does_not_count(world: World, estate: Path, day: str, open_: bool) -> None:
    plan: dict[str, Any] = copy.deepcopy(PLAN)
    plan["concerns"] = [
        {"id": "x", "host": "db1", "severity": "critical", "applied": False, "waived": {"reason": "r", "approver": "a", "expires": "2026-12-01"}}
    ]
    running = conductor(world, estate, plan)
    running.today = lambda: day
    if open_:
        with pytest.raises(LotseError, match="critical concerns are open: x on db1"):
            running.work([], back=False)
    else:
        assert running.work([], back=False)


# --- the plan that is carried out


@pytest.fixture
def planned(tmp_path: Path) -> dict[str, Any]:
    plan = golden.read()
    (tmp_path / "plan.yml").write_text(written(plan, ""), encoding="utf-8")
    (tmp_path / "plan.json").write_text(as_json(plan), encoding="utf-8")
    return plan


def options(estate: Path, **changes: Any) -> dict[str, Any]:
    key = estate / "key"
    key.touch()
    given = {name: option.get("default") for name, option in move_run.SPEC.items()}
    return {**given, "estate_dir": str(estate), "ssh": {"user": "root", "port": 22, "key_file": str(key), "known_hosts": []}, **changes}


def moves(estate: Path, **changes: Any) -> list[str]:
    result = move_run.run(options(estate, **changes), check=True, say=lambda _: None, drill=lambda _: None)
    return [row["id"] for row in result["moves"]]


def sign(estate: Path, plan: dict[str, Any]) -> None:
    for name, text in approval.files(plan, None, "kim", "", [], datetime.date(2026, 11, 24)).items():
        estate_file.put(estate / name, text)


def test_the_approved_plan_is_carried_out(tmp_path: Path, planned: dict[str, Any]) -> None:
    assert moves(tmp_path)[0] == "edge", "by default nobody has to sign"
    with pytest.raises(LotseError, match="nobody has approved the plan"):
        moves(tmp_path, approval_required=True)
    sign(tmp_path, planned)
    assert moves(tmp_path, approval_required=True)[0] == "edge"


@pytest.mark.parametrize("required", [True, False])
def test_another_plan_than_the_approved_one_is_refused_with_what_changed(tmp_path: Path, planned: dict[str, Any], required: bool) -> None:
    sign(tmp_path, planned)
    planned["guests"][0]["cores"] = 7
    (tmp_path / "plan.yml").write_text(written(planned, ""), encoding="utf-8")
    with pytest.raises(LotseError, match="not the one that kim approved on 2026-11-24: guest edge-01: cores: 2 -> 7"):
        moves(tmp_path, approval_required=required)
    assert moves(tmp_path, approval_required=required, state="rolled_back") == [], "the way back asks nobody"


def test_a_plan_that_was_edited_by_hand_is_refused(tmp_path: Path, planned: dict[str, Any]) -> None:
    path = tmp_path / "plan.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("cores: 2", "cores: 3", 1), encoding="utf-8")
    with pytest.raises(LotseError, match=r"edited by hand: guests\[edge-01\].cores is 3, and the plan wrote 2"):
        moves(tmp_path)
    path.write_text(text.replace("  guests: {}", "  guests: {edge-01: {cores: 3}}", 1), encoding="utf-8")
    with pytest.raises(LotseError, match="overrides were edited since the plan was made"):
        moves(tmp_path)


@pytest.mark.parametrize("text", ["a: [", "schema: lotse/approval/9", "[]", "schema: lotse/approval/1"])
def test_a_damaged_approval_is_refused(tmp_path: Path, planned: dict[str, Any], text: str) -> None:
    (tmp_path / "approval.yml").write_text(text, encoding="utf-8")
    with pytest.raises(LotseError, match="not an approval"):
        moves(tmp_path)


def test_without_the_signed_plan_it_says_that_nobody_knows_what_changed(tmp_path: Path, planned: dict[str, Any]) -> None:
    sign(tmp_path, planned)
    (tmp_path / "approved.json").unlink()
    planned["guests"][0]["cores"] = 7
    (tmp_path / "plan.yml").write_text(written(planned, ""), encoding="utf-8")
    with pytest.raises(LotseError, match=r"approved.json is missing or damaged, so nobody can say what changed"):
        moves(tmp_path)
