# SPDX-License-Identifier: GPL-3.0-or-later
"""A transaction that stays open for long."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind

LONG_S, VERY_LONG_S = 60, 3600


@detector(
    "long-transaction",
    "A transaction that stays open for long",
    severity="critical from an hour on, warning from a minute on",
    compares="age of the oldest open transaction with what a fence may wait for",
    remedy="end it, or find out who holds it, before the wave",
    reference="mariadb.com: FLUSH TABLES WITH READ LOCK and long statements; measured: a running UPDATE stalls all writers",
    surprise=(9,),
    needs=("mariadb",),
)
def long_transaction(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        rows = [row for row in host.part("mariadb").get("transactions") or () if int(row["age_s"]) >= LONG_S]
        if rows:
            oldest = max(rows, key=lambda row: int(row["age_s"]))
            state = "idle" if oldest["idle"] else "running"
            yield Finding(
                host=host.name,
                severity="critical" if int(oldest["age_s"]) >= VERY_LONG_S else "warning",
                service=service.id,
                old=f"open for more than {_span(int(oldest['age_s']))}, {state}, by {oldest['account'] or 'an unknown account'}",
                new="the fence waits for it, or ends it; the seed keeps every old row version as long",
                remedy="Find who holds it and let it end before the wave; survey again at the hour of the wave.",
            )


def _span(seconds: int) -> str:
    """Coarse, so that the next survey is no other plan."""
    return next(f"{count} {unit}" for count, unit, least in ((1, "day", 86400), (1, "hour", 3600), (1, "minute", 0)) if seconds >= least)


DETECTOR = long_transaction
