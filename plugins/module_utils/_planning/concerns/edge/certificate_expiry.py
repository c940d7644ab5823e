# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from ...model import Draft, Finding
from ..detector import detector

SOON = 60  # days


@detector(
    "certificate-expiry",
    "A certificate ends",
    severity="warning",
    compares="the end of each certificate that a configuration names, and of each local authority, with the day of the plan",
    remedy="renew it before its wave, and see that the renewal runs on the guest (certbot, acme.sh: timers and cron)",
    reference="RFC 5280, 4.1.2.5",
    surprise=(30,),
    needs=("tls", "openssl"),
)
def certificate_expiry(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        rows = [*(host.part("tls").get("certificates") or ()), *(host.part("openssl").get("local_authorities") or ())]
        for row in rows:
            if not row.get("not_after") or draft.day == date.min:
                continue
            left = (date.fromisoformat(str(row["not_after"])) - draft.day).days
            if left > SOON:
                continue
            # One that has ended and is still named harmed nobody so far: no reason to stop a plan.
            yield Finding(
                host=host.name,
                severity="warning",
                title=f"{row['file']} {'ended' if left < 0 else 'ends'} on {row['not_after']}",
                old=f"{row['subject']}, {left} days left" if left >= 0 else f"{row['subject']}, since {-left} days",
                new="the guest would show or trust the same one; what renews it must run there, and on one side only",
                remedy="Renew it before its wave, and see what renews it (a timer, a cron job, a person).",
            )


DETECTOR = certificate_expiry
