# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways back: the controller is killed in the middle of a cutover, and committed moves go back without losing a write."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.lab.crossing import Crossing

pytestmark = pytest.mark.lab

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null")


class Sides:
    """Asks the databases themselves who takes writes."""

    def __init__(self, crossing: Crossing) -> None:
        plan = yaml.safe_load((crossing.estate / "plan.yml").read_text(encoding="utf-8"))
        move = next(move for move in plan["moves"] if move["kind"] == "mariadb")
        guest = next(guest for guest in plan["guests"] if guest["name"] == move["to"])
        self.crossing = crossing
        self.old = plan["legacy"][move["from"]]["address"]
        self.new = guest["address"].split("/")[0]

    def sql(self, address: str, statement: str) -> str:
        known = f"{self.crossing.state}/ssh/known_hosts {self.crossing.estate}/known_hosts"
        argv = [
            str(self.crossing.state.parents[1] / "tests/lab/enter"), *SSH, "-o", f"UserKnownHostsFile={known}",
            "-i", f"{self.crossing.state}/ssh/id_ed25519", f"root@{address}", f'mariadb -N -e "{statement}"',
        ]  # fmt: skip
        return subprocess.run(argv, env=self.crossing.environment(), check=True, text=True, capture_output=True, timeout=30).stdout.strip()

    def writable(self) -> tuple[bool, bool]:
        return self.sql(self.old, "SELECT @@GLOBAL.read_only") == "0", self.sql(self.new, "SELECT @@GLOBAL.read_only") == "0"


@pytest.fixture(scope="module")
def story(lab: Crossing) -> Iterator[dict[str, Any]]:
    """One load over the whole story: killed, resumed, committed, written to, rolled back."""
    for name in ("survey", "plan", "provision", "configure"):
        lab.playbook(name)
    sides = Sides(lab)
    seen: dict[str, Any] = {"crossing": lab}
    with lab.live_users():
        killed = lab.playbook("migrate", check=False, capture=True, LOTSE_DRILL="mariadb:fenced")
        seen["killed"] = killed.returncode
        deadline = time.monotonic() + 15
        writers: list[tuple[bool, bool]] = []
        while time.monotonic() < deadline:
            writers.append(sides.writable())
            time.sleep(0.3)
        seen["writers"] = writers
        resumed = lab.playbook("migrate", check=False, capture=True)
        print(resumed.stdout[-8000:], resumed.stderr[-3000:])
        seen["resumed"] = resumed.returncode
        seen["after_resume"] = sides.writable()
        time.sleep(5)
        back = lab.playbook("rollback", check=False, capture=True)
        print(back.stdout[-8000:], back.stderr[-3000:])
        seen["back"] = back.returncode
        seen["after_rollback"] = sides.writable()
        time.sleep(5)
    seen["audit"] = lab.audit()
    seen["figures"] = lab.report()
    yield seen


def test_the_controller_was_killed(story: dict[str, Any]) -> None:
    assert story["killed"] != 0


def test_within_fifteen_seconds_one_side_writes_again_and_never_both(story: dict[str, Any]) -> None:
    assert not any(old and new for old, new in story["writers"])
    assert story["writers"][0] == (False, False), "the drill did not leave the fence up: nothing was tested"
    assert sum(story["writers"][-1]) == 1


def test_the_next_run_resumes_to_the_end(story: dict[str, Any]) -> None:
    assert story["resumed"] == 0
    assert story["after_resume"] == (False, True)


def test_rolled_back_moves_write_on_the_old_side(story: dict[str, Any]) -> None:
    assert story["back"] == 0
    assert story["after_rollback"] == (True, False)
    assert {move["state"] for move in story["figures"]["moves"]} == {"rolled_back"}


def test_nothing_was_lost_or_doubled(story: dict[str, Any]) -> None:
    audit = story["audit"]
    assert audit["writes_acknowledged"] > 100
    assert (audit["writes_lost"], audit["writes_duplicated"]) == (0, 0), audit


def test_no_request_failed_not_even_those_that_waited_for_a_dead_controller(story: dict[str, Any]) -> None:
    figures = story["figures"]
    assert figures["requests_total"] > 500
    assert figures["requests_failed"] == 0, figures["failures"]
