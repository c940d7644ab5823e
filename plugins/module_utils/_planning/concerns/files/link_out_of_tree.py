# SPDX-License-Identifier: GPL-3.0-or-later
"""Links lead out of a tree, to where nothing would be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import carried, censuses

# What a guest has as well, or what is made anew at each boot.
THERE = re.compile(r"/(usr|etc/(alternatives|ssl|localtime|javascript-common|php)|bin|lib|dev|proc|sys|run|tmp|var/(tmp|log|run|lock))(/|$)")


@detector(
    "link-out-of-tree",
    "Links lead out of a tree that moves, to where nothing would be",
    severity="critical",
    compares="targets of symbolic links that leave their tree with the trees that move to the same guest",
    remedy="move the target as well, or mount it on the guest",
    reference="symlink(7)",
    surprise=(32,),
    needs=("files",),
)
def link_out_of_tree(draft: Draft) -> Iterator[Finding]:
    for host, row, moves in censuses(draft):
        for guest in sorted({move.guest for move in moves}):
            there = [move for move in draft.moves if move.guest == guest]
            links = [one for one in row["leaving"] if carried(there, str(one["link"]))]
            gone = [one for one in links if not carried(there, str(one["target"])) and not THERE.match(str(one["target"]))]
            lost = [f"{one['link']} to {one['target']}" for one in gone]
            if lost:
                yield Finding(
                    host=host.name,
                    severity="critical",
                    service=moves[0].service.id,
                    title=f"{row['path']} needs what does not move with it",
                    old=listed(lost),
                    new=f"on {guest} these links lead nowhere",
                    remedy="Mount the target on the guest, or let it move too; then waive this.",
                )


DETECTOR = link_out_of_tree
