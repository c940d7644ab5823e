# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs in a user's own crontab."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "hidden-cron",
    "Jobs in a user's own crontab",
    severity="warning",
    compares="crontabs of users with what the cron mover takes",
    remedy="the table moves last, and is never active on both sides; or drop it with a reason",
    reference="crontab(1)",
    surprise=(34,),
    needs=("cron",),
)
def hidden_cron(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        move = draft.move(f"cron@{host.name}")
        moved = {table["user"] for table in move.parameters["tables"]} if move else set()
        for user in sorted({str(row["user"]) for row in host.rows("cron") if row.get("spool")}):
            lines = [str(row["line"]) for row in host.rows("cron") if row.get("spool") and row["user"] == user]
            yield Finding(
                host=host.name,
                severity="warning",
                service=move.service.id if move else "",
                title=f"{user} has a crontab of {len(lines)} job{'s' if len(lines) > 1 else ''}",
                old=listed([f"/var/spool/cron/crontabs/{user}: {line}" for line in lines]),
                new=f"moves to {move.guest}" if move and user in moved else "no guest would run it",
                remedy="It moves last, and is never active on both sides." if user in moved else "Drop it with a reason, or let it move.",
                applied=user in moved,
            )


DETECTOR = hidden_cron
