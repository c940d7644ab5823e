# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions are files on the old server."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "sessions-on-disk",
    "Sessions are files on the old server",
    severity="critical unless the files move in the section that switches requests",
    compares="session.save_handler and session.save_path of each pool with the trees that move",
    remedy="the files move in the critical section of the requests, or sessions go to Redis first",
    reference="php.net: session.save_path",
    surprise=(13,),
    needs=("php",),
)
def sessions_on_disk(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        if service.kind != "http":
            continue
        move = draft.move(f"files@{service.host}")
        moved = move.parameters["paths"] if move else []
        for path, pools in trees.session_paths(draft.hosts[service.host]).items():
            applied = any(trees.inside(path, tree) for tree in moved)
            yield Finding(
                host=service.host,
                severity="critical",
                service=service.id,
                title=f"Sessions of pool {', '.join(pools)} are files",
                old=f"session.save_handler = files, session.save_path = {path}",
                new=f"{path} arrives with the files, in the section that switches requests" if applied else "no session arrives: all sign in again",
                remedy="The files move in the critical section of the requests." if applied else "Move sessions to Redis before the crossing.",
                applied=applied,
            )


DETECTOR = sessions_on_disk
