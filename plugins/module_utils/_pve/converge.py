# SPDX-License-Identifier: GPL-3.0-or-later
"""One guest's way from its plan to its result: make it, carry its steps out, take it up the readiness ladder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from .agent import Agent
from .apply import ROUNDS, Hand
from .diff import Do, State, Step, steps_to_remove
from .errors import UNKNOWN_END, AsleepError, DigestMismatchError, GuestMissingError, PveError, TaskStaleError
from .guest import ObservedGuest
from .hostkeys import HostKey, generate
from .make import Maker
from .observe import cluster, power
from .planner import Planner
from .ready import Door, Ladder, WaitFor
from .results import GuestPlan, GuestResult
from .values import MAC, addresses_in, properties

MAKES = (Do.CLONE, Do.CREATE)
WAKES = (Do.START, Do.REBOOT)


@dataclass
class Way:
    """One guest. What was done is written into ``result`` as soon as it is done."""

    plan: GuestPlan
    result: GuestResult
    hand: Hand
    maker: Maker
    planner: Planner
    door: Door | None = None
    clock: Callable[[], float] = time.monotonic
    addresses: tuple[str, ...] = ()

    def go(self) -> None:
        """Raises PveError where the guest did not get any further."""
        if self.plan.observed is not None:
            self.hand.guest = self.plan.observed
        try:
            if self.planner.state_of(self.plan.desired) is State.ABSENT:
                self._remove()
            else:
                self._converge()
        finally:
            self._tell()

    def _tell(self) -> None:
        guest = getattr(self.hand, "guest", None)
        if guest is None:
            return
        self.result.vmid, self.result.node = guest.vmid, guest.node
        self.result.pending = sorted(guest.pending) if guest.status == "running" else []
        self.result.addresses = list(self.addresses) or addresses_in(guest.config)

    def _take(self, step: Step, work: Callable[[], object]) -> None:
        """Records the step and its time; one whose work says False was not done."""
        self.hand.halt.check(step.text)
        begun = self.clock()
        if work() is not False:
            self.result.steps.append(step)
        self.result.seconds[step.do] = round(self.result.seconds.get(step.do, 0) + self.clock() - begun, 3)

    def _steps_now(self) -> tuple[Step, ...]:
        """What is left. HA is read once in a run, so what was written to it since counts as done."""
        managed = any(step.do is Do.HA for step in self.result.steps)
        return tuple(step for step in self.planner.steps(self.plan.desired, self.hand.guest) if not (managed and step.do is Do.HA))

    # ------------------------------------------------------------- removing

    def _remove(self) -> None:
        desired, known = self.plan.desired, self.planner.known
        steps = self.plan.steps
        for attempt in range(ROUNDS):
            try:
                for step in steps:
                    self._take(step, lambda step=step: self.hand.carry_out(step))  # type: ignore[misc]
                break
            except UNKNOWN_END:
                if attempt + 1 == ROUNDS:
                    raise
                left = self._what_is_left()
                if left is None:
                    self.result.steps.append(step)
                    break
                self.hand.guest, steps = left, steps_to_remove(left)
        if known is not None:
            known.forget([name for name in (desired.host, desired.name) if name])

    def _what_is_left(self) -> ObservedGuest | None:
        """The guest after a call to destroy it whose end is not known; None once it is gone."""
        vmid = self.hand.guest.vmid
        row = cluster(self.hand.gateway).row(vmid)
        if row is None:
            return None
        try:
            left = self.hand.settle()
        except GuestMissingError:
            return None
        return left if left.mark == self.plan.desired.uuid else None

    # ------------------------------------------------------------ converging

    def _converge(self) -> None:
        steps, fresh = self.plan.steps, None
        if self.plan.observed is None:
            first, fresh = steps[0], self._key_for_new()
            self._take(first, lambda: self.maker.make(first, fresh.fingerprint if fresh else None, self.plan.vmid))
            steps = self._steps_now()
            if fresh is not None and self.hand.guest.host_key != fresh.fingerprint:
                fresh = None  # another controller made it a moment before us
        self._carry_out(steps)
        try:
            self._climb(fresh)
        except AsleepError:
            self.hand.guest = replace(self.hand.guest, status="stopped")
            self._carry_out(self._steps_now())
            self._climb(fresh)

    def _key_for_new(self) -> HostKey | None:
        """A key for a guest that does not exist yet; whatever was known of an earlier guest at this address is void."""
        known, desired = self.planner.known, self.plan.desired
        if known is None:
            return None
        known.forget([name for name in (desired.host, desired.name) if name])
        return generate()

    def _carry_out(self, steps: tuple[Step, ...]) -> None:
        """Every step but the host key. A call with an unknown end is settled by looking again and planning anew."""
        for attempt in range(ROUNDS):
            try:
                for step in steps:
                    if step.do not in (Do.HOST_KEY, Do.REBOOT):
                        self._take(step, lambda step=step: self.hand.carry_out(step))  # type: ignore[misc]
                break
            except UNKNOWN_END as failure:
                if attempt + 1 == ROUNDS:
                    raise
                self.hand.settle()
                steps = self._left_of(steps, step, refused=isinstance(failure, DigestMismatchError | TaskStaleError))
        if self.hand.unread:
            self.hand.refresh()
        self._reboot()

    def _left_of(self, steps: tuple[Step, ...], lost: Step, *, refused: bool) -> tuple[Step, ...]:
        """The steps that are left after ``lost``, which was done after all if it is not among them (unless it was refused)."""
        left = self._steps_now()
        if not refused and all(step.do is not lost.do for step in left):
            self.result.steps.append(lost)
        purges = [step for step in steps if step.do is Do.PURGE and step not in self.result.steps]
        if not purges or any(step.do is Do.PURGE for step in left):
            return left
        at = next((at for at, step in enumerate(left) if list(Do).index(step.do) > list(Do).index(Do.PURGE)), len(left))
        return (*left[:at], *purges, *left[at:])  # what is detached already is not in the configuration any more

    def _reboot(self) -> None:
        """Only for changes that really wait, and once."""
        step = next((step for step in self._steps_now() if step.do is Do.REBOOT), None) if self.hand.guest.pending else None
        if step is None:
            return
        try:
            self._take(step, lambda: self.hand.carry_out(step))
        except UNKNOWN_END:
            if self.hand.settle().pending:
                raise
            self.result.steps.append(step)
        if left := sorted(self.hand.refresh().pending):
            raise PveError(f"guest {self.plan.desired.name}: {', '.join(left)} still wait after the reboot")

    # ----------------------------------------------------------------- ladder

    def _climb(self, fresh: HostKey | None) -> None:
        """Up the readiness ladder. A guest to which nothing was done has only ssh to prove."""
        desired, settings = self.plan.desired, self.planner.settings
        if self.planner.state_of(desired) is not State.STARTED:
            return
        key_step = next((step for step in self._steps_now() if step.do is Do.HOST_KEY), None)
        woken = any(step.do in WAKES for step in self.result.steps)
        ladder = self._ladder(woken)
        if key_step or (woken and settings.wait_for >= WaitFor.AGENT):
            ladder.agent_answers()
            ladder.cloud_init_done()
            ladder.address_is_right()
            if key_step is None:
                ladder.host_key_is_known()
        elif ladder.host is None and settings.wait_for >= WaitFor.SSH and self.door is not None:
            ladder.address_is_right()
        if key_step is not None:
            self._take(key_step, lambda: self._give_key(ladder, fresh))
        if settings.wait_for >= WaitFor.SSH:
            ladder.ssh_works()
        self.addresses = tuple(ladder.addresses)
        self.result.address = ladder.host
        self.result.seconds.update({f"ready: {rung}": seconds for rung, seconds in ladder.seconds.items()})

    def _ladder(self, woken: bool) -> Ladder:
        hand, guest, settings = self.hand, self.hand.guest, self.planner.settings
        macs = [value.lower() for value in properties(str(guest.config.get("net0", ""))).values() if MAC.fullmatch(value)]
        ladder = Ladder(
            self.plan.desired, Agent(hand.gateway, guest.node, guest.vmid, self._nap), self.planner.known, self.door, settings.ready_timeout,
            self._nap, self.clock, settings.cidrs, frozenset(macs),
        )  # fmt: skip
        if not woken:
            ladder.runs = lambda: power(hand.gateway, guest) == "running"
        return ladder

    def _nap(self, seconds: float) -> None:
        """Waiting for a guest to get ready changes nothing, so it ends at once when the others are stopped."""
        self.hand.halt.check("it was ready")
        self.hand.sleep(seconds)

    def _give_key(self, ladder: Ladder, fresh: HostKey | None) -> None:
        """Installs or learns the key; a key that the description does not name yet is written there."""
        installed = ladder.host_key(fresh, self.hand.guest.host_key)
        for attempt in range(ROUNDS if installed is not None else 0):
            try:
                self.hand.mark_host_key(installed.fingerprint)  # type: ignore[union-attr]
                break
            except UNKNOWN_END:
                if attempt + 1 == ROUNDS:
                    raise
                self.hand.settle()
