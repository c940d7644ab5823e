# SPDX-License-Identifier: GPL-3.0-or-later
"""Data that no move takes along."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import censuses, mib

LITTLE = 10  # files of a home that nobody worked in


@detector(
    "tree-left-behind",
    "Data that no move takes along",
    severity="warning",
    compares="trees that were counted with the paths of all movers",
    remedy="find its owner: move it by hand, archive it, or let it go with the host",
    reference="none: what is left on a retired host is lost",
    surprise=(32,),
    needs=("files",),
)
def tree_left_behind(draft: Draft) -> Iterator[Finding]:
    for host, row, moves in censuses(draft):
        if not moves and int(row["files"]) > (LITTLE if row["why"] == "home" else 1):
            yield Finding(
                host=host.name,
                severity="warning",
                title=f"Nothing takes {row['path']} along",
                old=f"{row['why']} {row['path']}: {mib(row)}" + ("" if row["complete"] else " at least"),
                new="no guest has it; it goes when the host is retired",
                remedy="Find its owner. Move or archive it by hand before the host is retired.",
            )


DETECTOR = tree_left_behind
