# SPDX-License-Identifier: GPL-3.0-or-later
"""A move whose way back loses writes."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "no-way-back",
    "A move whose way back loses writes",
    severity="warning: what users wrote after the cutover is lost by a rollback",
    compares="what the mover can replicate back from the new version to the old one",
    remedy="prove it in a rehearsal, or decide before the wave what may be lost",
    reference="measured version pairs in docs/guides/migrate-databases.md",
    surprise=(6,),
    needs=("mariadb",),
)
def no_way_back(draft: Draft) -> Iterator[Finding]:
    for move in draft.moves:
        if move.rollback == "lossy":
            yield Finding(
                host=move.service.host,
                severity="warning",
                service=move.service.id,
                old=f"{move.service.name}: nothing was proven to replicate back to it",
                new="after the commit a rollback loses what was written on the new side",
                remedy="Rehearse the way back with these versions; else decide before the wave that such writes may be lost.",
            )


DETECTOR = no_way_back
