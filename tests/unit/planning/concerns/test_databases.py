# SPDX-License-Identifier: GPL-3.0-or-later
"""Concerns about databases and caches."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns import databases

from ..cases import added, check, has_both, inside, quiet, silent
from ..estates import mariadb, plan, redis

GIB = 1024**3
TRANSACTION = {"age_s": 7200, "idle": True, "account": "report@10.0.0.9"}
REPLICA = {"master_host": "db0", "master_port": 3306, "using_gtid": "Slave_Pos", "running": True}
CACHED = {"innodb_buffer_pool_read_requests": "1000000", "innodb_buffer_pool_reads": "100"}


def cache(**changes: Any) -> Any:
    return added("cache1", 40, **redis(**changes))


def database(**changes: Any) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys["db1"]["mariadb"] |= changes

    return change


def memcached(surveys: dict[str, dict[str, Any]]) -> None:
    listening = [{"protocol": "tcp", "address": "::", "port": 11211, "process": "memcached", "unit": "memcached.service"}]
    added("mem1", 41, listening=listening)(surveys)


CASES: list[tuple[str, Any, str, bool]] = [
    ("database-version", inside("db1", "mariadb", "version", value="10.5.23"), "warning", True),
    ("database-version", inside("db1", "mariadb", "version", value="10.1.48"), "warning", False),
    ("database-version", inside("db1", "mariadb", "version", value="12.0.1"), "critical", False),
    ("database-version", inside("db1", "mariadb", "flavour", value="mysql"), "critical", False),
    ("cache-version", added("cache1", 40, **redis()), "warning", True),
    ("cache-version", added("cache1", 40, **redis(version="8.0.2")), "critical", False),
    ("cache-password", added("cache1", 40, **redis(password_set=True)), "critical", False),
    ("sql-mode", inside("db1", "mariadb", "variables", "sql_mode", value=""), "critical", True),
    ("sql-mode", inside("db1", "mariadb", "variables", "sql_mode", value="MADE_UP"), "critical", False),
    ("collation", inside("db1", "mariadb", "variables", "collation_server", value="utf8mb4_general_ci"), "warning", True),
    ("missing-primary-key", inside("db1", "mariadb", "without_primary_key", value=["app.log"]), "warning", False),
    ("table-engine", inside("db1", "mariadb", "engines", value={"InnoDB": 3, "MyISAM": 1}), "warning", False),
    ("privileged-writers", inside("db1", "mariadb", "privileged_accounts", value=["root@localhost", "admin@%"]), "warning", False),
    ("authentication-plugin", inside("db1", "mariadb", "accounts", value=[{"account": "a@%", "plugin": "caching_sha2_password"}]), "critical", False),
    ("scheduled-events", inside("db1", "mariadb", "variables", "event_scheduler", value="ON"), "warning", False),
    ("no-way-back", inside("db1", "mariadb", "version", value="10.1.48"), "warning", False),
    ("long-transaction", database(transactions=[TRANSACTION]), "critical", False),
    ("long-transaction", database(transactions=[{**TRANSACTION, "age_s": 70, "idle": False}]), "warning", False),
    ("session-sql-mode", database(session_modes={"": 3}), "warning", False),
    ("missing-definer", database(missing_definers=["gone@%"]), "warning", False),
    ("database-replica", database(replica=REPLICA), "critical", False),
    ("cache-replica", cache(primary="10.9.9.9:6379"), "warning", False),
    ("cache-replica", lambda surveys: (cache(primary="10.77.0.42:6379")(surveys),
                                       added("cache2", 42, **redis(version="7.0.1"))(surveys)), "critical", False),
    ("cache-modules", cache(modules=["search"]), "critical", False),
    ("cache-fork", cache(statistics={"latest_fork_usec": 250_000}), "warning", False),
    ("cold-cache", memcached, "warning", False),
    ("cold-cache", lambda surveys: (inside("db1", "mariadb", "variables", "innodb_buffer_pool_size", value=str(8 * GIB))(surveys),
                                    database(status=CACHED)(surveys)), "warning", False),
]  # fmt: skip

SILENT: list[tuple[str, Any]] = [
    ("database-version", inside("db1", "mariadb", "version", value="11.8.1")),
    ("cache-version", lambda _: None),
    ("cache-password", cache(password_set=False)),
    ("sql-mode", inside("db1", "mariadb", "variables", "sql_mode", value="NO_ENGINE_SUBSTITUTION,NO_AUTO_CREATE_USER,ERROR_FOR_DIVISION_BY_ZERO,"
                        "STRICT_TRANS_TABLES")),
    ("collation", inside("db1", "mariadb", "variables", "collation_server", value="utf8mb4_uca1400_ai_ci")),
    ("missing-primary-key", inside("db1", "mariadb", "without_primary_key", value=[])),
    ("table-engine", inside("db1", "mariadb", "engines", value={"InnoDB": 7})),
    ("privileged-writers", inside("db1", "mariadb", "privileged_accounts", value=["root@localhost", "backup@127.0.0.1"])),
    ("authentication-plugin", inside("db1", "mariadb", "accounts", value=[{"account": "a@%", "plugin": "mysql_native_password"}])),
    ("scheduled-events", inside("db1", "mariadb", "variables", "event_scheduler", value="OFF")),
    ("no-way-back", inside("db1", "mariadb", "version", value="10.5.23")),
    ("long-transaction", database(transactions=[{**TRANSACTION, "age_s": 5}])),
    ("session-sql-mode", database(session_modes={quiet()["db1"]["mariadb"]["variables"]["sql_mode"]: 9})),
    ("missing-definer", database(missing_definers=[])),
    ("database-replica", database(replica=None)),
    ("cache-replica", cache(primary=None, replicas=2)),
    ("cache-modules", cache(modules=[])),
    ("cache-fork", cache(statistics={"latest_fork_usec": 900})),
    ("cold-cache", database(status=CACHED)),
]  # fmt: skip

test_it_speaks = check(CASES)
test_it_is_silent = silent(SILENT)
test_every_detector_has_both = has_both(databases.DETECTORS, CASES, SILENT)


def test_ages_do_not_move_the_plan() -> None:
    """Two surveys a minute apart make the same plan."""
    plans = [plan({**quiet_with(age)}, dropped_services=[]) for age in (7200, 7260)]
    assert plans[0]["concerns"] == plans[1]["concerns"]


def quiet_with(age: int) -> dict[str, dict[str, Any]]:
    surveys = quiet()
    surveys["db1"] |= mariadb(version="11.8.2", variables=surveys["db1"]["mariadb"]["variables"], transactions=[{**TRANSACTION, "age_s": age}])
    return surveys
