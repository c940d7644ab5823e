# SPDX-License-Identifier: GPL-3.0-or-later
"""Which trees of a census move, and whither."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, LegacyHost, Move, Row


def censuses(draft: Draft) -> Iterator[tuple[LegacyHost, Row, list[Move]]]:
    """Every counted tree with the moves that take it, or a part of it, along."""
    busy = {service.host for service in draft.services}
    for host in draft.hosts.values():
        for row in host.rows("files") if host.name in busy else ():
            yield host, row, taking(draft, host, str(row["path"]))


def taking(draft: Draft, host: LegacyHost, path: str) -> list[Move]:
    own = [move for move in draft.moves if move.service.host == host.name]
    return [move for move in own if any(trees.meet(path, str(one)) for one in move.parameters.get("paths") or ())]


def carried(moves: list[Move], path: str) -> bool:
    """Whether a path itself is below one that moves."""
    return any(trees.inside(path, str(own)) for move in moves for own in move.parameters.get("paths") or ())


def mib(row: Row) -> str:
    return f"{int(row['bytes']) // 1048576} MiB in {row['files']} files"
