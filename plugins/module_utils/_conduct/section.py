# SPDX-License-Identifier: GPL-3.0-or-later
"""The critical section: moves that are cut together, over connections that are already open.

    gates -> arm the dead-men -> hold -> drain -> fence -> catch up -> decide `commit` -> open -> route -> release

Until the decision everything can be undone, and every failure undoes it: the fence is lifted, held requests go to the old side. After the
decision there is only forward. The decision lies on the fenced host (fence.py), so a controller that dies leaves exactly one side writing.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._domain.errors import LotseError
from .fence import COMMIT, LIFT, DeadMan, sweep, timers_are_over
from .hosts import Shell
from .journal import now
from .movers.base import Mover
from .switchboard import Backend, Switchboard, Target

QUIET_FROM, QUIET_TO = 5, 52  # seconds of a minute in which cron starts nothing
FORWARD_TRIES = 3
EDGE_HOLDS = 6.0  # edge_retries x edge_connect_timeout_ms of the role edge
EDGE_AFTER = 0.5  # the edge's timer comes after the fenced host's: that side must take requests again


class DecidedError(LotseError):
    """The commit is decided, or may be, so nothing may be undone; what follows it did not come to its end."""


@dataclass(frozen=True)
class Limits:
    """Times in seconds. The edge holds for 6 s: a dead controller's requests must be released before, a living one's section ended before that."""

    dead_man: float = 4.5
    margin: float = 1  # nothing is committed when the dead-man has less than this left
    hold: float = 2.5
    drain: float = 1.5
    observe: float = 5

    def check(self) -> None:
        """Raises LotseError for times that would make a cutover unsafe."""
        if not 0 < self.drain < self.hold:
            raise LotseError("drain must be shorter than hold, or no time is left to cut", "limits")
        if self.dead_man + EDGE_AFTER > EDGE_HOLDS - 0.5:
            what = f"dead_man must be at most {EDGE_HOLDS - 0.5 - EDGE_AFTER:g} s, because the edge holds requests for {EDGE_HOLDS:g} s"
            raise LotseError(what, "limits", "or requests would fail before the timers release them")
        if self.dead_man < self.hold + 2 * self.margin:
            what = f"dead_man must be at least {2 * self.margin:g} s longer than hold, or it could lift the fence while we cut"
            raise LotseError(what, "limits")


@dataclass
class Section:
    """One section: its movers in plan order, the first one keeps the decision."""

    name: str
    movers: Sequence[Mover]
    switchboard: Switchboard | None
    limits: Limits
    say: Callable[[str], None]
    drill: Callable[[str], None]  # ends the controller at a named point, in a rehearsal
    man: DeadMan | None = field(default=None, init=False)
    before: dict[Backend, Target] = field(default_factory=dict, init=False)

    @property
    def lead(self) -> Mover:
        return self.movers[0]

    @property
    def board(self) -> Switchboard | None:
        """The switchboard, if this section holds requests."""
        return self.switchboard if any(mover.holds for mover in self.movers) else None

    # ------------------------------------------------------------------ cut

    async def cut(self) -> dict[str, Any]:
        """Cuts. Gives the figures of the section.

        Raises LotseError after everything was undone; or DecidedError when it was committed and could not be carried through: then the
        journal keeps the cutover open, and the next run goes forward with it.
        """
        await self._open_everything()
        await self._wait_for_a_quiet_moment()
        for mover in self.movers:
            mover.context.journal.observe("gates", **await mover.gate())
        lead = self.lead.context
        self._journal("intent", undo="the dead-man, and an abort, lift the fence until `commit` is decided", token=lead.token, back=lead.back)
        try:
            figures = await self._critical()
        except DecidedError:
            raise
        except BaseException as failure:
            self._journal("failed", back=lead.back, error=f"{type(failure).__name__}: {failure}"[:2000])
            raise
        try:
            self._journal("result", back=lead.back, **figures)
        except LotseError as failure:
            raise DecidedError(f"it was committed and carried through, but {failure.what}", failure.where, failure.remedy) from failure
        return figures

    def _journal(self, event: str, **data: Any) -> None:
        for mover in self.movers:
            mover.context.journal.write(event, "cut", data=data)

    async def _open_everything(self) -> None:
        context = self.lead.context
        for host in (context.source, context.target):
            await timers_are_over(host, self.name, self.limits.dead_man + 5)
        self.man = self._dead_man(await context.source.shell())
        if self.board is not None:
            await self.board.open()
            self.before = await self.board.targets()

    def _dead_man(self, shell: Shell) -> DeadMan:
        lift = "\n".join(f"( {script}\n)" for mover in reversed(self.movers) if (script := mover.lift_script()))
        forward = "\n".join(f"( {script}\n)" for mover in self.movers if (script := mover.forward_script()))
        token = self.lead.context.token
        return DeadMan(shell, token, self.limits.dead_man, lift=lift, forward=forward, ballot=self.lead.ballot(token))

    async def _wait_for_a_quiet_moment(self) -> None:
        """A job that starts in the middle of a cut would fail: minutes begin when cron starts things."""
        second = datetime.datetime.now(datetime.UTC).second
        if not QUIET_FROM <= second < QUIET_TO:
            wait = (QUIET_FROM - second) % 60
            self.say(f"waiting {wait} s for the jobs of the next minute to be under way")
            await asyncio.sleep(wait)

    async def _critical(self) -> dict[str, Any]:
        if self.man is None:
            raise RuntimeError("the section was not opened")
        loop, clock = asyncio.get_running_loop(), {}
        await self._arm()
        started_at = now()
        clock["start"] = loop.time()
        try:
            async with asyncio.timeout(self.limits.hold):
                if self.board is not None:
                    await self.board.hold()
                    await self.board.drained(self.limits.drain)
                clock["fence"] = loop.time()
                for mover in self.movers:
                    await mover.fence()
                self.drill("fenced")
                proofs = {mover.context.move["id"]: await mover.catch_up() for mover in self.movers}
                self.drill("caught_up")
                await self.man.decide(COMMIT, margin=self.limits.margin)
        except BaseException as failure:
            if not await self._abort():
                if isinstance(failure, TimeoutError):
                    what = f"the section took longer than {self.limits.hold:g} s; it was undone, the old side serves"
                    raise LotseError(what, self.name) from failure
                raise
            self.say("the commit is decided, although its answer did not come in time")
        self.drill("decided")
        await self._carry_through()
        clock["end"] = loop.time()
        pause = round((clock["end"] - clock["start"]) * 1000, 1) if any(mover.pause_counts for mover in self.movers) else None
        return {
            "write_pause_ms": pause,
            "fenced_ms": round((clock["end"] - clock["fence"]) * 1000, 1),
            "drained_ms": round((clock["fence"] - clock["start"]) * 1000, 1),
            "started_at": started_at,
            "ended_at": now(),
            "proofs": proofs,
        }

    async def _arm(self) -> None:
        assert self.man is not None  # noqa: S101 - set by _open_everything
        opener = "\n".join(script for mover in self.movers if (script := mover.open_script()))
        if opener:
            # Its time is later than that of the fenced side's timer, so that the decision is made when it looks.
            shell = await self.lead.context.target.shell()
            await DeadMan(shell, f"{self.lead.context.token}-open", self.limits.dead_man + 1, lift=opener, forward="").arm()
        if self.board is not None:
            await self.board.arm(self.lead.context.token, self.limits.dead_man + EDGE_AFTER, self.before)
        await self.man.arm()

    async def _abort(self) -> bool:
        """Undoes the section, and gives False. Every part is tried; what could not be undone is left to the dead-man, and said.

        Gives True, and undoes nothing, when the commit turns out to be decided. Raises DecidedError when nobody can tell: then the next
        run asks again.
        """
        assert self.man is not None  # noqa: S101 - set by _open_everything
        wrong: list[str] = []

        async def attempt(what: str, work: Awaitable[Any]) -> None:
            try:
                await work
            except Exception as failure:  # noqa: BLE001 - the other parts must be undone all the same
                wrong.append(f"{what}: {failure}")

        await attempt("the decision", self._decide_lift())
        if wrong:
            with contextlib.suppress(LotseError, OSError):
                if await self.man.decision() == COMMIT:
                    return True
        else:
            for mover in reversed(self.movers):
                await attempt(f"lifting the fence of {mover.context.move['id']}", mover.lift())
        if self.board is not None:
            await attempt("releasing held requests", self.board.point(self.before))
        for text in wrong:
            self.say(f"undoing: {text} (the dead-man does it within {self.limits.dead_man:g} s)")
        if wrong and wrong[0].startswith("the decision"):
            remedy = f"a timer makes one side serve within {self.limits.dead_man:g} s; run the playbook again, which asks and goes on from there"
            raise DecidedError(f"it is not known what was decided ({wrong[0]})", self.name, remedy)
        return False

    async def _decide_lift(self) -> None:
        assert self.man is not None  # noqa: S101 - set by _open_everything
        if await self.man.decision() != LIFT:
            await self.man.decide(LIFT)

    async def _carry_through(self) -> None:
        for attempt in range(FORWARD_TRIES):
            try:
                await self._forward()
                break
            except (LotseError, OSError) as failure:
                if attempt + 1 == FORWARD_TRIES:
                    remedy = "the timers on the hosts carry it through as far as they can; run the playbook again at once, it goes on from here"
                    raise DecidedError(f"it was committed, but not carried through ({failure})", self.name, remedy) from failure

    async def _forward(self) -> None:
        """Everything after the decision. It can be repeated, and is: a new run calls it again when this one does not come to its end."""
        for mover in self.movers:
            await mover.open()
        self.drill("opened")
        for mover in self.movers:
            await mover.route()
        if self.board is not None:
            targets = dict(self.before)
            for mover in self.movers:
                targets.update(mover.edge_targets())
            await self.board.point(targets)

    # -------------------------------------------------------------- recover

    async def recover(self) -> bool:
        """After a crash in the section: looks at the decision. True: committed, and carried through. False: lifted, the old side serves."""
        await self._open_everything()
        assert self.man is not None  # noqa: S101 - set by _open_everything
        journal = self.lead.context.journal
        decided = journal.last("observation", "decided")
        # An earlier cutover of the same move, or its rollback, has decided too: only this one's token counts.
        decision = COMMIT if decided and decided["token"] == self.lead.context.token else await self.man.decision()
        if not decision:
            with contextlib.suppress(LotseError):
                await self.man.decide(LIFT)
            decision = await self.man.decision()
        self.say(f"the last run ended in the section; its decision is `{decision or 'lift'}`")
        if decision == COMMIT:
            self.before = await self._before_of_a_crash()
            for mover in self.movers:
                await mover.reopen()
            await self._carry_through()
            return True
        for mover in reversed(self.movers):
            await mover.lift()
        if self.board is not None:
            self.before = await self._before_of_a_crash()
            await self.board.point(self.before)
        return False

    async def _before_of_a_crash(self) -> dict[Backend, Target]:
        """Where requests went before the section that died: the edge's own record, as it may still hold them."""
        if self.board is None:
            return {}
        return await self.board.recorded()

    # ---------------------------------------------------------------- after

    async def settle(self) -> None:
        """What makes the switch last and the way back lossless."""
        for mover in self.movers:
            mover.context.journal.observe("decided", decision=COMMIT, token=mover.context.token)
        for mover in self.movers:
            await mover.settle()
        if self.board is not None:
            await self.board.persist()

    async def observe(self) -> None:
        """Looks for ``limits.observe`` seconds. Records the last look. Raises LotseError when the new side is not healthy."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.limits.observe
        while True:
            looks = [await mover.observe() for mover in self.movers]
            sick = [f"{mover.context.move['id']}: {look['evidence']}" for mover, look in zip(self.movers, looks, strict=True) if not look["healthy"]]
            if loop.time() >= end:
                break
            await asyncio.sleep(min(1.0, max(0.0, end - loop.time())))
        for mover, look in zip(self.movers, looks, strict=True):
            mover.context.journal.observe("health", healthy=look["healthy"], evidence=look["evidence"])
            if mover.writes:
                mover.context.journal.observe("fenced-side", writes=look["writes"], evidence=look["evidence"])
        if sick:
            raise LotseError(f"the new side is not healthy: {'; '.join(sick)}", self.name, "look at it, then run migrate again, or rollback")

    async def finish(self) -> None:
        """Removes what only the cutover needed, when its timers have ended: a timer that finds no decision would make one."""
        for host in (self.lead.context.source, self.lead.context.target):
            await sweep(host, self.name, self.limits.dead_man + 5)
        if self.board is not None:
            await sweep(self.board.host, self.name, self.limits.dead_man + 5)
        for mover in self.movers:
            await mover.finish()
