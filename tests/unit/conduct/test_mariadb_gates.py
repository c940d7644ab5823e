# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps one MariaDB from handing over to another. Each refusal is one fact changed in a pair that may."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.mariadb.gates import Facts, follows, refuse, trouble
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

OLD = {
    "version": "10.5.23-MariaDB-0+deb11u1-log", "server_id": "13", "log_bin": "ON", "log_slave_updates": "ON", "binlog_format": "ROW",
    "read_only": "OFF", "port": "3306", "lower_case_table_names": "0",
}  # fmt: skip
NEW = {
    **OLD, "version": "11.8.9-MariaDB-0+deb13u1 from Debian-log", "server_id": "77000103", "read_only": "ON",
    "character_set_collations": "", "collation_server": "utf8mb4_general_ci", "binlog_alter_two_phase": "OFF",
}  # fmt: skip
KNOWN = frozenset({"utf8mb4_general_ci", "latin1_swedish_ci"})


def pair(old: dict[str, str] | None = None, new: dict[str, str] | None = None, **changes: Any) -> tuple[Facts, Facts]:
    ours = {name: value for name, value in changes.items() if name in {"other_engines", "privileged", "replica"}}
    legacy = Facts("db1", {**OLD, **(old or {})}, changes.get("databases", ["community"]), collations=KNOWN, **ours)
    return legacy, Facts("db-01", {**NEW, **(new or {})}, changes.get("guest_databases", []), collations=KNOWN)


def check(legacy: Facts, guest: Facts) -> None:
    refuse(legacy, guest, back=False, databases=["community"], port=3306)


def test_a_sound_pair_may() -> None:
    check(*pair())


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"old": {"log_bin": "OFF"}}, "db1 — set log_bin"),
    ({"old": {"binlog_format": "MIXED"}}, "binlog_format is MIXED"),
    ({"old": {"read_only": "ON"}}, "not the side that serves"),
    ({"replica": {"Master_Host": "10.77.0.99"}}, "follows 10.77.0.99"),
    ({"privileged": ["'boss'@'%'"]}, "read_only does not stop 'boss'@'%'"),
    ({"other_engines": ["community.notes (MyISAM)"]}, r"community\.notes \(MyISAM\)"),
    ({"databases": ["community", "shop"]}, "community, shop, the plan knows community"),
    ({"databases": []}, "the databases none"),
    ({"guest_databases": ["somebodys"]}, "that the source does not have: somebodys"),
    ({"new": {"server_id": "13"}}, "both have server_id 13"),
    ({"old": {"server_id": "0"}}, "both have server_id"),
    ({"new": {"log_slave_updates": "OFF"}}, "no way back"),
    ({"new": {"log_bin": "OFF"}}, "no way back"),
    ({"new": {"character_set_collations": "utf8mb4=utf8mb4_uca1400_ai_ci"}}, "db1 could not read its statements"),
    ({"new": {"collation_server": "utf8mb4_uca1400_ai_ci"}}, "db1 could not read its statements"),
    ({"new": {"binlog_alter_two_phase": "ON"}}, "binlog_alter_two_phase"),
    ({"new": {"version": "10.3.39-MariaDB"}}, "older"),
    ({"new": {"lower_case_table_names": "1"}}, "lower_case_table_names is not 0"),
    ({"new": {"read_only": "OFF"}}, "takes writes before the move"),
    ({"old": {"port": "3307"}}, "port 3307, the plan says 3306"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_one_wrong_fact_is_one_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LotseError, match=message):
        check(*pair(**change))


def test_all_that_is_wrong_with_a_host_is_said_at_once() -> None:
    with pytest.raises(LotseError, match=r"no binary log.*binlog_format is STATEMENT.*MariaDB on db1"):
        check(*pair({"log_bin": "OFF", "binlog_format": "STATEMENT"}))


def test_a_fact_that_is_not_known_is_not_proven() -> None:
    legacy, guest = pair()
    for facts in (legacy, guest):
        for name in ("log_bin", "binlog_format", "port") if facts is legacy else ("log_bin", "log_slave_updates", "collation_server", "read_only"):
            poorer = Facts(facts.host, {key: value for key, value in facts.variables.items() if key != name}, facts.databases, collations=KNOWN)
            with pytest.raises(LotseError):
                check(*((poorer, guest) if facts is legacy else (legacy, poorer)))


def test_on_the_way_back_the_older_side_may_take_over() -> None:
    legacy, guest = pair({"read_only": "ON"}, {"read_only": "OFF"})
    refuse(guest, legacy, back=True, databases=["community"], port=3306)


def test_on_the_way_back_a_privileged_writer_of_the_guest_counts() -> None:
    legacy, guest = pair({"read_only": "ON"}, {"read_only": "OFF"})
    guest = Facts("db-01", guest.variables, privileged=["'boss'@'%'"], collations=KNOWN)
    with pytest.raises(LotseError, match="MariaDB on db-01"):
        refuse(guest, legacy, back=True, databases=["community"], port=3306)


SOUND = {
    "Master_Host": "10.77.0.13", "Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Last_IO_Errno": 0, "Last_SQL_Errno": 0,
    "Last_IO_Error": "", "Last_SQL_Error": "", "Using_Gtid": "Slave_Pos",
}  # fmt: skip


def test_a_sound_replica_follows() -> None:
    assert follows(SOUND, "10.77.0.13")
    assert not follows(SOUND, "10.77.0.14")
    assert not follows({}, "10.77.0.13")


@pytest.mark.parametrize(
    "change",
    [
        {"Slave_IO_Running": "Connecting"},
        {"Slave_SQL_Running": "No"},
        {"Last_IO_Errno": 1236},
        {"Last_SQL_Errno": 1950},
        {"Using_Gtid": "No"},
    ],
)
def test_an_unsound_one_does_not(change: dict[str, Any]) -> None:
    assert not follows({**SOUND, **change}, "10.77.0.13")


def test_trouble_is_told_in_the_servers_words() -> None:
    assert trouble({}) == "it follows nobody"
    assert trouble({**SOUND, "Last_SQL_Error": "out-of-order"}) == "out-of-order"
    assert trouble({**SOUND, "Slave_IO_Running": "No"}) == "IO thread No, SQL thread Yes"
