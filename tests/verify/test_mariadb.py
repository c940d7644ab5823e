# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB: the service, its carried settings, and every row of every table at one and the same transaction."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Estate
from testinfra.host import Host

KINDS = ("mariadb",)
OWN_SCHEMAS = "'mysql','sys','information_schema','performance_schema','lotse'"


def sql(host: Host, statements: str) -> str:
    return str(host.check_output("mariadb -N -B -e %s", statements))


def tables(host: Host) -> list[str]:
    found = sql(
        host,
        "SELECT CONCAT('`', table_schema, '`.`', table_name, '`') FROM information_schema.tables "
        f"WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ({OWN_SCHEMAS}) ORDER BY 1",
    )
    return found.splitlines()


@pytest.mark.control(id="mariadb-service", title="MariaDB runs, starts at boot and listens", severity="critical")
def test_service(new: Host, move: dict[str, Any]) -> None:
    assert new.service("mariadb").is_running
    assert new.service("mariadb").is_enabled
    assert new.socket(f"tcp://0.0.0.0:{move['parameters'].get('port', 3306)}").is_listening


@pytest.mark.control(id="mariadb-version", title="The new side runs a newer MariaDB than the old one", severity="warning")
def test_version(old: Host, new: Host) -> None:
    before, after = (tuple(int(part) for part in sql(host, "SELECT VERSION()").split("-")[0].split(".")) for host in (old, new))
    assert after >= before


@pytest.mark.control(id="mariadb-writable", title="Exactly one side takes writes: the new one", severity="critical")
def test_one_writer(old: Host, new: Host) -> None:
    assert (sql(old, "SELECT @@GLOBAL.read_only"), sql(new, "SELECT @@GLOBAL.read_only")) == ("1", "0")


@pytest.mark.control(id="mariadb-settings", title="Carried settings have the values of the plan", severity="critical")
def test_settings(new: Host, estate: Estate, move: dict[str, Any]) -> None:
    wanted = estate.guest(move["to"])["settings"].get("mariadb_settings", {})
    assert wanted, "the plan carries no setting"
    for name, value in wanted.items():
        found = sql(new, f"SELECT @@GLOBAL.{name}")
        assert found.lower() == str(value).lower() or {found.lower(), str(value).lower()} in ({"1", "on"}, {"0", "off"}), f"{name}: {found}"


@pytest.mark.control(id="mariadb-nofile", title="The process may open as many files as on the old side", severity="warning")
def test_nofile(old: Host, new: Host) -> None:
    limits = [
        int(host.check_output("awk '/Max open files/ {print $4}' /proc/$(pidof -s mariadbd || pidof -s mysqld)/limits"))
        for host in (old, new)
    ]
    assert limits[1] >= limits[0], limits
    # What the unit asks for counts too: a container or a kernel may have refused it to the process.
    asked = [host.run("systemctl show --property=LimitNOFILE --value mariadb").stdout.strip() for host in (old, new)]
    if asked[0].isdecimal():
        assert asked[1] == "infinity" or int(asked[1]) >= int(asked[0]), asked


@pytest.mark.control(id="mariadb-rows", title="Every table has the same rows on both sides at one transaction", severity="critical")
def test_rows(old: Host, new: Host) -> None:
    """The new side is read in one snapshot; the old side, its replica, is held at exactly that transaction while it is read."""
    names = tables(new)
    assert names
    assert names == tables(old)
    checksum = f"CHECKSUM TABLE {', '.join(names)}"
    try:
        # The old side waits first: once it had gone past the snapshot, it could not be held at it any more.
        sql(old, "STOP SLAVE")
        position, *after = sql(
            new,
            "START TRANSACTION WITH CONSISTENT SNAPSHOT;"
            " SELECT BINLOG_GTID_POS((SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'BINLOG_SNAPSHOT_FILE'),"
            " (SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'BINLOG_SNAPSHOT_POSITION'));"
            f" {checksum}",
        ).splitlines()
        assert position and "-" in position, f"the new side names no transaction: {position!r}"
        before = sql(
            old,
            f"START SLAVE UNTIL master_gtid_pos = '{position}'; SELECT MASTER_GTID_WAIT('{position}', 10); {checksum}",
        ).splitlines()
    finally:
        sql(old, "STOP SLAVE; START SLAVE")
    assert before[0] == "0", "the old side did not reach the transaction within 10 s"
    assert before[1:] == after
    assert any(row.split("\t")[1] not in {"0", "NULL"} for row in after), "all tables are empty"
