# SPDX-License-Identifier: GPL-3.0-or-later
"""A month's end, when bills and reports run, was never seen."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "month-end-unseen",
    "Month's end was never seen",
    severity="warning where enough was seen to size by, but neither the last nor the first days of a month",
    compares="the days that were seen, against the last two and first two days of a month",
    remedy="Wait for a month's end before the move, or name a size that is known to be enough then.",
    reference="docs/guides/survey.md, Over time",
)
def month_end_unseen(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        load = draft.loads.get(guest.host)
        if load and load["confidence"] in ("medium", "high") and not load["coverage"]["month_end"]:
            yield Finding(
                host=guest.host,
                severity="warning",
                service=guest.services[0],
                title=f"What {guest.host} does at month's end was never seen",
                old="no month's end is among the days that were seen",
                new=f"{guest.name} gets {guest.size.cores} cores and {guest.size.memory_mib} MiB, sized by ordinary days",
                remedy="Wait for a month's end, or ask what runs then and decide the size in plan_guests; a month of Prometheus tells it as well.",
            )


DETECTOR = month_end_unseen
