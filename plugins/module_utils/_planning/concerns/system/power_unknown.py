# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody said what the host draws."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...power import measured
from ..detector import detector


@detector(
    "power-unknown", "Nobody said what the host draws",
    severity="info",
    compares="legacy_facts of the inventory with what the host measures of itself",
    remedy="Measure it, or take the values from the rating plate; what the survey measured helps.",
    reference="IPMI DCMI 1.5, Get Power Reading; Documentation/power/powercap",
    needs=("power",),
)  # fmt: skip
def power_unknown(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        if draft.unknown_power(host.name):
            seen = measured(host)
            yield Finding(
                host=host.name,
                severity="info",
                old="no watts or rack units in legacy_facts" + (f"; at the survey it drew {seen}" if seen else ""),
                new="savings are unknown, not zero",
                remedy="Measure it, or take the values from the rating plate.",
            )


DETECTOR = power_unknown
