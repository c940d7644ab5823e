# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of a host that could not be seen, and which surprises nobody looked for because of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...model import Draft, Finding
from ..detector import Detector, detector, listed

# Without these a service may be missed or moved wrongly.
DECISIVE = frozenset({
    "os", "addresses", "users", "services", "listening", "unpackaged", "nginx", "php", "mariadb", "redis", "haproxy", "cron", "literal_addresses",
})  # fmt: skip


def knowing(others: Sequence[Detector]) -> Detector:
    """The detector, which tells what the others need."""

    @detector(
        "not-assessed", "A part of the host could not be seen",
        severity="critical where a service may be missed or moved wrongly, warning for other sections, info where the section was seen in part",
        compares="what the survey could not see with what the detectors need",
        remedy="Give the survey the right or the program that it lacks, and survey again.",
        reference="docs/guides/survey.md, Not assessed is not empty",
    )  # fmt: skip
    def not_assessed(draft: Draft) -> Iterator[Finding]:
        for host in draft.hosts.values():
            for row in host.rows("not_assessed"):
                section = str(row["section"])
                name = section.split(".")[0].split("/")[0]
                partly = name in host.survey
                blind = [_words(one) for one in others if name in one.needs]
                yield Finding(
                    host=host.name,
                    severity="critical" if name in DECISIVE else "info" if partly else "warning",
                    title=f"The section {section} could not be seen" + (" whole" if partly else ""),
                    old=str(row["reason"]),
                    new=("seen in part, by " if partly else "the plan knows nothing of it; nobody looked for ") + listed(blind, 20)
                    if blind else "the plan knows nothing of it, and carries nothing over",
                    remedy="Give the survey the right or the program that it lacks, and survey again.",
                )  # fmt: skip

    return not_assessed


def _words(one: Detector) -> str:
    numbers = ", ".join(map(str, one.surprise))
    return f"{one.id} ({numbers})" if numbers else one.id
