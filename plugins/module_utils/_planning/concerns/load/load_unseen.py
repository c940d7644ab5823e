# SPDX-License-Identifier: GPL-3.0-or-later
"""Too little was seen of a host's load to size a guest by."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "load-unseen",
    "Too little was seen of the load to size a guest by",
    severity="warning where the load over time has no or low confidence",
    compares="what was seen of the host over time, against the size of its guests",
    remedy="Survey again over a week and more, or let sysstat or Prometheus tell.",
    reference="docs/guides/survey.md, Over time",
)
def load_unseen(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        load = draft.loads.get(guest.host)
        if load and load["confidence"] in ("none", "low"):
            yield Finding(
                host=guest.host,
                severity="warning",
                service=guest.services[0],
                title=f"{guest.name} is sized by too little",
                old="; ".join(load["reasons"]) or "nothing was seen over time",
                new=f"{guest.size.cores} cores and {guest.size.memory_mib} MiB, from single moments and what is configured",
                remedy="Survey again over a week and more (a daily run of the playbook is enough to see growth, an hourly one to see peaks),"
                " or let sysstat's archives or a Prometheus tell; or decide the size in plan_guests.",
            )


DETECTOR = load_unseen
