# SPDX-License-Identifier: GPL-3.0-or-later
"""Cron: the table moved, and each slot ran once."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Estate
from testinfra.host import Host

KINDS = ("cron",)


def entries(host: Host, user: str) -> list[str]:
    output = host.run("crontab -l -u %s", user).stdout
    return [line.strip() for line in output.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.control(id="cron-table", title="The crontab is on the new side, and on no other", severity="critical")
def test_table(old: Host, new: Host, move: dict[str, Any]) -> None:
    tables = move["parameters"]["tables"]
    assert tables
    for table in tables:
        assert entries(new, table["user"]), f"{table['user']} has no crontab on {move['to']}"
        assert entries(old, table["user"]) == [], f"{table['user']} still has a crontab on {move['from']}"


@pytest.mark.control(id="cron-service", title="cron runs on the new side and starts at boot", severity="critical")
def test_service(new: Host) -> None:
    assert new.service("cron").is_running
    assert new.service("cron").is_enabled


@pytest.mark.control(id="cron-slots", title="Every slot that a cron job recorded ran exactly once", severity="critical")
def test_slots(new: Host, estate: Estate, move: dict[str, Any], pytestconfig: pytest.Config) -> None:
    query = pytestconfig.getoption("slot_query")
    if not query:
        pytest.skip("no slot query is declared (verify_slot_query): nobody records when jobs ran")
    database = estate.connect(next(guest["name"] for guest in estate.plan["guests"] if guest["role"] == "mariadb"))
    rows = database.check_output("mariadb -N -e %s", query).splitlines()
    runs = {slot: int(count) for slot, count in (row.split("\t") for row in rows)}
    assert runs, "no job ever ran"
    doubled = {slot: count for slot, count in runs.items() if count != 1}
    assert not doubled, f"slots that ran more than once: {doubled}"
