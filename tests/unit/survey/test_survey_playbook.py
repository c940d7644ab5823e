# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook survey, run for real on this machine as the legacy host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import survey_estate
from ansible_collections.lotse.estate.plugins.module_utils._conduct.journal import Journal
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._domain.phases import State

from .helpers import surveyed

ROOT = Path(__file__).parents[3]
HERE = {"ansible_connection": "local"}
NOWHERE = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-o ConnectTimeout=2 -o BatchMode=yes"}
RETIRED = "schema: lotse/ledger/1\nretired:\n  old1: {retired_at: '2026-01-01T00:00:00+00:00'}\n"
PLAN = "schema: lotse/plan/2\nmoves:\n  - {id: mariadb, from: old1}\n  - {id: redis, from: old2}\n"


class Estate:
    """An estate's folder and an inventory with these legacy hosts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "estate"
        self.folder.mkdir()
        self.inventory = folder / "hosts.json"

    def play(self, hosts: dict[str, Any], *arguments: str) -> subprocess.CompletedProcess[str]:
        groups = {"legacy": {"hosts": hosts}} if hosts else {"other": {"hosts": {"x": None}}}
        self.inventory.write_text(json.dumps({"all": {"children": groups, "vars": {"estate_dir": str(self.folder)}}}), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        }
        program = str(Path(sys.executable).parent / "ansible-playbook")
        command = [program, "playbooks/survey.yml", "-i", str(self.inventory), *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)

    def survey(self, host: str) -> dict[str, Any]:
        read = survey_estate.read(survey_estate.path_of(self.folder, host))
        assert read is not None
        return read

    def move(self, name: str, *states: State) -> None:
        journal = Journal(self.folder, name, "run")
        for state in states:
            journal.to(state)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(tmp_path)


def test_check_writes_nothing_and_a_second_survey_changes_nothing(estate: Estate) -> None:
    checked = estate.play({"old1": HERE}, "--check", "--diff")
    assert checked.returncode == 0, checked.stdout
    assert '+ "schema": "lotse/survey/2"' in checked.stdout and "changed=1" in checked.stdout
    assert not (estate.folder / "survey").exists()
    first = estate.play({"old1": HERE})
    assert first.returncode == 0 and "changed=1" in first.stdout, first.stdout
    assert estate.survey("old1")["host"] == "old1"
    path = estate.folder / "survey" / "old1.json"
    changed = path.read_text(encoding="utf-8").replace('"architecture": "', '"architecture": "un')
    path.write_text(changed, encoding="utf-8")
    different = estate.play({"old1": HERE}, "--check", "--diff")
    assert '-  "architecture": "un' in different.stdout and '+  "architecture": "' in different.stdout
    assert path.read_text(encoding="utf-8") == changed
    assert [entry.name for entry in path.parent.iterdir()] == ["old1.json"]


def test_no_legacy_host_is_an_error(estate: Estate) -> None:
    done = estate.play({})
    assert done.returncode != 0
    assert "The inventory has no hosts in the group legacy" in done.stdout


def test_an_unreachable_host_stops_everything_and_is_named(estate: Estate) -> None:
    done = estate.play({"old1": HERE, "gone1": NOWHERE})
    assert done.returncode != 0
    assert "Not surveyed: gone1. Unreachable is not absent" in done.stdout
    assert (estate.folder / "survey" / "old1.json").is_file()


def test_also_when_no_host_can_be_reached(estate: Estate) -> None:
    done = estate.play({"gone1": NOWHERE})
    assert done.returncode != 0
    assert "Not surveyed: gone1. Unreachable is not absent" in done.stdout


def test_a_retired_host_and_one_from_which_a_move_began_are_not_connected_to(estate: Estate) -> None:
    for host in ("old1", "old2"):
        survey_estate.write(survey_estate.path_of(estate.folder, host), surveyed("db1") | {"host": host})
    kept = {host: (estate.folder / "survey" / f"{host}.json").read_bytes() for host in ("old1", "old2")}
    (estate.folder / "ledger.yml").write_text(RETIRED, encoding="utf-8")
    (estate.folder / "plan.yml").write_text(PLAN, encoding="utf-8")
    estate.move("redis", State.PREPARING)
    done = estate.play({"old1": NOWHERE, "old2": NOWHERE}, "-v")
    assert done.returncode == 0, done.stdout
    assert "old1 keeps its survey: retired since 2026-01-01" in done.stdout
    assert "old2 keeps its survey: a move from it has begun: redis is preparing" in done.stdout
    assert "changed=1" not in done.stdout
    assert {host: (estate.folder / "survey" / f"{host}.json").read_bytes() for host in kept} == kept


def test_which_hosts_keep_their_survey(estate: Estate) -> None:
    assert survey_estate.kept(estate.folder, "old1") is None
    estate.move("mariadb", State.PREPARING)
    with pytest.raises(LotseError, match=r"their plan is missing .*plan\.yml"):
        survey_estate.kept(estate.folder, "old2")
    (estate.folder / "plan.yml").write_text(PLAN, encoding="utf-8")
    assert survey_estate.kept(estate.folder, "old2") is None
    kept = survey_estate.kept(estate.folder, "old1")
    assert kept is not None and kept.state == "begun"


def test_after_a_rollback_a_host_is_surveyed_again(estate: Estate) -> None:
    (estate.folder / "plan.yml").write_text(PLAN, encoding="utf-8")
    estate.move("mariadb", State.PREPARING, State.ROLLED_BACK)
    assert survey_estate.kept(estate.folder, "old1") is None


def test_a_plan_that_cannot_be_read_is_one_clear_error(estate: Estate) -> None:
    estate.move("mariadb", State.PREPARING)
    for text in ("moves: [{", "moves: [1]", "[]", ""):
        (estate.folder / "plan.yml").write_text(text, encoding="utf-8")
        with pytest.raises(LotseError, match="its moves cannot be read"):
            survey_estate.kept(estate.folder, "old1")


def test_a_begun_host_without_a_survey_is_an_error(estate: Estate) -> None:
    (estate.folder / "ledger.yml").write_text(RETIRED, encoding="utf-8")
    done = estate.play({"old1": HERE})
    assert done.returncode != 0
    assert "old1 has no survey any more" in done.stdout


@pytest.mark.parametrize("name", ["../x", "a/b", "..", ""])
def test_a_hosts_name_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(LotseError, match="cannot be the name"):
        survey_estate.path_of(Path("/estate"), name)
