# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with an SQL mode of their own."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind, variables


@detector(
    "session-sql-mode",
    "Sessions with an SQL mode of their own",
    severity="warning",
    compares="the modes of live sessions with the server's",
    remedy="look for SET SESSION sql_mode in the applications, and try them on the guest",
    reference="dev.mysql.com: performance_schema.variables_by_thread",
    surprise=(2,),
    needs=("mariadb",),
)
def session_sql_mode(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        usual = variables(host).get("sql_mode")
        others = sorted(mode for mode in host.part("mariadb").get("session_modes") or {} if mode != usual)
        if usual is not None and others:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"sessions run with {listed([mode or 'an empty mode' for mode in others], 3)}; the server has {usual or 'an empty mode'}",
                new="the carried mode is the server's; an application that sets its own depends on what the guest makes of it",
                remedy="Look for SET SESSION sql_mode in the applications, and try these on the guest.",
            )


DETECTOR = session_sql_mode
