# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that would carry a system without security updates."""

from __future__ import annotations

from collections.abc import Iterator

from ...lifespans import ended
from ...model import LIFT, Draft, Finding
from ..detector import detector


@detector(
    "end-of-life", "A system without security updates would be carried on",
    severity="critical",
    compares="the release of a guest that carries the old system (plan_os) with the end of its public support",
    remedy="Lift it, buy extended support, or waive this with a date.",
    reference="www.debian.org/lts, ubuntu.com/about/release-cycle, access.redhat.com/support/policy/updates/errata, alpinelinux.org/releases",
    needs=("os",),
)  # fmt: skip
def end_of_life(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        if guest.system.choice == LIFT:
            continue
        date = ended(guest.system.target, draft.day)
        if date:
            yield Finding(
                host=guest.host,
                severity="critical",
                service=guest.services[0],
                title=f"{guest.name} would run a system without security updates",
                old=guest.system.source,
                new=f"{guest.system.target}, whose public support ended on {date.isoformat()}",
                remedy="Lift the guest (plan_os), or waive this with reason and expiry: extended support, no way in from outside.",
            )


DETECTOR = end_of_life
