# SPDX-License-Identifier: GPL-3.0-or-later
"""What MariaDB and Redis say of what they do, beside what they are."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._survey import mariadb, redis
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section

from .helpers import section

BASE = {"version": "10.5.23-MariaDB-0+deb11u1", "variables": "port\t3306"}


def asked(**blocks: str) -> dict[str, Any]:
    found = mariadb.survey(section("mariadb", None, **BASE, **blocks))
    assert found is not None
    return found


def test_collations_are_counted_by_where_they_stand() -> None:
    found = asked(collations="schema\tutf8mb4_general_ci\t1\ntable\tlatin1_swedish_ci\t2\ncolumn\tutf8mb4_bin\t7\nstrange\tx\t1")
    assert found["collations"] == {"schema": {"utf8mb4_general_ci": 1}, "table": {"latin1_swedish_ci": 2}, "column": {"utf8mb4_bin": 7}}


def test_the_oldest_transaction_comes_first() -> None:
    found = asked(transactions="3\tQuery\tapp@10.0.0.1\n7200\tSleep\treport@10.0.0.2\nNULL\t\t")
    assert found["transactions"] == [
        {"age_s": 7200, "idle": True, "account": "report@10.0.0.2"}, {"age_s": 3, "idle": False, "account": "app@10.0.0.1"},
    ]  # fmt: skip


def test_a_replica_names_its_primary_and_others_have_none() -> None:
    told = "Master_Host\tdb1\nMaster_Port\t3307\nUsing_Gtid\tSlave_Pos\nSlave_IO_Running\tYes\nSlave_SQL_Running\tNo"
    assert asked(replica=told)["replica"] == {"master_host": "db1", "master_port": 3307, "using_gtid": "Slave_Pos", "running": False}
    assert asked(replica="")["replica"] is None


def test_what_the_server_refused_is_not_there() -> None:
    """Refused is not empty: no transactions seen would be a promise."""
    blocks = {name: text.splitlines() for name, text in BASE.items()} | {"transactions": []}
    refused = Section("mariadb", blocks, {}, frozenset(), ("transactions: ERROR 1227",))
    found = mariadb.survey(refused)
    assert found is not None
    assert "transactions" not in found


def test_objects_and_definers() -> None:
    found = asked(objects="event\t2\t1\nroutine\t4\t0\ntrigger\t0\t0", definers="gone@%")
    assert found["objects"] == {"events": 2, "enabled_events": 1, "routines": 4, "triggers": 0}
    assert found["missing_definers"] == ["gone@%"]


def test_the_caches_counters() -> None:
    info = """redis_version:6.0.16
used_memory:1000
role:slave
master_host:10.0.0.5
master_port:6380
keyspace_hits:90
keyspace_misses:10
latest_fork_usec:420
connected_slaves:1
module:name=search,ver=20000"""
    found = redis.survey(section("redis", info=info))
    assert found is not None
    assert (found["primary"], found["replicas"], found["modules"]) == ("10.0.0.5:6380", 1, ["search"])
    assert found["statistics"] == {"keyspace_hits": 90, "keyspace_misses": 10, "latest_fork_usec": 420}
