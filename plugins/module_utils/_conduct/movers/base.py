# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mover is: how one kind of service changes sides, in steps that the conductor calls in this order.

    prepare    make both sides ready; users notice nothing             (may take minutes, idempotent)
    replicate  bring the data over and follow                          (may take hours, idempotent)
    gate       prove everything that can be proven beforehand          (reads only; the last moment to say no)
    --- critical section: everything below runs over what `prepare`, `replicate` and `gate` have opened ---
    fence      the old side stops writing; undone by `lift`
    catch_up   the new side has everything that the old one had
    --- the conductor decides `commit` against the dead-man; from here on only forward ---
    open       the new side takes writes
    route      clients find the new side, also those that know the old address only
    --- requests are released ---
    settle     what makes the way back lossless (reverse replication), what makes the switch last over a restart
    observe    what is seen after the switch; counts the writes that reached the fenced side
    finish     after the commit: remove what only the cutover needed

A rollback is the same, with the sides swapped (``Context.back``): the source is then the guest that serves, the target the legacy host.

``prepare`` … ``gate`` and ``settle`` … ``finish`` are idempotent: a controller may have died in any of them, and the next one calls them again.
``open``, ``route`` and ``settle`` are called again too, when the journal and the decision on the fenced host say that a commit was decided.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ..fence import Ballot
from ..hosts import Host, Hosts
from ..journal import Journal
from ..switchboard import Backend, Switchboard, Target


@dataclass
class Context:
    """Everything a mover works with. ``source`` serves now, ``target`` is to serve next; ``back`` says that this is a rollback."""

    move: Mapping[str, Any]
    plan: Mapping[str, Any]
    source: Host
    target: Host
    back: bool
    token: str  # names this cutover on the hosts: marks, timers, accounts
    hosts: Hosts
    journal: Journal
    estate_dir: Path
    say: Callable[[str], None]
    switchboard: Switchboard | None = None

    @property
    def parameters(self) -> Mapping[str, Any]:
        parameters: Mapping[str, Any] = self.move["parameters"]
        return parameters

    @property
    def legacy(self) -> Host:
        return self.target if self.back else self.source

    @property
    def guest(self) -> Host:
        return self.source if self.back else self.target


class Mover(ABC):
    """One move in one direction. The conductor makes a new one for every cutover."""

    holds: ClassVar[bool] = True
    """Whether requests are held at the edge during the critical section."""
    writes: ClassVar[bool] = True
    """Whether the fenced side could take writes that would be lost; then ``observe`` must count them."""
    pause_counts: ClassVar[bool] = True
    """Whether users' writes pause during the section."""

    def __init__(self, context: Context) -> None:
        self.context = context

    # --- before ---

    async def prepare(self) -> None:
        """Makes both sides ready. Every mutation is a ``context.journal.step`` with its undo."""

    async def replicate(self) -> None:
        """Brings the data over; returns when the new side follows closely enough for the critical section."""

    @abstractmethod
    async def gate(self) -> dict[str, Any]:
        """Proves what must be true before the cut, opens what the section needs, gives what was seen. Raises LotseError: nothing is cut."""

    async def reopen(self) -> None:
        """After a crash behind the commit: opens what ``open``, ``route`` and ``settle`` need, without asking whether one may cut."""
        await self.gate()

    # --- critical section ---

    def ballot(self, token: str) -> Ballot | None:
        """Where the decision between commit and lift is kept on the source; None for a directory in /run."""
        return None

    def lift_script(self) -> str:
        """Plain sh for the source: takes the fence away. Idempotent; also right when the fence was never raised."""
        return ""

    def forward_script(self) -> str:
        """Plain sh for the source, for a dead-man that finds a commit: clients of the old address reach the new side."""
        return ""

    def open_script(self) -> str:
        """Plain sh for the *target*, for a timer there: opens the new side if, and only if, the target itself can see the commit. May be empty."""
        return ""

    @abstractmethod
    async def fence(self) -> None:
        """The source stops writing."""

    @abstractmethod
    async def catch_up(self) -> dict[str, Any]:
        """Returns when the target has everything; gives the proof. Raises LotseError when it does not come in time."""

    @abstractmethod
    async def open(self) -> None:
        """The target takes writes."""

    async def route(self) -> None:
        """Clients of the old address reach the new side."""

    def edge_targets(self) -> Mapping[Backend, Target]:
        """Backends that point elsewhere after the cut; the conductor releases held requests there."""
        return {}

    @abstractmethod
    async def lift(self) -> None:
        """The source writes again. Called when the section is aborted, whether or not the fence was raised."""

    # --- after ---

    async def settle(self) -> None:
        """Prepares the way back and makes the switch last."""

    @abstractmethod
    async def observe(self) -> dict[str, Any]:
        """What the new side looks like: ``{"healthy": bool, "evidence": str, "writes": int}``; writes are those on the fenced side since the fence.

        ``writes`` is left out where ``Mover.writes`` is False.
        """

    async def finish(self) -> None:
        """Removes what only the cutover needed (never what the way back needs)."""

    async def abandon(self) -> None:
        """Takes back what ``prepare`` and ``replicate`` have made, for a move that never cut over. Idempotent."""
