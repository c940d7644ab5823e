# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB and MySQL: what the server itself says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .wire import Section, UnseenError, number

# Read by the plan whatever their value is.
MATTER = frozenset(
    {
        "bind_address", "binlog_format", "character_set_server", "collation_server", "datadir", "event_scheduler", "gtid_domain_id",
        "gtid_strict_mode", "innodb_buffer_pool_size", "innodb_flush_log_at_trx_commit", "innodb_strict_mode", "interactive_timeout",
        "local_infile", "log_bin", "lower_case_table_names", "max_allowed_packet", "max_connections", "open_files_limit", "port",
        "read_only", "server_id", "skip_name_resolve", "socket", "sql_mode", "sync_binlog", "system_time_zone", "time_zone", "tmpdir",
        "tx_isolation", "version", "version_comment", "wait_timeout"
    }
)  # fmt: skip
# They move with every write or every start, and say nothing about how the server is set up.
VOLATILE = re.compile(
    r"gtid_(binlog_pos|binlog_state|current_pos|slave_pos|executed|purged|owned)|last_.*|.*_timestamp|pseudo_.*|server_uid|server_uuid|hostname"
)


def survey(section: Section) -> dict[str, Any] | None:
    """Version, variables that matter or were set, databases, tables without primary key, accounts that pass by read_only."""
    if section.absent:
        return None
    if "version" not in section.blocks:
        raise UnseenError(section.unseen[0] if section.unseen else "the server did not answer")
    version = re.match(r"\d+(\.\d+)*", section.first("version"))
    parts: dict[str, Any] = {
        "version": version[0] if version else "",
        "flavour": "mariadb" if "mariadb" in section.first("version").lower() else "mysql",
        "variables": _variables(section),
    }
    # A query that failed leaves its part out: an empty list would say that there is none.
    for name, rows in READ.items():
        if _answered(section, name):
            parts[name] = rows(section.lines(name))
    for name, block in LISTED:
        if _answered(section, block):
            parts[name] = sorted(line.strip() for line in section.lines(block))
    return parts


def _answered(section: Section, block: str) -> bool:
    return block in section.blocks and not any(reason.startswith(f"{block}:") for reason in section.unseen)


def _pairs(lines: list[str]) -> list[tuple[str, str]]:
    pairs = (line.split("\t", 1) for line in lines)
    return [(pair[0].strip(), pair[1]) for pair in pairs if len(pair) == 2]


def _variables(section: Section) -> dict[str, str]:
    origins = dict(_pairs(section.blocks.get("origins", [])))
    found = {}
    for name, value in _pairs(section.lines("variables")):
        key = name.lower()
        if VOLATILE.fullmatch(key):
            continue
        # Without origins (MySQL, old MariaDB) everything is kept: nobody can say what was set.
        if key in MATTER or not origins or origins.get(key, "COMPILE-TIME") != "COMPILE-TIME":
            found[key] = value
    return found


def _databases(lines: list[str]) -> list[dict[str, Any]]:
    rows = []
    for line in lines:
        words = line.split("\t")
        if len(words) == 3:
            rows.append({"name": words[0], "size_mib": number(words[1]) or 0, "tables": number(words[2]) or 0})
    return sorted(rows, key=lambda row: str(row["name"]))


def _engines(lines: list[str]) -> dict[str, int]:
    return {name: number(count) or 0 for name, count in _pairs(lines)}


def _accounts(lines: list[str]) -> list[dict[str, str]]:
    return [{"account": name, "plugin": plugin} for name, plugin in _pairs(lines)]


def _collations(lines: list[str]) -> dict[str, dict[str, int]]:
    """How often each collation is the default of a schema or a table, or that of a column."""
    found: dict[str, dict[str, int]] = {"schema": {}, "table": {}, "column": {}}
    for line in lines:
        words = line.split("\t")
        if len(words) == 3 and words[0] in found:
            found[words[0]][words[1]] = number(words[2]) or 0
    return found


def _transactions(lines: list[str]) -> list[dict[str, Any]]:
    """The oldest open ones: age in seconds, whether their session idles, and its account."""
    rows = []
    for line in lines:
        words = line.split("\t")
        if len(words) == 3 and (age := number(words[0])) is not None:
            rows.append({"age_s": age, "idle": words[1] == "Sleep", "account": words[2]})
    return sorted(rows, key=lambda row: (-int(row["age_s"]), str(row["account"])))


def _objects(lines: list[str]) -> dict[str, int]:
    """Counts of events, enabled events, routines and triggers."""
    found = {}
    for line in lines:
        words = line.split("\t")
        if len(words) == 3:
            found[f"{words[0]}s"] = number(words[1]) or 0
            if words[0] == "event":
                found["enabled_events"] = number(words[2]) or 0
    return found


def _status(lines: list[str]) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in _pairs(lines)}


def _replica(lines: list[str]) -> dict[str, Any] | None:
    """What the server replicates from; None for one that replicates from nobody."""
    found = {name.lower(): value.strip() for name, value in _pairs(lines)}
    if not found.get("master_host"):
        return None
    running = {found.get("slave_io_running"), found.get("slave_sql_running")} == {"Yes"}
    port = number(found.get("master_port", ""))
    return {"master_host": found["master_host"], "master_port": port or 3306, "using_gtid": found.get("using_gtid", ""), "running": running}


READ: dict[str, Callable[[list[str]], Any]] = {
    "databases": _databases, "engines": _engines, "accounts": _accounts, "collations": _collations, "transactions": _transactions,
    "sessions": _engines, "objects": _objects, "status": _status, "replica": _replica, "session_modes": _engines,
}  # fmt: skip
LISTED = (
    ("without_primary_key", "without_primary_key"), ("privileged_accounts", "privileged"), ("plugins", "plugins"), ("missing_definers", "definers"),
)  # fmt: skip
