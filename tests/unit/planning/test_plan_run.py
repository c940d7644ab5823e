# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's work on files: check mode, change, nothing to change, error; and the page."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_args import plan_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_run import run
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._report.plan_page import render

from .estates import LAB, lab_cluster, lab_surveys, plan


def params(estate: Path, **changes: Any) -> dict[str, Any]:
    given = {key: value for key, value in copy.deepcopy(LAB).items() if key != "public_address"}
    defaults = {name: copy.deepcopy(option.get("default")) for name, option in plan_spec().items()}
    wanted = {
        "estate_dir": str(estate), "hosts": ["web1", "db1", "edge1", "cache1"], "cluster": lab_cluster(),
        "edge_public_address": LAB["public_address"], "today": "2026-11-24",
    }  # fmt: skip
    return {**defaults, **given, **wanted, **changes}


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = tmp_path / "survey"
    folder.mkdir()
    for name, survey in lab_surveys().items():
        (folder / f"{name}.json").write_text(json.dumps(survey), encoding="utf-8")
    return tmp_path


def snapshot(estate: Path) -> dict[str, bytes]:
    return {str(path.relative_to(estate)): path.read_bytes() for path in sorted(estate.rglob("*")) if path.is_file()}


def test_check_mode_says_what_would_change_and_writes_nothing(estate: Path) -> None:
    before = snapshot(estate)
    result = run(params(estate), check=True)
    assert result["changed"] is True
    assert result["diff"][-1]["before"] == ""
    assert "schema: lotse/plan/2" in result["diff"][-1]["after"]
    assert snapshot(estate) == before


def test_it_writes_the_plan_each_guest_and_the_page(estate: Path) -> None:
    result = run(params(estate), check=False)
    assert result["changed"] is True
    assert result["blocking"] == []
    assert result["guests"] == ["edge-01", "web-01", "db-01", "cache-01", "worker-01"]
    written = yaml.safe_load((estate / "plan.yml").read_text(encoding="utf-8"))
    assert {name: part for name, part in written.items() if name != "seal"} == plan()
    assert json.loads((estate / "plan.json").read_text(encoding="utf-8")) == {**plan(), "digest": result["digest"]}
    for guest in written["guests"]:
        assert yaml.safe_load((estate / "guests" / f"{guest['name']}.yml").read_text(encoding="utf-8")) == guest["settings"]
    assert (estate / "plan.html").is_file()
    assert not [name for name in snapshot(estate) if name.endswith(".tmp")]


def test_the_second_run_changes_nothing(estate: Path) -> None:
    run(params(estate), check=False)
    before = snapshot(estate)
    result = run(params(estate), check=False)
    assert result["changed"] is False
    assert result["diff"][-1]["before"] == result["diff"][-1]["after"]
    assert result["changes"] == []
    assert snapshot(estate) == before


def test_measured_values_that_moved_are_no_change(estate: Path) -> None:
    run(params(estate), check=False)
    before = snapshot(estate)
    path = estate / "survey" / "db1.json"
    survey = json.loads(path.read_text(encoding="utf-8"))
    survey["measured"]["memory_used_mib"] += 20
    path.write_text(json.dumps(survey), encoding="utf-8")
    assert run(params(estate), check=False)["changed"] is False
    assert (estate / "plan.yml").read_bytes() == before["plan.yml"]


def test_a_guest_that_is_planned_no_more_loses_its_file(estate: Path) -> None:
    run(params(estate), check=False)
    dropped = [*LAB["dropped_services"], {"service": "redis@cache1", "reason": "unused", "approver": "lead"}]
    assert run(params(estate, dropped_services=dropped), check=True)["changed"] is True
    assert (estate / "guests" / "cache-01.yml").is_file()
    run(params(estate, dropped_services=dropped), check=False)
    assert not (estate / "guests" / "cache-01.yml").exists()


def test_blocking_concerns_are_written_and_named(estate: Path) -> None:
    result = run(params(estate, dropped_services=[]), check=False)
    assert len(result["blocking"]) == 1
    assert result["blocking"][0].startswith("unknown-service on web1: notifyd runs")
    assert (estate / "plan.yml").is_file()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"hosts": []}, "there is no legacy host"),
        ({"hosts": ["web1", "db9", "cache9"]}, "there is no survey of cache9, db9"),
        ({"today": "yesterday"}, "not a date"),
    ],
)
def test_bad_input_changes_nothing(estate: Path, changes: dict[str, Any], says: str) -> None:
    before = snapshot(estate)
    with pytest.raises(LotseError, match=says):
        run(params(estate, **changes), check=False)
    assert snapshot(estate) == before


@pytest.mark.parametrize(("text", "says"), [("{", "not JSON"), ('{"schema": "lotse/survey/9"}', "survey"), ("[]", "survey")])
def test_a_survey_that_is_none(estate: Path, text: str, says: str) -> None:
    (estate / "survey" / "db1.json").write_text(text, encoding="utf-8")
    with pytest.raises(LotseError, match=says):
        run(params(estate), check=False)
    assert not (estate / "plan.yml").exists()


def test_the_survey_of_another_host(estate: Path) -> None:
    (estate / "survey" / "db1.json").write_bytes((estate / "survey" / "web1.json").read_bytes())
    with pytest.raises(LotseError, match="survey of web1, not of db1"):
        run(params(estate), check=False)


@pytest.mark.parametrize(("text", "says"), [("a: [", "not YAML"), ("- a", "is not a plan"), ("schema: x", "has the schema")])
def test_a_former_plan_that_is_none(estate: Path, text: str, says: str) -> None:
    (estate / "plan.yml").write_text(text, encoding="utf-8")
    with pytest.raises(LotseError, match=says):
        run(params(estate), check=False)
    assert (estate / "plan.yml").read_text(encoding="utf-8") == text


def test_a_move_that_has_begun_is_not_lost(estate: Path) -> None:
    from ansible_collections.lotse.estate.plugins.module_utils._conduct.journal import Journal
    from ansible_collections.lotse.estate.plugins.module_utils._domain.phases import State

    run(params(estate), check=False)
    Journal(estate, "redis", "run").to(State.PREPARING)
    dropped = [*LAB["dropped_services"], {"service": "redis@cache1", "reason": "unused", "approver": "lead"}]
    with pytest.raises(LotseError, match="the move redis is preparing, but the new plan has no such move"):
        run(params(estate, dropped_services=dropped), check=False)
    assert run(params(estate), check=False)["changed"] is False


def test_the_page_needs_nothing_else_and_shows_everything() -> None:
    found = plan(dropped_services=[])
    page = render(found, list(lab_surveys().values()))
    assert not re.search(r"""(?:src|href)=["'](?!#)|@import|url\((?!#)|https?://(?!www\.w3\.org)""", page)
    for word in ("prefers-color-scheme: dark", "@media print", "<svg", "1,060 W", "1 critical concern blocks this crossing"):
        assert word in page, word
    for row in found["concerns"]:
        assert row["id"] in page
    for guest in found["guests"]:
        assert guest["name"] in page
    assert page == render(found, list(reversed(lab_surveys().values())))


def test_the_page_trusts_nobody() -> None:
    surveys = lab_surveys()
    evil = "<script>alert(1)</script>\"'"
    surveys["web1"]["unpackaged"][0]["exe"] = f"/opt/{evil}"
    surveys["web1"]["nginx"]["vhosts"][0]["server_names"] = [evil]
    surveys["db1"]["mariadb"]["without_primary_key"] = [evil]
    page = render(plan(surveys, dropped_services=[]), list(surveys.values()))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_plan_without_concerns_has_a_page() -> None:
    found = plan()
    found["concerns"], found["dropped"], found["dependencies"] = [], [], []
    assert "None was found." in render(found, list(lab_surveys().values()))
