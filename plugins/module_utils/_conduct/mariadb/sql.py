# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a MariaDB server as its root, over ssh and the server's own unix socket: nothing is opened on any network.

ssh ends at a process of root there, so the server's unix_socket authentication lets it in and no password is needed. On our side the
connection goes through a socket in a private directory (0700) that is gone as soon as the connection stands.
"""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncssh
import pymysql
from pymysql.cursors import DictCursor

from ..._domain.errors import LotseError
from ..hosts import Host

CLIENT = "db=$(command -v mariadb || command -v mysql)"
"""sh that finds the client; Debian before 11 calls it mysql."""

Row = dict[str, Any]


class SqlError(LotseError):
    """The server refused a statement, or is gone. ``code`` is MariaDB's error number, 0 when there is none."""

    def __init__(self, failure: Exception, host: str) -> None:
        first = failure.args[0] if failure.args else 0
        self.code = first if isinstance(first, int) else 0
        text = failure.args[1] if len(failure.args) > 1 else str(failure) or type(failure).__name__
        # Never the statement: it may hold a password.
        super().__init__(f"MariaDB says: {text} ({self.code})", host)


class Sql:
    """One connection. Its statements run one after another, each in a thread, in the order in which they were asked for."""

    def __init__(self, host: str, connection: pymysql.Connection[DictCursor]) -> None:
        self.host, self.id = host, int(connection.thread_id())  # type: ignore[no-untyped-call]
        self._connection = connection
        # One thread: a statement that nobody waits for any more still ends before the next one starts.
        self._thread = ThreadPoolExecutor(1, "sql")

    @classmethod
    async def open(cls, host: Host, *, within: float = 60) -> Sql:
        """Connects. ``within`` bounds each statement in seconds. Raises LotseError when root is not let in over the socket."""
        found = await host.run(f'{CLIENT}; "$db" -N -B -e "SELECT @@socket"', check=False)
        if found.status != 0:
            what = f"root cannot enter MariaDB over its socket ({(found.err or found.out).strip()[-200:]})"
            raise LotseError(what, host.name, "start it, and let root@localhost in by unix_socket")
        with tempfile.TemporaryDirectory(prefix="lotse-", ignore_cleanup_errors=True) as folder:
            path = f"{folder}/sql"
            listener = await host.connection.forward_local_path(path, found.out.strip())
            try:
                connect = functools.partial(
                    pymysql.connect,
                    user="root",
                    unix_socket=path,
                    charset="utf8mb4",
                    collation="utf8mb4_general_ci",  # both sides know it, and so does the way back
                    autocommit=True,
                    cursorclass=DictCursor,
                    connect_timeout=5,
                    read_timeout=within,
                    write_timeout=within,
                    init_command="SET SESSION wait_timeout=604800",
                )
                connection = await asyncio.get_running_loop().run_in_executor(None, connect)
            except (pymysql.MySQLError, asyncssh.Error, OSError) as failure:
                raise SqlError(failure, host.name) from failure
            finally:
                listener.close()
        return cls(host.name, connection)

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        """The rows of a statement, each as name to value. Raises SqlError."""

        def work() -> list[Row]:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values or None)
                return list(cursor.fetchall())

        return await self._call(work)

    async def value(self, statement: str, *values: Any) -> Any:
        """The first column of the first row; None when there is no row."""
        rows = await self.rows(statement, *values)
        return next(iter(rows[0].values())) if rows else None

    async def run(self, *statements: str) -> None:
        """Runs statements without parameters, one after another. Raises SqlError at the first that fails."""

        def work() -> None:
            with self._connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)

        await self._call(work)

    async def _call[T](self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (pymysql.MySQLError, OSError) as failure:
            raise SqlError(failure, self.host) from failure


def name(*parts: str) -> str:
    """Identifiers, quoted and joined by dots."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)
