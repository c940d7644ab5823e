# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs and web server share files that part."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "split-file-tree",
    "Jobs and web server share files that part",
    severity="warning",
    compares="paths of jobs with the trees of the web server that moves to another guest",
    remedy="see that jobs read and write the database only, or share the folder",
    reference="none: jobs and web server each get a copy",
    surprise=(34,),
    needs=("cron", "nginx"),
)
def split_file_tree(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        cron, files = draft.move(f"cron@{host.name}"), draft.move(f"files@{host.name}")
        if not cron or not files or cron.guest == files.guest:
            continue
        moved = files.parameters["paths"]
        shared = [path for path in cron.parameters["paths"] if any(trees.inside(path, tree) or trees.inside(tree, path) for tree in moved)]
        if shared:
            yield Finding(
                host=host.name,
                severity="warning",
                service=cron.service.id,
                old=f"cron jobs and web server work on {', '.join(shared)}",
                new=f"{cron.guest} gets a copy: what jobs write there stays on {cron.guest}, and new uploads are on {files.guest} only",
                remedy="See that jobs read and write the database only, or share the folder.",
            )


DETECTOR = split_file_tree
