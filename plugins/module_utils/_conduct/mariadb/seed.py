# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's database becomes a copy of the legacy one and follows it: accounts, dump, replication."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Sequence

from ..._domain.errors import LotseError
from ..hosts import Host, pipe
from .gates import ADMINISTRATORS, REPLICA_ACCOUNT, Facts, follows, trouble
from .scripts import SERVING
from .sql import CLIENT, Row, Sql, SqlError, name

DUMP = (
    "--single-transaction --gtid --master-data=1 --quick --hex-blob --routines --triggers --events --default-character-set=utf8mb4 "
    "--max-allowed-packet=1G --databases"
)
DAY = 24 * 3600.0
WITHOUT_BINLOG = "SET SESSION sql_log_bin = 0"


async def refuse_to_wipe(guest: Host, facts: Facts) -> None:
    """Raises LotseError unless the guest is provably no server that has ever served: only such a one may be seeded anew."""
    found = await guest.run(f"test -e {SERVING} && echo serving; true")
    if "serving" in found.out:
        raise LotseError(f"it serves, or did: {SERVING} is there", guest.name, "its data is not replaced; take the move back with rollback first")
    if not facts.on("read_only"):
        raise LotseError("it takes writes, so its data is not replaced", guest.name, "run the playbook configure")


async def wipe(guest: Sql, databases: Sequence[str]) -> None:
    """Forgets everything that a former attempt has left on the guest."""
    await guest.run("STOP SLAVE", "RESET SLAVE ALL", WITHOUT_BINLOG, "SET GLOBAL event_scheduler = OFF")
    await guest.run(*(f"DROP DATABASE IF EXISTS {name(database)}" for database in [*databases, "lotse"]))
    await guest.run("RESET MASTER", "SET GLOBAL gtid_slave_pos = ''")


async def accounts(sql: Sql) -> dict[str, list[str]]:
    """Everybody who may use the server, but for its own administrators: account to the statements that make it. They hold password hashes."""
    found: dict[str, list[str]] = {}
    known = await sql.rows("SELECT user, host, JSON_VALUE(priv, '$.is_role') AS is_role FROM mysql.global_priv ORDER BY is_role DESC, user, host")
    for row in known:
        user, host, is_role = str(row["user"]), str(row["host"]), bool(row["is_role"])
        if user in ADMINISTRATORS or user == REPLICA_ACCOUNT:
            continue
        account = name(user) if is_role else f"{name(user)}@{name(host)}"
        makes = [f"CREATE OR REPLACE ROLE {account}"]
        if not is_role:
            created = str(await sql.value(f"SHOW CREATE USER {account}"))
            makes = [created.replace("CREATE USER", "CREATE OR REPLACE USER", 1)]
        grants = await sql.rows(f"SHOW GRANTS FOR {account}")
        found[account] = makes + [str(next(iter(grant.values()))) for grant in grants]
    return found


async def carry_accounts(source: Sql, guest: Sql) -> int:
    """Makes the guest's accounts those of the source, without what they may. Gives their number."""
    wanted, present = await accounts(source), await accounts(guest)
    drops = [f"DROP {'USER' if '@' in account else 'ROLE'} {account}" for account in present.keys() - wanted.keys()]
    await guest.run(WITHOUT_BINLOG, *drops)
    for account, (creates, *_) in wanted.items():
        await _do(guest, account, creates)
    await guest.run("SET SESSION sql_log_bin = 1")
    return len(wanted)


async def carry_grants(source: Sql, guest: Sql) -> int:
    """Grants what the source's accounts may and the guest's may not yet; the tables must be there. Gives how much that was. Idempotent."""
    wanted, present = await accounts(source), await accounts(guest)
    missing = [(account, grant) for account, (_, *grants) in wanted.items() for grant in grants if grant not in present.get(account, [])]
    await guest.run(WITHOUT_BINLOG)
    for account, grant in missing:
        await _do(guest, account, grant)
    await guest.run("SET SESSION sql_log_bin = 1")
    return len(missing)


async def _do(guest: Sql, account: str, statement: str) -> None:
    try:
        await guest.run(statement)
    except SqlError as failure:
        remedy = "give it an authentication plugin that the guest has, and grants that its version knows"
        raise LotseError(f"the account {account} cannot be carried over ({failure.what})", guest.host, remedy) from None  # never the statement


async def copy(source: Host, guest: Host, databases: Sequence[str]) -> None:
    """Dumps on one side, loads on the other; the dump sets ``gtid_slave_pos`` to its own position. Raises RemoteError."""
    names = shlex.join([*databases, "lotse"])
    dump = f"dump=$(command -v mariadb-dump || command -v mysqldump); exec \"$dump\" {DUMP} {names}"
    load = f'{CLIENT}; exec "$db" --default-character-set=utf8mb4 --max-allowed-packet=1G --init-command={shlex.quote(WITHOUT_BINLOG)}'
    await pipe(source, dump, guest, load, within=DAY)


async def make_account(primary: Sql, replica_address: str) -> str:
    """Makes the account by which a replica at this address follows, with a fresh password that nobody stores but the replica."""
    password = secrets.token_urlsafe(24)
    account = f"'{REPLICA_ACCOUNT}'@'{replica_address}'"
    await primary.run(
        WITHOUT_BINLOG,
        f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{password}'",
        f"GRANT REPLICATION SLAVE ON *.* TO {account}",
        "SET SESSION sql_log_bin = 1",
    )
    return password


async def drop_account(primary: Sql, replica_address: str) -> None:
    await primary.run(WITHOUT_BINLOG, f"DROP USER IF EXISTS '{REPLICA_ACCOUNT}'@'{replica_address}'", "SET SESSION sql_log_bin = 1")


async def follow(replica: Sql, address: str, port: int, password: str, facts: Facts) -> None:
    """Starts replication from ``gtid_slave_pos``. Both sides are in one trusted network, as the application's own connections are."""
    # From 11.4 on a replica insists on TLS, which the old server does not have.
    tls = "MASTER_SSL = 0" + (", MASTER_SSL_VERIFY_SERVER_CERT = 0" if facts.version >= (10, 2) else "")
    master = "MASTER_HOST = %s, MASTER_PORT = %s, MASTER_USER = %s, MASTER_PASSWORD = %s"
    how = f"MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 2, {tls}"
    await replica.rows(f"CHANGE MASTER TO {master}, {how}", address, port, REPLICA_ACCOUNT, password)
    await replica.run("START SLAVE")


async def status(sql: Sql) -> Row:
    """SHOW SLAVE STATUS, empty for a server that follows nobody."""
    rows = await sql.rows("SHOW SLAVE STATUS")
    return rows[0] if rows else {}


async def refuse_unsound(sql: Sql, address: str) -> Row:
    """The status of a replica that follows ``address``. Raises LotseError when it does not."""
    row = await status(sql)
    if not follows(row, address):
        raise LotseError(f"it does not follow {address}: {trouble(row)}", f"MariaDB on {sql.host}", "mend its replication; nothing was cut")
    return row
