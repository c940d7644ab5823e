# SPDX-License-Identifier: GPL-3.0-or-later
"""What people write into plan.yml: overrides stay and are obeyed, anything else is refused with the field's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_run import run
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

from .estates import LAB, lab_surveys, plan
from .test_calendars import OFFICE
from .test_plan_run import estate, params, snapshot

__all__ = ["estate"]


def decided(**parts: Any) -> dict[str, Any]:
    """The lab's plan, planned again with overrides."""
    before = plan()
    return plan(previous={**before, "overrides": parts})


def test_guests_moves_and_waves() -> None:
    found = decided(guests={"db-01": {"cores": 4, "memory_mib": 4096, "disk_gib": 40, "node": "pve4", "tags": ["gold"]}})
    guest = next(row for row in found["guests"] if row["name"] == "db-01")
    assert (guest["cores"], guest["memory_mib"], guest["disks"]["scsi0"]["size_gib"], guest["node"]) == (4, 4096, 40, "pve4")
    assert "gold" in guest["tags"]
    window = {"start": "2026-12-02T10:00:00+01:00", "end": "2026-12-02T11:00:00+01:00"}
    assert [wave["window"] for wave in decided(moves={"redis": {"window": window}})["waves"]] == [None, window, None, None]
    assert decided(waves={"jobs": {"window": window}})["waves"][2]["window"] == window


def test_they_survive_every_plan_and_a_calendar() -> None:
    window = {"start": "2026-12-02T10:00:00+01:00", "end": "2026-12-02T11:00:00+01:00"}
    first = plan(previous={**plan(), "overrides": {"waves": {"data": {"window": window}}}}, calendar=OFFICE)
    assert first["waves"][1]["window"] == window
    assert first["waves"][2]["window"]["start"] == "2026-12-02T11:00:00+01:00"
    assert plan(previous=first, calendar=OFFICE) == first


WINDOW = {"start": "2026-12-02T10:00:00+01:00", "end": "2026-12-02T11:00:00+01:00"}
OTHER = {"start": "2026-12-03T10:00:00+01:00", "end": "2026-12-03T11:00:00+01:00"}


@pytest.mark.parametrize(("overrides", "changes", "says"), [
    ({"guests": {"db-01": {"cores": 4}}}, {"guests": {"db-01": {"cores": 8}}}, r"plan_guests.db-01.cores in the inventory is 8, and .* is 4"),
    ({"guests": {"db-09": {"cores": 4}}}, {}, "overrides.guests decides about db-09, which the plan does not have"),
    ({"guests": {"db-01": {"core": 4}}}, {}, "overrides.guests.db-01 knows no core"),
    ({"guests": {"db-01": {"cores": "4"}}}, {}, "overrides.guests.db-01.cores is '4'"),
    ({"guests": {"db-01": {"cores": 1.5}}}, {}, "not a whole number"), ({"guests": {"db-01": {"tags": "gold"}}}, {}, "not a list"),
    ({"guests": {"db-01": 4}}, {}, "decides nothing"), ({"guest": {}}, {}, "overrides know no guest"), ([], {}, "overrides are not"),
    ({"moves": {"mysql": {"wave": "web"}}}, {}, "the plan has no move 'mysql'"), ({"moves": {"redis": {"wave": "late"}}}, {}, "no wave 'late'"),
    ({"moves": {"redis": {"wave": 3}}}, {}, "3 is no name of a wave"), ({"moves": {"redis": {"wave": "web"}}}, {}, "would not move with the data"),
    ({"moves": {"redis": {"wave": "data", "window": WINDOW}}}, {}, "a wave or a window, not both"),
    ({"moves": {"redis": {"when": 1}}}, {}, "nobody knows when"),
    ({"waves": {"databases": {"window": WINDOW}}}, {}, "the plan has no wave 'databases'"),
    ({"waves": {"data": {"window": "soon"}}}, {}, "a window is"),
    ({"waves": {"data": {"window": WINDOW}}, "moves": {"redis": {"window": OTHER}}}, {}, "wave 'data' has two windows"),
    ({"waves": {"data": {"window": OTHER}, "jobs": {"window": WINDOW}}}, {}, "wave 'jobs' begins before wave 'data' ends"),
    ({"waves": {"data": {"window": WINDOW}}}, {"calendar": {**OFFICE, "first": "2026-12-03"}}, "cannot begin before"),
])  # fmt: skip
def test_what_cannot_be_is_one_error(overrides: Any, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(LotseError, match=says) as caught:
        plan(previous={**plan(), "overrides": overrides}, **changes)
    assert "plan.yml" in str(caught.value)
    assert caught.value.remedy


def test_two_places_may_say_the_same() -> None:
    found = plan(previous={**plan(), "overrides": {"guests": {"db-01": {"cores": 4}}}}, guests={"db-01": {"cores": 4, "node": "pve4"}})
    assert next(row for row in found["guests"] if row["name"] == "db-01")["cores"] == 4


# --- in the file


def edit(estate: Path, old: str, new: str) -> None:
    path = estate / "plan.yml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_people_wrote_stays_with_its_comments(estate: Path) -> None:
    run(params(estate), check=False)
    edit(estate, "  guests: {}", "  guests:\n    db-01: {cores: 4}   # the owner asked for it\n")
    result = run(params(estate), check=False)
    assert {row["what"]: row["why"] for row in result["changes"]}["guest db-01: cores"] == "overrides.guests.db-01.cores says so"
    text = (estate / "plan.yml").read_text(encoding="utf-8")
    assert "db-01: {cores: 4}   # the owner asked for it" in text
    assert yaml.safe_load(text)["overrides"]["guests"] == {"db-01": {"cores": 4}}
    before = snapshot(estate)
    assert run(params(estate), check=False)["changed"] is False
    after = snapshot(estate)
    # The page tells what changed since the former plan, and now nothing did.
    assert {name: text for name, text in after.items() if name != "plan.html"} == {name: text for name, text in before.items() if name != "plan.html"}


def test_a_date_in_overrides_is_the_same_text_next_time(estate: Path) -> None:
    run(params(estate), check=False)
    edit(estate, "  waves: {}", "  waves: {data: {window: {start: 2026-12-02T10:00:00+01:00, end: 2026-12-02T11:00:00+01:00}}}")
    run(params(estate), check=False)
    assert run(params(estate), check=False)["changed"] is False


@pytest.mark.parametrize(("old", "new", "says"), [
    ("    cores: 2\n", "    cores: 6\n", r"guests\[edge-01\].cores is 6, and the plan wrote 2 \(overrides: {guests: {edge-01: {cores: 6}}}\)"),
    ("        size_gib: 8\n", "        size_gib: 80\n", r"disks.scsi0.size_gib is 80, and the plan wrote 8 \(overrides: .*disk_gib: 80"),
    ("    window: null\n", "    window: soon\n", r"waves\[edge\].window is soon"),
    ("    rollback: lossless\n", "    rollback: lossy\n", "rollback is lossy"),
    ("environment: lab\n", "environment: lab\nmore: 1\n", "more is 1, and the plan wrote nothing"),
    ("legacy:\n", "old:\n", "legacy is nothing"), ("overrides:\n", "schema: x\noverrides:\n", "schema stands above the line"),
])  # fmt: skip
def test_an_edit_below_the_line_is_refused_before_anything_is_written(estate: Path, old: str, new: str, says: str) -> None:
    run(params(estate), check=False)
    edit(estate, old, new)
    before = snapshot(estate)
    with pytest.raises(LotseError, match=says):
        run(params(estate), check=False)
    assert snapshot(estate) == before


def test_without_plan_json_the_part_is_named(estate: Path) -> None:
    run(params(estate), check=False)
    edit(estate, "    cores: 2\n", "    cores: 6\n")
    (estate / "plan.json").unlink()
    with pytest.raises(LotseError, match="edited by hand below its line: guests"):
        run(params(estate), check=False)
    edit(estate, "seal:", "seals:")
    with pytest.raises(LotseError, match="edited by hand"):
        run(params(estate), check=False)


def test_an_edit_that_overrides_say_too_is_no_contradiction(estate: Path) -> None:
    run(params(estate), check=False)
    edit(estate, "    cores: 2\n", "    cores: 6\n")
    edit(estate, "  guests: {}", "  guests: {edge-01: {cores: 6}}")
    run(params(estate), check=False)
    assert run(params(estate), check=False)["changed"] is False


# --- signing


def test_only_what_lay_there_can_be_signed(estate: Path) -> None:
    before = snapshot(estate)
    with pytest.raises(LotseError, match="not the one that was reviewed"):
        run(params(estate, approve_by="kim"), check=False)
    assert snapshot(estate) == before
    run(params(estate), check=False)
    assert run(params(estate, approve_by="kim"), check=True)["changed"] is True
    signed = run(params(estate, approve_by="kim", approve_note="after the review"), check=False)
    assert signed["approval"] == "approved by kim on 2026-11-24"
    row = yaml.safe_load((estate / "approval.yml").read_text(encoding="utf-8"))
    assert row == {
        "schema": "lotse/approval/1", "plan": signed["digest"], "approver": "kim", "day": row["day"], "note": "after the review", "waivers": 0,
    }  # fmt: skip
    later = run(params(estate, approve_by="kim", approve_note="after the review", today="2026-11-30"), check=False)
    assert (later["changed"], later["approval"]) == (False, "approved by kim on 2026-11-24")
    surveys = [*LAB["dropped_services"], {"service": "redis@cache1", "reason": "unused", "approver": "lead"}]
    assert run(params(estate, dropped_services=surveys), check=False)["approval"].startswith("not approved: kim approved another plan")


@pytest.mark.parametrize(("changes", "says"), [
    ({"approvers": ["lee"]}, "kim may not approve the plan"),
    ({"dropped_services": []}, "critical concern.s. are open"), ({"approve_by": " "}, "nobody signs"),
])  # fmt: skip
def test_who_may_not_sign_what(estate: Path, changes: dict[str, Any], says: str) -> None:
    run(params(estate, **{**changes, "approve_by": ""}), check=False)
    with pytest.raises(LotseError, match=says):
        run(params(estate, **{"approve_by": "kim", **changes}), check=False)
    assert not (estate / "approval.yml").exists()


# --- waivers


def waiver(**changes: Any) -> dict[str, Any]:
    whole = {"id": "unknown-service", "host": "web1", "reason": "known", "approver": "head", "expires": "2026-12-31"}
    return {name: value for name, value in {**whole, **changes}.items() if value is not None}


@pytest.mark.parametrize(("changes", "policy", "why"), [
    ({}, {}, ""), ({"host": "*"}, {}, ""), ({"host": None, "guest": "web-01"}, {}, ""), ({"author": "kim"}, {}, ""),
    ({}, {"approvers": ["head"]}, ""),
    ({"expires": "2026-11-23"}, {}, "it expired on 2026-11-23"), ({"id": "unknown"}, {}, "no concern has the id unknown"),
    ({"host": "web9"}, {}, "the estate has no host web9"), ({"host": None}, {}, "lacks a scope"), ({"reason": " "}, {}, "lacks reason"),
    ({"host": "db1"}, {}, "there is no such concern"), ({}, {"approvers": ["lee"]}, "head is not among plan_approvers"),
    ({"author": "head"}, {}, "somebody else has to approve it"), ({"expires": "soon"}, {}, "'soon' is no date"),
    ({"host": None, "service": "redis@cache9"}, {}, "no service redis@cache9"), ({"guest": "db-01"}, {}, "no such concern"),
])  # fmt: skip
def test_which_waivers_count(changes: dict[str, Any], policy: dict[str, Any], why: str) -> None:
    found = plan(dropped_services=[], waivers=[waiver(**changes)], **policy)
    (row,) = found["waivers"]
    assert row["counts"] is not bool(why)
    assert why in row["why"]
    assert bool([row for row in found["concerns"] if row["id"] == "unknown-service" and row["waived"]]) is not bool(why)


@pytest.mark.parametrize(("rows", "says"), [
    (["x"], r"plan_waivers\[0\]"), ([waiver(hosts="web1")], "knows no hosts"), ([waiver(id=["a"])], r"plan_waivers\[0\].id"),
])  # fmt: skip
def test_what_is_no_waiver(rows: list[Any], says: str) -> None:
    with pytest.raises(LotseError, match=says):
        plan(waivers=rows)


def test_people_are_told_what_does_not_count_and_what_soon_will_not(estate: Path) -> None:
    rows = [waiver(expires="2026-12-01"), waiver(host="db1"), waiver(id="php-extension", expires="2027-12-31", host="*")]
    told = run(params(estate, dropped_services=[], waivers=rows), check=False)["warnings"]
    assert any("(host web1) expires in 7 days, on 2026-12-01" in line for line in told)
    assert any("(host db1) does not count: there is no such concern" in line for line in told)
    assert "7 days" not in (estate / "plan.yml").read_text(encoding="utf-8"), "the plan must not change from day to day"


def test_why_things_change_is_told_in_words() -> None:
    from ansible_collections.lotse.estate.plugins.module_utils._planning.changes import between

    before, surveys = plan(), lab_surveys()
    surveys["cache1"]["measured"]["memory_used_mib"] = 900
    surveys["web1"]["cron"] = []
    rows = {row["what"]: row for row in between(before, plan(surveys, previous=before))}
    assert rows["guest cache-01: memory_mib"]["why"]
    assert rows["guest worker-01"]["why"] == "the survey has no cron@web1 any more"
    assert rows["move cron"]["to"] == "nothing"
    assert rows["wave jobs"]["why"] == "none of its moves is left in it"
    assert between(before, before) == []
    assert between(None, before) == []
