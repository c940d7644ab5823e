# SPDX-License-Identifier: GPL-3.0-or-later
"""A declared power draw that the machine itself denies."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...power import watts
from ..detector import detector

FACTOR = 1.5


@detector(
    "power-differs", "The machine draws something else than was declared",
    severity="info",
    compares="watts of legacy_facts with the whole machine's own reading (IPMI, ACPI), or with its processors' counters as a lower bound",
    remedy="Correct legacy_facts: the savings are computed from it.",
    reference="IPMI DCMI 1.5, Get Power Reading",
    needs=("power",),
)  # fmt: skip
def power_differs(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        declared, (seen, whole) = draft.legacy_facts.get(host.name, {}).get("watts"), watts(host)
        if seen is None or not isinstance(declared, (int, float)) or isinstance(declared, bool):
            continue
        if seen > declared * FACTOR or (whole and seen * FACTOR < declared):
            yield Finding(
                host=host.name,
                severity="info",
                old=f"{declared:g} W declared, {seen:g} W {'measured' if whole else 'by the processors alone'}",
                new=f"savings count with {declared:g} W",
                remedy="Read it again under the usual load, and correct legacy_facts.",
            )


DETECTOR = power_differs
