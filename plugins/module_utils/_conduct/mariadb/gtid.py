# SPDX-License-Identifier: GPL-3.0-or-later
"""GTID arithmetic. Pure.

A position (``gtid_binlog_pos``) names the last transaction of each domain: ``0-13-5001,1-7-20``. A binlog's state (``gtid_binlog_state``)
names the last transaction of each *server* in each domain, so it tells whether a server wrote anything itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Gtid:
    """One transaction: ``domain-server-sequence``."""

    domain: int
    server: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.domain}-{self.server}-{self.sequence}"


def parse(text: str) -> list[Gtid]:
    """The GTIDs of a position or a state; none for an empty one. Raises ValueError for anything else."""
    found = []
    for word in text.replace("\n", "").split(","):
        if word.strip():
            domain, server, sequence = (int(part) for part in word.strip().split("-"))
            found.append(Gtid(domain, server, sequence))
    return found


def own_beyond(position: str, state: str, server: int) -> list[Gtid]:
    """The last transactions that ``server`` itself wrote after ``position``, one for each domain, by its binlog's ``state``."""
    before = {gtid.domain: gtid.sequence for gtid in parse(position)}
    return [gtid for gtid in parse(state) if gtid.server == server and gtid.sequence > before.get(gtid.domain, 0)]


def only_the_mark(position: str, own: list[Gtid]) -> bool:
    """Whether the server wrote exactly one transaction after ``position``: the mark of the decision."""
    before = {gtid.domain: gtid.sequence for gtid in parse(position)}
    return len(own) == 1 and own[0].sequence == before.get(own[0].domain, 0) + 1
