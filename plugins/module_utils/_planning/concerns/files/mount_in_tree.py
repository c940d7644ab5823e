# SPDX-License-Identifier: GPL-3.0-or-later
"""Another file system lies in a tree that moves."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import carried, censuses


@detector(
    "mount-in-tree",
    "Another file system lies in a tree that moves",
    severity="critical",
    compares="mount points below a tree with the paths of its mover, which stays on one file system and refuses such a tree",
    remedy="name the mount point as a path of its own, or mount the same on the guest",
    reference="rsync(1): --one-file-system",
    surprise=(32, 33),
    needs=("files",),
)
def mount_in_tree(draft: Draft) -> Iterator[Finding]:
    for host, row, moves in censuses(draft):
        paths = {str(path) for move in moves for path in move.parameters.get("paths") or ()}
        below = [str(path) for path in row["mounts"] if carried(moves, str(path)) and str(path) not in paths]
        if below:
            yield Finding(
                host=host.name,
                severity="critical",
                service=moves[0].service.id,
                title=f"{row['path']} has another file system inside",
                old=f"mounted at {listed(below)}",
                new=f"the mover takes {', '.join(sorted(paths))} and stays on one file system: what is mounted would be missing",
                remedy="Mount the same on the guest and unmount it from the tree, or move its content by hand; then waive this.",
            )


DETECTOR = mount_in_tree
