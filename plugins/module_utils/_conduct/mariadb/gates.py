# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of two MariaDB servers before one takes over from the other. The facts are read over SQL, the judgement is pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..._domain.errors import LotseError
from .sql import Row, Sql

OWN_SCHEMAS = ("mysql", "sys", "information_schema", "performance_schema", "lotse")
ADMINISTRATORS = frozenset({"root", "mariadb.sys", "mysql", "debian-sys-maint"})
"""Accounts that every server has of its own: not carried over, and expected to have every privilege."""
REPLICA_ACCOUNT = "lotse_replica"

_SCHEMAS = ", ".join(f"'{schema}'" for schema in OWN_SCHEMAS)
_PRIVILEGES = "'SUPER', 'READ_ONLY ADMIN', 'READ ONLY ADMIN'"
_OTHERS = (
    "user NOT IN ('system user', 'event_scheduler') AND LEFT(command, 11) <> 'Binlog Dump' "
    "AND command NOT IN ('Daemon', 'Slave_IO', 'Slave_SQL', 'Slave_worker')"
)

SESSIONS = f"SELECT id, user, host FROM information_schema.processlist WHERE {_OTHERS} AND id NOT IN %s"  # noqa: S608 - constants
"""Every session of somebody; the value is the tuple of the ids that are ours."""
BUSY = f"{SESSIONS} AND command <> 'Sleep'"
_ID = "trx.trx_mysql_thread_id"
OLDEST = f"""SELECT COALESCE(MAX(TIMESTAMPDIFF(SECOND, trx.trx_started, NOW())), 0) FROM information_schema.innodb_trx trx
JOIN information_schema.processlist session ON session.id = {_ID} WHERE {_OTHERS}"""  # noqa: S608 - constants
"""Age in seconds of the oldest transaction of somebody."""
_SCHEMA_NAMES = f"SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name NOT IN ({_SCHEMAS}) ORDER BY 1"  # noqa: S608
_OTHER_ENGINES = f"""SELECT CONCAT(table_schema, '.', table_name, ' (', COALESCE(engine, '?'), ')') AS name FROM information_schema.tables
WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ({_SCHEMAS}) AND COALESCE(engine, '?') <> 'InnoDB' ORDER BY 1"""  # noqa: S608
_PRIVILEGED = f"SELECT DISTINCT grantee AS name FROM information_schema.user_privileges WHERE privilege_type IN ({_PRIVILEGES}) ORDER BY 1"  # noqa: S608


@dataclass(frozen=True)
class Facts:
    """One server as it is. ``replica`` is the row of SHOW SLAVE STATUS, empty when it follows nobody."""

    host: str
    variables: Mapping[str, str]
    databases: Sequence[str] = ()
    other_engines: Sequence[str] = ()
    privileged: Sequence[str] = ()
    collations: frozenset[str] = frozenset()
    replica: Row = field(default_factory=dict)

    def __getitem__(self, variable: str) -> str:
        return self.variables.get(variable, "")

    def on(self, variable: str) -> bool:
        return self[variable].upper() in {"ON", "1", "YES"}

    @property
    def version(self) -> tuple[int, int]:
        found = re.match(r"(\d+)\.(\d+)", self["version"])
        return (int(found[1]), int(found[2])) if found else (0, 0)


async def look(sql: Sql) -> Facts:
    """Reads the facts of a server."""
    variables = await sql.rows("SHOW GLOBAL VARIABLES")
    schemas = await sql.rows(_SCHEMA_NAMES)
    engines = await sql.rows(_OTHER_ENGINES)
    privileged = await sql.rows(_PRIVILEGED)
    collations = await sql.rows("SELECT collation_name AS name FROM information_schema.collations")
    replica = await sql.rows("SHOW SLAVE STATUS")
    return Facts(
        sql.host,
        {str(row["Variable_name"]).lower(): str(row["Value"]) for row in variables},
        _names(schemas),
        _names(engines),
        [name for name in _names(privileged) if _user(name) not in ADMINISTRATORS],
        frozenset(_names(collations)),
        replica[0] if replica else {},
    )


def refuse(source: Facts, target: Facts, *, back: bool, databases: Iterable[str], port: int) -> None:
    """Raises LotseError when the source cannot hand over to the target. ``databases`` are those that the plan knows."""
    legacy, guest = (target, source) if back else (source, target)
    wrong = [*_source(source), *_pair(legacy, guest)]
    if not back:
        wrong += _first_way(source, target, frozenset(databases))
    if source["port"] != str(port):
        wrong.append((source.host, f"it listens on port {source['port']}, the plan says {port}", "run the playbooks survey and plan again"))
    if wrong:
        host = wrong[0][0]
        ours = [row for row in wrong if row[0] == host]
        raise LotseError("; ".join(row[1] for row in ours), f"MariaDB on {host}", "; ".join(dict.fromkeys(row[2] for row in ours)))


Wrong = tuple[str, str, str]  # host, what, remedy


def _source(source: Facts) -> list[Wrong]:
    wrong = []
    if not source.on("log_bin"):
        wrong.append(("it writes no binary log, so nothing can follow it", "set log_bin and a server_id of its own, and restart it at a quiet time"))
    if source["binlog_format"].upper() != "ROW":
        wrong.append((f"binlog_format is {source['binlog_format']}", "SET GLOBAL binlog_format = ROW, and in its configuration; end old sessions"))
    if source.on("read_only"):
        wrong.append(("it is read_only already, so it is not the side that serves", "see which server takes the writes"))
    if source.replica:
        wrong.append((f"it follows {source.replica.get('Master_Host')}, which would write into it behind the fence", "move the primary instead"))
    if source.privileged:
        wrong.append((f"read_only does not stop {', '.join(source.privileged)}", "REVOKE SUPER, READ_ONLY ADMIN ON *.* from them"))
    return [(source.host, what, remedy) for what, remedy in wrong]


def _pair(legacy: Facts, guest: Facts) -> list[Wrong]:
    wrong = []
    if legacy["server_id"] in {guest["server_id"], "0"}:
        wrong.append((f"both have server_id {guest['server_id']}", "give the guest another mariadb_server_id"))
    if not (guest.on("log_bin") and guest.on("log_slave_updates")):
        wrong.append(("without a binary log of what it replicates there is no way back", "run the playbook configure"))
    if guest["character_set_collations"] or guest["collation_server"] not in legacy.collations:
        found = f"character_set_collations is {guest['character_set_collations'] or 'empty'!r}, collation_server {guest['collation_server']}"
        wrong.append((f"{found}: {legacy.host} could not read its statements", "run the playbook configure"))
    if guest.on("binlog_alter_two_phase"):
        wrong.append(("binlog_alter_two_phase is on: the old server cannot read that", "SET GLOBAL binlog_alter_two_phase = OFF"))
    return [(guest.host, what, remedy) for what, remedy in wrong]


def _first_way(source: Facts, target: Facts, planned: frozenset[str]) -> list[Wrong]:
    wrong: list[Wrong] = []
    if target.version < source.version:
        wrong.append((target.host, f"it is older ({target['version']}) than the source ({source['version']})", "choose a newer template"))
    if source["lower_case_table_names"] != target["lower_case_table_names"]:
        what = f"lower_case_table_names is not {source['lower_case_table_names']}"
        wrong.append((target.host, what, "set it in the plan before the guest is configured"))
    if source.other_engines:
        shown = ", ".join(source.other_engines[:10])
        wrong.append((source.host, f"not transactional, so no copy of them is consistent: {shown}", "ALTER TABLE … ENGINE = InnoDB"))
    if set(source.databases) != planned:
        wrong.append((source.host, f"it has the databases {', '.join(source.databases) or 'none'}, the plan knows {', '.join(sorted(planned))}",
                      "run the playbooks survey and plan again"))  # fmt: skip
    if extra := sorted(set(target.databases) - set(source.databases)):
        what = f"it has databases that the source does not have: {', '.join(extra)}"
        wrong.append((target.host, what, "nobody but Lotse may use it before the move; remove them"))
    if not target.on("read_only"):
        wrong.append((target.host, "it takes writes before the move", "run the playbook configure"))
    return wrong


def follows(replica: Row, address: str) -> bool:
    """Whether a SHOW SLAVE STATUS is that of a server that follows ``address`` soundly."""
    return bool(
        replica
        and replica["Master_Host"] == address
        and replica["Slave_IO_Running"] == replica["Slave_SQL_Running"] == "Yes"
        and not (replica["Last_IO_Errno"] or replica["Last_SQL_Errno"])
        and replica["Using_Gtid"] == "Slave_Pos"
    )


def trouble(replica: Row) -> str:
    """Why a server does not follow, in its own words."""
    if not replica:
        return "it follows nobody"
    words = [str(replica[name]) for name in ("Last_IO_Error", "Last_SQL_Error") if replica[name]]
    return "; ".join(words) or f"IO thread {replica['Slave_IO_Running']}, SQL thread {replica['Slave_SQL_Running']}"


def _names(rows: list[Row]) -> list[str]:
    return [str(row["name"]) for row in rows]


def _user(grantee: str) -> str:
    """``root`` from ``'root'@'localhost'``."""
    return grantee.rsplit("@", 1)[0].strip("'")
