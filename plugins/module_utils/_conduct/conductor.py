# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves the services of a plan wave by wave, or takes them back in the reverse order. Resumes what an earlier run left half-done."""

from __future__ import annotations

import asyncio
import datetime
import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from .._domain.errors import LotseError
from .._domain.phases import NEVER_CUT, State
from .._planning.model import HANDS
from .hosts import Access, Host, Hosts
from .journal import Journal, move_states
from .movers.base import Context, Mover
from .section import DecidedError, Limits, Section
from .switchboard import Backend, Switchboard

Plan = Mapping[str, Any]
Move = Mapping[str, Any]
DONE = {False: State.COMMITTED, True: State.ROLLED_BACK}


@dataclass(frozen=True)
class Outcome:
    """What became of one move: its state before and after, and the pause of its cutover if there was one in this run."""

    move: str
    kind: str
    before: State
    after: State
    write_pause_ms: float | None = None

    @property
    def changed(self) -> bool:
        return self.before != self.after


@dataclass
class Conductor:
    """One run over one plan."""

    plan: Plan
    estate_dir: Path
    access: Access
    limits: Limits
    movers: Mapping[str, type[Mover]]  # by kind
    say: Callable[[str], None]
    drill: Callable[[str], None] = lambda _point: None  # ends the controller at a named point, in a rehearsal
    run_id: str = field(default_factory=lambda: secrets.token_hex(4))
    connect: Callable[[Mapping[str, str], Access], Hosts] = Hosts
    board: Callable[[Host, tuple[Backend, ...]], Switchboard] = Switchboard
    today: Callable[[], str] = lambda: datetime.datetime.now(datetime.UTC).date().isoformat()
    _crossed: list[Section] = field(default_factory=list)

    # ------------------------------------------------------------- the order

    def work(self, wanted: Sequence[str], *, back: bool) -> list[list[Move]]:
        """The moves that are not where they shall be, wave by wave in the order in which they will be made. Reads only.

        Moves by hand are left out. Raises LotseError for an unknown move or one by hand, an open critical concern, or a plan without moves.
        """
        moves = {str(move["id"]): move for move in self.plan["moves"]}
        if not moves:
            raise LotseError("the plan moves nothing", str(self.estate_dir / "plan.yml"), "run the playbook plan")
        unknown = sorted(set(wanted) - set(moves))
        if unknown:
            raise LotseError(f"the plan has no move {', '.join(unknown)}", str(self.estate_dir / "plan.yml"), f"it has {', '.join(moves)}")
        by_hand = [name for name, move in moves.items() if move.get("mover") == HANDS]
        if asked := sorted(set(wanted) & set(by_hand)):
            remedy = "move it as its owner says; when it is done, declare it in plan_dropped_services and plan again"
            raise LotseError(f"{', '.join(asked)} is moved by hand: no mover knows its kind", str(self.estate_dir / "plan.yml"), remedy)
        chosen = set(wanted or moves) - set(by_hand)
        # Moves of one section are cut together or not at all.
        sections = {moves[name]["section"] for name in chosen}
        states = move_states(self.estate_dir)
        mine = {name for name, move in moves.items() if move["section"] in sections} - set(by_hand)
        waves = [[moves[name] for name in wave["moves"] if name in mine] for wave in self.plan["waves"]]
        open_waves = [[move for move in wave if self._is_open(states.get(str(move["id"]), "planned"), back)] for wave in waves]
        if not back:
            self._refuse_concerns()
        ordered = [list(reversed(wave)) for wave in reversed(open_waves)] if back else open_waves
        return [wave for wave in ordered if wave]

    @staticmethod
    def _is_open(state: str, back: bool) -> bool:
        """Whether there is something to do. What never began needs no way back."""
        if back:
            return State(state) not in {State.PLANNED, State.ROLLED_BACK}
        return State(state) is not State.COMMITTED

    def _refuse_concerns(self) -> None:
        open_concerns = [
            f"{concern['id']} on {concern['host']}"
            for concern in self.plan["concerns"]
            if concern["severity"] == "critical" and not concern.get("applied") and not self._waived(concern)
        ]
        if open_concerns:
            what = f"critical concerns are open: {', '.join(open_concerns)}"
            raise LotseError(what, str(self.estate_dir / "plan.yml"), "mend or waive them, then plan again")

    def _waived(self, concern: Mapping[str, Any]) -> bool:
        """Whether somebody waived it, and the waiver lasts until the end of this day. The plan may be older."""
        waiver = concern.get("waived") or {}
        return bool(waiver) and str(waiver.get("expires") or "9999") >= self.today()

    # --------------------------------------------------------------- the run

    async def conduct(self, wanted: Sequence[str], *, back: bool) -> list[Outcome]:
        """Moves, or takes back, and gives one outcome for each move that was open. Raises LotseError where it stops."""
        self.limits.check()
        waves = self.work(wanted, back=back)
        if hands := [str(move["id"]) for move in self.plan["moves"] if move.get("mover") == HANDS]:
            self.say(f"left out, for people move them by hand: {', '.join(hands)}")
        addresses = {name: str(host["address"]) for name, host in self.plan["legacy"].items()}
        addresses |= {str(guest["name"]): str(guest["address"]).split("/")[0] for guest in self.plan["guests"]}
        hosts = self.connect(addresses, self.access)
        outcomes: list[Outcome] = []
        try:
            # Everybody must be reachable before anything is touched.
            for name in sorted({str(move[side]) for wave in waves for move in wave for side in ("from", "to")}):
                await hosts.get(name)
            for number, wave in enumerate(waves, 1):
                outcomes += await self._wave(hosts, wave, f"wave {number} of {len(waves)}", back=back)
            await self._clean_up()
        finally:
            await hosts.close()
        return outcomes

    async def _clean_up(self) -> None:
        """The cutovers' timers have to end first, so this waits once for all and not in each wave."""
        if self._crossed:
            self.say("waiting for the dead-men's timers to end")
        for section in self._crossed:
            await section.finish()
        self._crossed.clear()

    async def _wave(self, hosts: Hosts, moves: Sequence[Move], title: str, *, back: bool) -> list[Outcome]:
        before = {move["id"]: Journal(self.estate_dir, str(move["id"]), self.run_id).state for move in moves}
        began = time.monotonic()

        def say(names: str, text: str) -> None:
            self.say(f"{title} · {names} · {text} · {time.monotonic() - began:.1f} s")

        sections = []
        for name, group in groupby(moves, key=lambda move: str(move["section"])):
            together = list(group)
            if await self._other_way_ended(hosts, name, together, back=back):
                sections.append(await self._section(hosts, name, together, back=back))
        pauses: dict[str, float | None] = {}
        ahead: list[Section] = []
        crossed: list[Section] = []
        for section in sections:
            section.say = partial(say, ", ".join(str(mover.context.move["id"]) for mover in section.movers))
            if back and section.lead.context.journal.state in NEVER_CUT:
                await self._leave(section)
            elif await self._resumed(section, back=back):
                crossed.append(section)
            else:
                ahead.append(section)
        await _all(self._bring_over(section, back=back) for section in ahead)
        for section in ahead:
            pauses |= await self._cut(section, back=back)
        for section in [*crossed, *ahead]:
            await self._commit(section, back=back)
        return [Outcome(str(move["id"]), str(move["kind"]), before[move["id"]], DONE[back], pauses.get(str(move["id"]))) for move in moves]

    async def _section(self, hosts: Hosts, name: str, moves: Sequence[Move], *, back: bool) -> Section:
        board = await self._switchboard(hosts)
        token = self._token(name, moves, back=back)
        movers = []
        for move in moves:
            journal = Journal(self.estate_dir, str(move["id"]), self.run_id)
            legacy, guest = await hosts.get(str(move["from"])), await hosts.get(str(move["to"]))
            source, target = (guest, legacy) if back else (legacy, guest)
            context = Context(move, self.plan, source, target, back, token, hosts, journal, self.estate_dir, self.say, board)
            movers.append(self._mover(context))
        kind = str(moves[0]["kind"])
        return Section(name, movers, board, self.limits, self.say, lambda point: self.drill(f"{kind}:{point}"))

    def _mover(self, context: Context) -> Mover:
        kind = str(context.move["kind"])
        if kind not in self.movers:
            raise LotseError(f"no mover knows the kind {kind}", str(context.move["id"]), f"it is one of {', '.join(sorted(self.movers))}")
        return self.movers[kind](context)

    async def _switchboard(self, hosts: Hosts) -> Switchboard | None:
        edge = self.plan.get("edge")
        if not edge:
            return None
        backends = tuple(Backend(str(row["name"]), str(row["server"])) for row in edge["backends"])
        return self.board(await hosts.get(str(edge["guest"])), backends)

    def _token(self, section: str, moves: Sequence[Move], *, back: bool) -> str:
        """The token of a cutover that an earlier run did not end, else a new one."""
        journal = Journal(self.estate_dir, str(moves[0]["id"]), self.run_id)
        last = last_cut(journal)
        if last is not None and last["event"] == "intent" and bool(last["data"]["back"]) == back:
            return str(last["data"]["token"])
        return self._new_token(section, back=back)

    # ------------------------------------------------------ one section's way

    async def _resumed(self, section: Section, *, back: bool) -> bool:
        """Goes on where an earlier run ended. True when the section is behind its cutover."""
        last = last_cut(section.lead.context.journal)
        if last is None or last["event"] == "failed" or bool(last["data"]["back"]) != back:
            return False
        if last["event"] == "intent" and not await self._recovered(section):
            return False
        if last["event"] == "result":
            for mover in section.movers:
                await mover.reopen()
        await self._settle(section, back=back)
        return True

    async def _recovered(self, section: Section) -> bool:
        """An earlier run died in the section: asks the fenced host what was decided, and makes it so."""
        committed = await section.recover()
        back = section.lead.context.back
        for mover in section.movers:
            data = {"back": back, "resumed": True, "decision": "commit" if committed else "lift"}
            mover.context.journal.write("result" if committed else "failed", "cut", data=data)
        if not committed:
            # A decided question is not asked twice: the next cutover has a name of its own.
            token = self._new_token(section.name, back=back)
            for mover in section.movers:
                mover.context.token = token
        return committed

    async def _settle(self, section: Section, *, back: bool) -> None:
        for mover in section.movers:
            if not back and mover.context.journal.state is not State.OBSERVING:
                mover.context.journal.to(State.OBSERVING)
        await section.settle()

    async def _other_way_ended(self, hosts: Hosts, name: str, moves: Sequence[Move], *, back: bool) -> bool:
        """Ends a cutover in the other direction whose controller died. False when the moves are then where they shall be."""
        journal = Journal(self.estate_dir, str(moves[0]["id"]), self.run_id)
        last = last_cut(journal)
        if last is not None and last["event"] == "intent" and bool(last["data"]["back"]) != back:
            section = await self._section(hosts, name, moves, back=not back)
            committed = await self._recovered(section)
            if committed:
                await self._settle(section, back=not back)
            if not back:
                self._enter(section, State.ROLLED_BACK if committed else State.COMMITTED)
            elif not committed:
                self._enter(section, State.FAILED)
            return self._is_open(str(section.lead.context.journal.state), back)
        if not back and journal.state is State.ROLLING_BACK:
            raise LotseError("its rollback did not end", journal.move, "run rollback again; then it may be migrated anew")
        return True

    async def _leave(self, section: Section) -> None:
        """Takes back what was prepared for a cutover that never came."""
        for mover in section.movers:
            await mover.abandon()
        self._enter(section, State.ROLLED_BACK)
        section.say("rolled back, nothing had been switched")

    def _new_token(self, section: str, *, back: bool) -> str:
        return f"{section}-{'back' if back else 'go'}-{secrets.token_hex(4)}"

    async def _bring_over(self, section: Section, *, back: bool) -> None:
        for mover in section.movers:
            mover.context.say = section.say
        if back:
            self._enter(section, State.ROLLING_BACK)
        else:
            self._enter(section, State.PREPARING)
        try:
            for mover in section.movers:
                await mover.prepare()
            if not back:
                self._enter(section, State.REPLICATING)
            section.say("replicating")
            for mover in section.movers:
                await mover.replicate()
            if not back:
                self._enter(section, State.READY)
        except BaseException as failure:
            self._fail(section, failure, back=back)
            raise

    async def _cut(self, section: Section, *, back: bool) -> dict[str, float | None]:
        if not back:
            self._enter(section, State.CUTTING)
        section.say("cutting over")
        try:
            figures = await section.cut()
        except BaseException as failure:
            self._fail(section, failure, back=back)
            raise
        pause = figures["write_pause_ms"]
        section.say("cut" if pause is None else f"cut, requests waited {pause:.0f} ms")
        await self._settle(section, back=back)
        return {str(mover.context.move["id"]): pause for mover in section.movers}

    async def _commit(self, section: Section, *, back: bool) -> None:
        section.say("observing")
        await section.observe()
        self._crossed.append(section)
        for mover in section.movers:
            mover.context.journal.to(DONE[back])
        section.say(str(DONE[back]).replace("_", " "))

    @staticmethod
    def _enter(section: Section, state: State) -> None:
        for mover in section.movers:
            mover.context.journal.to(state)

    @staticmethod
    def _fail(section: Section, failure: BaseException, *, back: bool) -> None:
        """Nothing of the section is left: the side that served before serves on. A decided commit stays open for the next run."""
        if isinstance(failure, DecidedError):
            return
        for mover in section.movers:
            mover.context.journal.to(State.COMMITTED if back else State.FAILED, because=f"{type(failure).__name__}: {failure}"[:500])


def last_cut(journal: Journal) -> dict[str, Any] | None:
    """The newest entry about a cutover since the move last entered CUTTING or ROLLING_BACK; None where no cutover has begun since.

    Its event is ``intent`` (the controller died in the section), ``failed`` (undone) or ``result`` (the other side serves).
    """
    for entry in reversed(journal.entries):
        if entry["step"] == "cut" and entry["event"] in {"intent", "failed", "result"}:
            return dict(entry)
        if entry["event"] == "state" and entry["step"] in {State.PREPARING, State.CUTTING, State.ROLLING_BACK, State.ROLLED_BACK, State.COMMITTED}:
            return None
    return None


async def _all(work: Iterable[Any]) -> None:
    """Waits for all; a failure is raised when every other one has ended."""
    ends = await asyncio.gather(*work, return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end
