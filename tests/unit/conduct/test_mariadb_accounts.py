# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts are carried over whole, administrators stay, and no secret leaves the statements."""

from __future__ import annotations

import asyncio
from typing import Any

import pymysql
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.mariadb.seed import accounts, carry_accounts, carry_grants
from ansible_collections.lotse.estate.plugins.module_utils._conduct.mariadb.sql import SqlError, name
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

HASH = "*0123456789ABCDEF"


class Server:
    """Answers what a server with these accounts answers; keeps what it is told to do."""

    host = "a server"

    def __init__(self, *users: str, roles: tuple[str, ...] = (), refuses: str = "") -> None:
        self.users, self.roles, self.refuses = users, roles, refuses
        self.told: list[str] = []

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        if statement.startswith("SELECT user, host"):
            roles = [{"user": role, "host": "", "is_role": "1"} for role in self.roles]
            return roles + [dict(zip(("user", "host", "is_role"), (*user.split("@"), None), strict=True)) for user in self.users]
        account = statement.removeprefix("SHOW GRANTS FOR ")
        return [{"g": f"GRANT USAGE ON *.* TO {account}"}, {"g": f"GRANT ALL ON community.* TO {account}"}]

    async def value(self, statement: str) -> str:
        return f"CREATE USER {statement.removeprefix('SHOW CREATE USER ')} IDENTIFIED BY PASSWORD '{HASH}'"

    async def run(self, *statements: str) -> None:
        for statement in statements:
            if self.refuses and self.refuses in statement:
                raise SqlError(pymysql.OperationalError(1524, "Plugin 'ed25519' is not loaded"), self.host)
            self.told.append(statement)


def read(server: Server) -> dict[str, list[str]]:
    return asyncio.run(accounts(server))  # type: ignore[arg-type]


def carry(source: Server, guest: Server) -> int:
    return asyncio.run(carry_accounts(source, guest))  # type: ignore[arg-type]


def test_administrators_and_our_own_account_stay_where_they_are() -> None:
    administrators = ("root@localhost", "root@%", "mariadb.sys@localhost", "mysql@localhost", "debian-sys-maint@localhost")
    assert list(read(Server("community@%", *administrators, "lotse_replica@10.77.0.103"))) == ["`community`@`%`"]


def test_an_account_is_its_password_and_its_grants() -> None:
    made, *grants = read(Server("community@%"))["`community`@`%`"]
    assert made == f"CREATE OR REPLACE USER `community`@`%` IDENTIFIED BY PASSWORD '{HASH}'"
    assert grants[-1] == "GRANT ALL ON community.* TO `community`@`%`"


def test_accounts_are_made_first_and_granted_later() -> None:
    """A grant names tables, which come with the copy; a view names accounts, which must be there before it."""
    source, guest = Server("community@%", "reports@10.77.0.%", roles=("reader",)), Server()
    assert carry(source, guest) == 3
    assert [statement.split()[0] for statement in guest.told] == ["SET", "CREATE", "CREATE", "CREATE", "SET"]
    assert guest.told[1] == "CREATE OR REPLACE ROLE `reader`"
    guest.told.clear()
    assert asyncio.run(carry_grants(source, guest)) == 6  # type: ignore[arg-type]
    assert [statement.split()[0] for statement in guest.told] == ["SET", *["GRANT"] * 6, "SET"]


def test_what_is_granted_already_is_not_granted_again() -> None:
    guest = Server("community@%")
    assert asyncio.run(carry_grants(Server("community@%"), guest)) == 0  # type: ignore[arg-type]
    assert guest.told == ["SET SESSION sql_log_bin = 0", "SET SESSION sql_log_bin = 1"]


def test_nothing_of_it_is_written_to_the_guests_binary_log() -> None:
    guest = Server("stale@%", roles=("old",))
    carry(Server("community@%"), guest)
    assert guest.told[0] == "SET SESSION sql_log_bin = 0"
    assert guest.told[-1] == "SET SESSION sql_log_bin = 1"
    assert {"DROP USER `stale`@`%`", "DROP ROLE `old`"} <= set(guest.told)


def test_an_account_that_the_guest_cannot_have_is_named_without_its_secret() -> None:
    with pytest.raises(LotseError, match=r"`community`@`%` cannot be carried over.*ed25519") as caught:
        carry(Server("community@%"), Server(refuses=HASH))
    assert HASH not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_error_has_the_servers_words_and_number_but_never_the_statement() -> None:
    failure = SqlError(pymysql.ProgrammingError(1064, "You have an error"), "db1")
    assert (failure.code, str(failure)) == (1064, "MariaDB says: You have an error (1064) — db1")
    assert SqlError(OSError("gone"), "db1").code == 0


def test_names_are_quoted() -> None:
    assert name("a`b", "c d") == "`a``b`.`c d`"
