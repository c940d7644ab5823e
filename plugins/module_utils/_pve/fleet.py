# SPDX-License-Identifier: GPL-3.0-or-later
"""Converges many guests in one go: observe all, plan all (pure), then carry the steps out side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from .agent import Agent
from .apply import ROUNDS, Gates, Hand, Vmids
from .diff import Do, State, Step, steps_for, steps_for_new, steps_to_remove
from .errors import UNKNOWN_END, AsleepError, PveError, RefusedError
from .gateway import Gateway
from .guest import DesiredGuest, ObservedGuest, Template, description, without_marks
from .hostkeys import HostKey, KnownHosts, generate
from .observe import Cluster, cluster, find_ours, in_parallel, observe, power
from .ready import Door, Ladder, WaitFor


@dataclass(frozen=True)
class Settings:
    """How to converge; times in seconds."""

    state: State = State.STARTED
    first_vmid: int = 100
    last_vmid: int = 999_999_999
    workers: int = 8
    per_template: int = 2
    per_node: int = 2
    task_timeout: float = 600
    ready_timeout: float = 180
    wait_for: WaitFor = WaitFor.AGENT
    max_destroys: int = 0
    keep_going: bool = False


@dataclass(frozen=True)
class GuestPlan:
    """What will be done to one guest. ``vmid`` of a guest that is to be made is the one that will be tried first."""

    desired: DesiredGuest
    observed: ObservedGuest | None
    template: Template | None
    vmid: int | None
    steps: tuple[Step, ...]


@dataclass
class GuestResult:
    """What was done to one guest."""

    name: str
    vmid: int | None
    node: str
    address: str | None
    steps: list[Step] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    error: str | None = None

    @property
    def changed(self) -> bool:
        return bool(self.steps)


class FleetError(PveError):
    """Some guests did not converge; ``results`` says how far each one came."""

    def __init__(self, results: Sequence[GuestResult]) -> None:
        self.results = tuple(results)
        failed = [result for result in results if result.error]
        lines = []
        for result in failed:
            done = f" (done before: {'; '.join(step.text for step in result.steps)})" if result.steps else ""
            lines.append(f"{result.name}: {result.error}{done}")
        super().__init__(lines[0] if len(lines) == 1 else f"{len(lines)} guests failed:" + "".join(f"\n  - {line}" for line in lines))


class Fleet:
    """One cluster and the way to work on it."""

    def __init__(
        self,
        gateway: Gateway,
        settings: Settings,
        *,
        known: KnownHosts | None = None,
        door: Door | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gateway = gateway
        self.settings = settings
        self.known = known
        self.door = door
        self._sleep = sleep
        self._clock = clock
        self._halt = threading.Event()

    # ------------------------------------------------------------------ plan

    def plan(self, desired: Sequence[DesiredGuest]) -> list[GuestPlan]:
        """The steps of every guest. Reads only. Raises RefusedError with all problems before anything is changed."""
        settings = self.settings
        seen = cluster(self.gateway)
        ours = find_ours(self.gateway, seen, desired, settings.workers)
        if settings.state is State.ABSENT:
            return self._plan_removal(desired, ours)
        ours = self._with_true_power(ours)
        templates = self._templates(seen, [guest for guest in desired if guest.name not in ours])
        vmids = Vmids(settings.first_vmid, settings.last_vmid, seen.vmids)
        plans: list[GuestPlan] = []
        problems: list[str] = []
        for guest in desired:
            try:
                plans.append(self._plan_one(guest, ours.get(guest.name), templates.get(guest.name), vmids))
            except RefusedError as refused:
                problems += refused.problems
        if problems:
            raise RefusedError(problems)
        return plans

    def _plan_one(self, guest: DesiredGuest, observed: ObservedGuest | None, template: Template | None, vmids: Vmids) -> GuestPlan:
        if observed is None:
            if template is None:
                raise RefusedError([f"guest {guest.name} does not exist and names no template to clone it from"])
            steps = steps_for_new(guest, template, self.settings.state)
            return GuestPlan(guest, None, template, vmids.take(), self._without_keys(steps))
        if observed.lock in ("clone", "create"):
            observed = Hand(self.gateway, guest, vmids, self._gates(), self.settings.task_timeout, self._sleep, self._clock).finished(observed.vmid)
        steps = self._without_keys(steps_for(observed, guest, self.settings.state, host_key_known=self._is_known(guest)))
        if steps and observed.lock:
            raise RefusedError([f"guest {guest.name}: VM {observed.vmid} is locked ({observed.lock}): wait until that is over"])
        return GuestPlan(guest, observed, None, observed.vmid, steps)

    def _plan_removal(self, desired: Sequence[DesiredGuest], ours: dict[str, ObservedGuest]) -> list[GuestPlan]:
        ours = self._with_true_power(ours)
        problems = [f"guest {name}: VM {guest.vmid} is protected" for name, guest in ours.items() if str(guest.config.get("protection", "0")) == "1"]
        if len(ours) > self.settings.max_destroys:
            problems.append(
                f"{len(ours)} guests would be destroyed ({', '.join(sorted(ours))}) and max_destroys is {self.settings.max_destroys}:"
                " raise it to confirm"
            )
        if problems:
            raise RefusedError(problems)
        found = [(guest, ours.get(guest.name)) for guest in desired]
        return [
            GuestPlan(guest, observed, None, observed.vmid if observed else None, steps_to_remove(observed) if observed else ())
            for guest, observed in found
        ]

    def _with_true_power(self, ours: dict[str, ObservedGuest]) -> dict[str, ObservedGuest]:
        """The cluster's list lags: ask the node about every guest that does not seem to run. PRESENT leaves power alone."""
        if self.settings.state is State.PRESENT:
            return ours
        asleep = [guest for guest in ours.values() if guest.status != "running" and guest.lock not in ("clone", "create")]
        states = in_parallel(lambda guest: power(self.gateway, guest), asleep, self.settings.workers)
        truth = {guest.vmid: state for guest, state in zip(asleep, states, strict=True)}
        return {name: replace(guest, status=truth.get(guest.vmid, guest.status)) for name, guest in ours.items()}

    def _templates(self, seen: Cluster, missing: Sequence[DesiredGuest]) -> dict[str, Template]:
        """The template of each guest that is to be made, with its configuration (one call for each template)."""
        found: dict[str, Template] = {}
        configs: dict[int, Template] = {}
        problems: list[str] = []
        for guest in missing:
            if guest.template is None:
                continue
            try:
                template = seen.template(guest.template, guest.node)
            except RefusedError as refused:
                problems += [f"guest {guest.name}: {problem}" for problem in refused.problems]
                continue
            if template.vmid not in configs:
                row = seen.row(template.vmid)
                assert row is not None  # noqa: S101 - the template came from these rows
                configs[template.vmid] = replace(template, config=observe(self.gateway, row).config)
            found[guest.name] = configs[template.vmid]
        if problems:
            raise RefusedError(problems)
        return found

    def _is_known(self, guest: DesiredGuest) -> bool:
        return self.known is None or guest.host is None or self.known.lookup(guest.host) is not None

    def _without_keys(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Without a file of known hosts nobody asked for host keys."""
        return steps if self.known is not None else tuple(step for step in steps if step.do is not Do.HOST_KEY)

    def _gates(self) -> Gates:
        return Gates(self.settings.per_template, self.settings.per_node)

    # ----------------------------------------------------------------- apply

    def apply(self, plans: Sequence[GuestPlan]) -> list[GuestResult]:
        """Carries the plans out. Raises FleetError when a guest failed; with Ctrl-C every guest ends its current step first."""
        planned = frozenset(plan.vmid for plan in plans if plan.vmid is not None and plan.observed is None)
        taken = cluster(self.gateway).vmids if planned else frozenset[int]()
        vmids = Vmids(self.settings.first_vmid, self.settings.last_vmid, taken, planned)
        gates = self._gates()
        results = [GuestResult(plan.desired.name, plan.vmid if plan.observed else None, plan.desired.node, plan.desired.host) for plan in plans]
        with ThreadPoolExecutor(max_workers=max(1, min(self.settings.workers, len(plans)))) as pool:
            futures = [pool.submit(self._one, plan, result, vmids, gates) for plan, result in zip(plans, results, strict=True)]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._halt.set()
                raise
        if any(result.error for result in results):
            raise FleetError(results)
        return results

    def _one(self, plan: GuestPlan, result: GuestResult, vmids: Vmids, gates: Gates) -> None:
        hand = Hand(self.gateway, plan.desired, vmids, gates, self.settings.task_timeout, self._sleep, self._clock, result.tasks)
        try:
            if plan.observed is not None:
                result.node = plan.observed.node
            if self.settings.state is State.ABSENT:
                self._remove(plan, result, hand)
            else:
                self._converge(plan, result, hand)
        except PveError as failure:
            result.error = str(failure)
            if not self.settings.keep_going:
                self._halt.set()

    def _step(self, step: Step, result: GuestResult, work: Callable[[], None]) -> None:
        if self._halt.is_set():
            raise PveError(f"stopped before '{step.text}', because another guest failed")
        begun = self._clock()
        work()
        result.steps.append(step)
        result.seconds[step.do] = round(result.seconds.get(step.do, 0) + self._clock() - begun, 3)

    def _remove(self, plan: GuestPlan, result: GuestResult, hand: Hand) -> None:
        observed = plan.observed
        if observed is not None:
            for step in plan.steps:
                self._step(step, result, lambda step=step: hand.carry_out(step, observed))  # type: ignore[misc]
        if self.known is not None and plan.desired.host is not None:
            self.known.forget([plan.desired.host, plan.desired.name])

    def _converge(self, plan: GuestPlan, result: GuestResult, hand: Hand) -> None:
        fresh: HostKey | None = None
        guest, steps = plan.observed, plan.steps
        if guest is None:
            fresh = self._key_for_clone(plan.desired)
            made: list[ObservedGuest] = []
            self._step(steps[0], result, lambda: made.append(hand.clone(steps[0], fresh.fingerprint if fresh else None, plan.vmid)))
            guest = made[0]
            result.vmid, result.node = guest.vmid, guest.node
            steps = self._steps_now(plan.desired, guest)
            if fresh is not None and guest.host_key != fresh.fingerprint:
                fresh = None  # another controller cloned it a moment before us
        guest = self._carry_out(steps, plan.desired, guest, result, hand)
        try:
            self._climb(plan.desired, guest, steps, result, hand, fresh)
        except AsleepError:
            guest = replace(guest, status="stopped")
            steps = self._steps_now(plan.desired, guest)
            guest = self._carry_out(steps, plan.desired, guest, result, hand)
            self._climb(plan.desired, guest, steps, result, hand, fresh)

    def _steps_now(self, desired: DesiredGuest, guest: ObservedGuest) -> tuple[Step, ...]:
        return self._without_keys(steps_for(guest, desired, self.settings.state, host_key_known=self._is_known(desired)))

    def _key_for_clone(self, desired: DesiredGuest) -> HostKey | None:
        """A key for a guest that does not exist yet; whatever was known of an earlier guest at this address is void."""
        if self.known is None or desired.host is None:
            return None
        self.known.forget([desired.host, desired.name])
        return generate()

    def _carry_out(
        self, steps: tuple[Step, ...], desired: DesiredGuest, guest: ObservedGuest, result: GuestResult, hand: Hand
    ) -> ObservedGuest:
        """Every step but the host key. A call with an unknown end is settled by looking again and planning anew."""
        for attempt in range(ROUNDS):
            try:
                for step in steps:
                    if step.do is not Do.HOST_KEY:
                        self._step(step, result, lambda step=step, guest=guest: hand.carry_out(step, guest))  # type: ignore[misc]
                break
            except UNKNOWN_END:
                if attempt + 1 == ROUNDS:
                    raise
                guest = hand.settle(guest)
                steps = self._steps_now(desired, guest)
        if guest.status == "running" and any(step.do is Do.CONFIG for step in result.steps):
            rows = self.gateway.get(f"nodes/{guest.node}/qemu/{guest.vmid}/pending")
            result.pending = sorted(str(row["key"]) for row in rows if "pending" in row or row.get("delete"))
        return guest

    # ----------------------------------------------------------------- ladder

    def _climb(
        self, desired: DesiredGuest, guest: ObservedGuest, steps: tuple[Step, ...], result: GuestResult, hand: Hand, fresh: HostKey | None
    ) -> None:
        """Up the readiness ladder. A guest to which nothing was done has only ssh to prove."""
        if self.settings.state is not State.STARTED:
            return
        agent = Agent(self.gateway, guest.node, guest.vmid, self._sleep)
        ladder = Ladder(desired, agent, self.known, self.door, self.settings.ready_timeout, self._sleep, self._clock)
        key_step = next((step for step in steps if step.do is Do.HOST_KEY), None)
        started = any(step.do is Do.START for step in result.steps)
        if not started:
            ladder.runs = lambda: power(self.gateway, guest) == "running"
        if key_step or (started and self.settings.wait_for >= WaitFor.AGENT):
            ladder.agent_answers()
            ladder.cloud_init_done()
            ladder.address_is_right()
            if key_step is None:
                ladder.host_key_is_known()
        if key_step is not None:
            self._step(key_step, result, lambda: self._give_key(ladder, guest, hand, fresh))
        if self.settings.wait_for >= WaitFor.SSH:
            ladder.ssh_works()
        result.seconds.update({f"ready: {rung}": seconds for rung, seconds in ladder.seconds.items()})

    def _give_key(self, ladder: Ladder, guest: ObservedGuest, hand: Hand, fresh: HostKey | None) -> None:
        """Installs or learns the key; a key that the description does not name yet is written there."""
        installed = ladder.host_key(fresh, guest.host_key)
        if installed is not None and guest.host_key != installed.fingerprint:
            text = without_marks(str(guest.config.get("description", "")))
            marked = description(ladder.guest.uuid, installed.fingerprint, text)
            hand.gateway.put(f"nodes/{guest.node}/qemu/{guest.vmid}/config", {"description": marked}, repeatable=True)
