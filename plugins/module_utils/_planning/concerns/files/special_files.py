# SPDX-License-Identifier: GPL-3.0-or-later
"""A tree with what plain copies lose: ACLs, attributes, capabilities, hard links, holes."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import censuses

# What the files mover's rsync keeps (a test holds this against the mover's own options).
KEPT = {"acls": "A", "xattrs": "X", "capabilities": "X", "hard_linked": "H", "sparse": "S", "special": "a"}
WORDS = {
    "acls": "files with ACLs", "xattrs": "with extended attributes", "capabilities": "with capabilities", "hard_linked": "with hard links",
    "sparse": "with holes", "special": "sockets, pipes or devices",
}  # fmt: skip


@detector(
    "special-files",
    "A tree with what plain copies lose",
    severity="warning",
    compares="a census of ACLs, extended attributes, capabilities, hard links, sparse and special files with what the files mover keeps",
    remedy="the files mover keeps all of them; a copy by hand needs rsync -aHAXS --numeric-ids",
    reference="rsync(1), acl(5), xattr(7), capabilities(7)",
    surprise=(32,),
    needs=("files",),
)
def special_files(draft: Draft) -> Iterator[Finding]:
    for host, row, moves in censuses(draft):
        found = [f"{row[name]} {words}" for name, words in WORDS.items() if row[name]]
        if found and moves:
            move = moves[0]
            yield Finding(
                host=host.name,
                severity="warning",
                service=move.service.id,
                title=f"{row['path']} has more than plain files",
                old=", ".join(found) + ("" if row["complete"] else " at least: the census was cut"),
                new=f"{move.guest} gets them from rsync -aHAXS; links between two trees that move one by one part",
                remedy="The files mover keeps them; its file system on the guest must allow ACLs and user attributes (ext4 and XFS do).",
                applied=True,
            )


DETECTOR = special_files
