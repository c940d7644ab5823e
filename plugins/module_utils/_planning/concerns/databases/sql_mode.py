# SPDX-License-Identifier: GPL-3.0-or-later
"""Another SQL mode."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...carried.mariadb import modes
from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind, variables


@detector(
    "sql-mode",
    "Another SQL mode",
    severity="critical: statements that were cut or rounded silently fail",
    compares="@@GLOBAL.sql_mode with the guest's default",
    remedy="the guest gets the old mode",
    reference="mariadb.com: SQL_MODE, since 10.2.4 strict by default",
    surprise=(2,),
    needs=("mariadb",),
)
def sql_mode(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        text = variables(host).get("sql_mode")
        if text is None or frozenset(modes(text)) == frozenset(modes(debian13.MARIADB["sql_mode"])):
            continue
        carried = draft.settings_of(service.id).get("mariadb_settings", {}).get("sql_mode")
        lost = sorted({mode for mode in text.split(",") if mode} - set(modes(text)))
        yield Finding(
            host=host.name,
            severity="critical",
            service=service.id,
            old=f"sql_mode = {text or 'empty'}",
            new=f"sql_mode = {debian13.MARIADB['sql_mode']}: statements that were cut or rounded silently would fail",
            remedy=f"MariaDB on the guest gets the old mode{' without ' + ', '.join(lost) + ', which it does not know' if lost else ''}.",
            applied=carried is not None and not lost,
        )


DETECTOR = sql_mode
