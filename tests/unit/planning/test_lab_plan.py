# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the practice estate, from its real surveys: what the other playbooks count on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from . import golden
from .estates import concerns, lab_surveys, plan

ROLES = Path(__file__).parents[3] / "roles"


@pytest.fixture(scope="module")
def lab() -> dict[str, Any]:
    return plan()


def guest(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in found["guests"] if row["name"] == name)


def move(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in found["moves"] if row["id"] == name)


def test_it_is_the_reviewed_one(lab: dict[str, Any]) -> None:
    """A change of the plan is a change that somebody reads: golden.py says how to write the file anew."""
    assert lab == golden.read()


def test_guests_have_their_names_addresses_and_roles(lab: dict[str, Any]) -> None:
    assert [(row["name"], row["address"], row["role"]) for row in lab["guests"]] == [
        ("edge-01", "10.77.0.101/24", "edge"), ("web-01", "10.77.0.102/24", "web_php"), ("db-01", "10.77.0.103/24", "mariadb"),
        ("cache-01", "10.77.0.104/24", "redis"), ("worker-01", "10.77.0.105/24", "cron_worker"),
    ]  # fmt: skip
    assert guest(lab, "web-01")["services"] == ["files@web1", "http@web1"]
    assert len({row["uuid"] for row in lab["guests"]}) == 5


def test_waves_follow_the_switchboard(lab: dict[str, Any]) -> None:
    assert [row["moves"] for row in lab["waves"]] == [["edge"], ["mariadb", "redis"], ["cron"], ["files", "http"]]
    assert [move(lab, name)["section"] for name in ("edge", "mariadb", "redis", "files", "http", "cron")] == [
        "edge", "mariadb", "redis", "web1", "web1", "cron",
    ]  # fmt: skip


def test_movers_get_what_they_need(lab: dict[str, Any]) -> None:
    rewrite = [{"file": "/srv/community/config.php", "replace": {"10.77.0.13": "10.77.0.103", "10.77.0.14": "10.77.0.104"}}]
    assert move(lab, "edge")["parameters"] == {"public_address": "10.77.0.10/24", "port": 80}
    assert move(lab, "mariadb")["parameters"]["databases"] == ["community"]
    assert move(lab, "redis")["parameters"] == {"port": 6379}
    assert move(lab, "files")["parameters"] == {"paths": ["/srv/community", "/var/lib/php/classic-sessions"], "rewrite": rewrite}
    assert move(lab, "http")["parameters"] == {
        "port": 80, "backend": "be_web", "server": "web1",
        "probes": [{"host": "www.community.lab", "path": "/"}, {"host": "classic.community.lab", "path": "/"}],
    }  # fmt: skip
    tables = [{"user": "community", "lines": ["* * * * * php /srv/community/digest.php"]}]
    assert move(lab, "cron")["parameters"] == {"tables": tables, "paths": ["/srv/community"], "rewrite": rewrite}


def test_settings_are_carried(lab: dict[str, Any]) -> None:
    database, web = guest(lab, "db-01")["settings"], guest(lab, "web-01")["settings"]
    assert database["base_time_zone"] == "Europe/Berlin"
    assert database["mariadb_nofile"] == 48000
    assert database["mariadb_settings"]["sql_mode"] == "NO_ENGINE_SUBSTITUTION"
    pools = {pool["name"]: pool["ini"] for pool in web["web_php_pools"]}
    assert pools["www"]["session.save_path"] == "tcp://10.77.0.104:6379"
    assert (pools["www"]["memory_limit"], pools["classic"]["memory_limit"]) == ("192M", "64M")
    assert "session.sid_length" not in pools["www"], "PHP 8.4 warns about it at every start"
    assert [user["uid"] for user in web["base_users"]] == [1501]
    assert guest(lab, "cache-01")["settings"]["redis_settings"]["protected-mode"] == "no"
    assert guest(lab, "worker-01")["settings"]["cron_worker_user"] == "community"


def test_roles_accept_every_setting(lab: dict[str, Any]) -> None:
    for row in lab["guests"]:
        accepted = {**specification("base"), **specification(row["role"])}
        for name, value in row["settings"].items():
            assert name in accepted, f"{row['name']}: no role knows {name}"
            fields = accepted[name].get("options")
            for entry in value if fields else ():
                assert set(entry) <= set(fields), f"{row['name']}: {name} has no {set(entry) - set(fields)}"
                assert {field for field, option in fields.items() if option.get("required")} <= set(entry)


def specification(role: str) -> dict[str, Any]:
    loaded = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options: dict[str, Any] = loaded["argument_specs"]["main"]["options"]
    return options


SEEDED = {
    "sessions-on-disk": True, "hard-coded-address": True, "php-ini-difference": True, "missing-primary-key": False, "hidden-cron": True,
    "uid-mismatch": True, "nofile-limit": True, "time-zone": True, "sql-mode": True, "unpackaged-binary": True,
}  # fmt: skip


@pytest.mark.parametrize(("name", "applied"), SEEDED.items())
def test_seeded_surprises_are_found(lab: dict[str, Any], name: str, applied: bool) -> None:
    rows = concerns(lab, name)
    assert rows
    assert all(row["old"] and row["new"] and row["remedy"] for row in rows)
    assert {row["applied"] for row in rows} == {applied}


def test_nothing_blocks_it(lab: dict[str, Any]) -> None:
    assert [row for row in lab["concerns"] if row["severity"] == "critical" and not row["applied"]] == []


def test_it_saves_more_than_half(lab: dict[str, Any]) -> None:
    savings = lab["savings"]
    assert (savings["power_watts_before"], savings["rack_units_before"]) == (1060, 6)
    assert savings["power_watts_after"] < 1060 / 2
    assert (savings["rack_units_after"], savings["hosts_after"], savings["guests"]) == (0, 0, 5)


def test_the_order_of_the_input_does_not_matter(lab: dict[str, Any]) -> None:
    surveys = list(lab_surveys().items())
    for seed in range(3):
        random.Random(seed).shuffle(surveys)
        assert plan(dict(surveys)) == lab


def test_it_stays_when_it_is_planned_again(lab: dict[str, Any]) -> None:
    assert plan(previous=lab) == lab


def test_it_stays_once_the_guests_exist(lab: dict[str, Any]) -> None:
    from .estates import lab_cluster

    cluster = lab_cluster()
    cluster["guests"] = [
        {"name": row["name"], "vmid": 100 + number, "node": row["node"], "status": "running", "pool": "community", "tags": ["lotse"],
         "memory_bytes": row["memory_mib"] * 1024**2, "cores": row["cores"]}
        for number, row in enumerate(lab["guests"])
    ]  # fmt: skip
    assert plan(cluster=cluster, previous=lab) == lab
    assert plan(cluster=cluster) == lab, "the cluster alone is enough to keep guests where they are"
