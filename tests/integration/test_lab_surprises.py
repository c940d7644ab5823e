# SPDX-License-Identifier: GPL-3.0-or-later
"""The concerns were real: each remedy that the plan carries is taken away on the guests, and the verification that passed fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.lab.crossing import Crossing

pytestmark = [pytest.mark.lab, pytest.mark.thorough]

SSH = ("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=/dev/null")
# Concern -> the control that has to fail without its remedy, and the host or pair that it fails on.
PROVEN_BY = {
    "time-zone": ("base-time-zone", "db-01"),
    "uid-mismatch": ("base-users", "worker-01"),
    "sql-mode": ("mariadb-settings", "db-01"),
    "nofile-limit": ("mariadb-nofile", "db1 -> db-01"),
    "php-ini-difference": ("web-php-settings", "web-01"),
    "sessions-on-disk": ("files-manifest", "web1 -> web-01"),
    "hard-coded-address": ("files-addresses", "web-01"),
    "hidden-cron": ("cron-table", "web1 -> worker-01"),
}


class Guests:
    """Takes remedies away: from the settings that the plan wrote, and on the guests themselves."""

    def __init__(self, crossing: Crossing) -> None:
        self.crossing = crossing
        self.plan = yaml.safe_load((crossing.estate / "plan.yml").read_text(encoding="utf-8"))
        self.addresses = {guest["name"]: guest["address"].split("/")[0] for guest in self.plan["guests"]}

    def run(self, guest: str, command: str) -> str:
        known = f"{self.crossing.state}/ssh/known_hosts {self.crossing.estate}/known_hosts"
        argv = [
            str(self.crossing.state.parents[1] / "tests/lab/enter"), *SSH, "-o", f"UserKnownHostsFile={known}",
            "-i", f"{self.crossing.state}/ssh/id_ed25519", f"root@{self.addresses[guest]}", command,
        ]  # fmt: skip
        return subprocess.run(argv, env=self.crossing.environment(), check=True, text=True, capture_output=True, timeout=60).stdout.strip()

    def without(self, guest: str, *names: str) -> None:
        path = self.crossing.estate / "guests" / f"{guest}.yml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name in names:
            if name == "sql_mode":
                del settings["mariadb_settings"]["sql_mode"]
            elif name == "ini":
                for pool in settings["web_php_pools"]:
                    pool["ini"] = {key: value for key, value in pool["ini"].items() if key.startswith("session.")}
            else:
                del settings[name]
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")

    def controls(self) -> dict[tuple[str, str], str]:
        """State of each control by its id and guest."""
        self.crossing.playbook("verify", check=False, capture=True)
        evidence = json.loads((self.crossing.estate / "evidence" / "verify.json").read_text(encoding="utf-8"))
        return {(row["id"], row["host"]): row["state"] for row in evidence["controls"]}


@pytest.fixture(scope="module")
def told(lab: Crossing) -> Iterator[dict[str, Any]]:
    for name in ("survey", "plan", "provision", "configure", "migrate"):
        lab.playbook(name)
    guests = Guests(lab)
    seen: dict[str, Any] = {"concerns": {row["id"]: row for row in guests.plan["concerns"] if row["applied"]}, "before": guests.controls()}
    guests.without("db-01", "base_time_zone", "sql_mode", "mariadb_nofile")
    guests.without("web-01", "ini")
    lab.playbook("configure")
    guests.run("db-01", "systemctl daemon-reload; systemctl restart mariadb")  # the role never restarts a database that serves
    sessions = next(path for move in guests.plan["moves"] if move["kind"] == "files" for path in move["parameters"]["paths"] if "sessions" in path)
    guests.run("web-01", f"find {sessions} -type f -delete")
    rules = next(move["parameters"]["rewrite"] for move in guests.plan["moves"] if move["kind"] == "files")
    for rule in rules:
        for old, new in rule["replace"].items():
            guests.run("web-01", f"sed -i 's/{new}/{old}/g' {rule['file']}")
    guests.run("worker-01", "crontab -r -u community; sed -i 's/^community:x:[0-9]*:/community:x:1000:/' /etc/passwd")
    seen["after"] = guests.controls()
    yield seen


@pytest.mark.parametrize("concern", PROVEN_BY)
def test_without_its_remedy_a_control_fails(told: dict[str, Any], concern: str) -> None:
    control = PROVEN_BY[concern]
    assert concern in told["concerns"], "the plan does not carry a remedy for it"
    assert told["before"][control] == "passed"
    assert told["after"][control] == "failed"


def test_nothing_else_failed_before(told: dict[str, Any]) -> None:
    assert set(told["before"].values()) == {"passed"}
