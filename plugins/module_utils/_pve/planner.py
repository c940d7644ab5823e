# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a cluster and says what has to be done to each guest of a fleet. Reads only."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from .diff import Do, State, Step, Words, steps_for, steps_for_new, steps_to_remove
from .errors import PveError, RefusedError
from .gateway import Gateway
from .guest import DesiredGuest, ObservedGuest, Template
from .ha import HaView, read_ha
from .hostkeys import KnownHosts
from .limits import Vmids
from .observe import Cluster, cluster, find_ours, in_parallel, node_problems, observe, power
from .results import GuestPlan, Placement, Settings

HALF_MADE = ("clone", "create")
Ours = dict[str, ObservedGuest]


@dataclass
class Planner:
    """One cluster, and what is wanted of it."""

    gateway: Gateway
    settings: Settings
    known: KnownHosts | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    ha: HaView = field(default_factory=HaView)
    notes: tuple[str, ...] = ()  # of the placement, for people
    _known_names: frozenset[str] = frozenset()

    def plan(self, desired: Sequence[DesiredGuest], finished: Callable[[DesiredGuest, int], ObservedGuest]) -> list[GuestPlan]:
        """The steps of every guest. Raises RefusedError with all problems before anything is changed. ``finished`` waits for a half-made guest."""
        seen, ours = self._observe(desired)
        desired = self._placed(desired, ours)
        if any(guest.ha is not None for guest in desired):
            self.ha = read_ha(self.gateway)
        self._known_names = self.known.names() if self.known is not None else frozenset()
        problems = [*self._removal_problems(desired, ours), *self._node_problems(desired, ours)]
        missing = [guest for guest in desired if guest.name not in ours and self.state_of(guest) is not State.ABSENT]
        templates = self._templates(seen, missing, problems)
        vmids = Vmids(self.settings.first_vmid, self.settings.last_vmid, seen.vmids)
        plans: list[GuestPlan] = []
        for guest in desired:
            observed = ours.get(guest.name)
            try:
                if self.state_of(guest) is State.ABSENT:
                    plans.append(self._plan_removal(guest, observed))
                elif observed is None:
                    template = templates.get(guest.name)
                    if template is not None or guest.template is None:  # else its problem is told already
                        plans.append(GuestPlan(guest, None, template, vmids.take(), self._steps_for_new(guest, template)))
                else:
                    plans.append(self._plan_existing(guest, observed, finished))
            except RefusedError as refused:
                problems += refused.problems
        if problems:
            raise RefusedError(problems)
        return plans

    def state_of(self, guest: DesiredGuest) -> State:
        return self.settings.state if guest.state is None else State(guest.state)

    def _placed(self, desired: Sequence[DesiredGuest], ours: Ours) -> Sequence[DesiredGuest]:
        """Guests that state no node get one. With ``migrate`` and rules those that break one get another."""
        rules, wanted = self.settings.placement, [guest for guest in desired if self.state_of(guest) is not State.ABSENT]
        migrate = self.settings.migrate and rules is not None
        if not migrate and all(guest.node or guest.name in ours for guest in wanted):
            return desired
        from .placing import Place  # here, because the solver takes its time to load and most runs need none

        placed = Place(self.gateway, rules or Placement(), migrate, self.settings.workers).guests(wanted, ours)
        self.notes = placed.notes
        return [replace(guest, node=placed.nodes.get(guest.name, guest.node)) for guest in desired]

    # ------------------------------------------------------------- observing

    def _observe(self, desired: Sequence[DesiredGuest]) -> tuple[Cluster, Ours]:
        seen = cluster(self.gateway)
        ours = find_ours(self.gateway, seen, desired, self.settings.workers)
        if len(ours) < len(desired) and self._creations_ended(seen):
            seen = cluster(self.gateway)
            ours = find_ours(self.gateway, seen, desired, self.settings.workers)
        return seen, self._with_true_power(desired, ours)

    def _creations_ended(self, seen: Cluster) -> bool:
        """What is just being created carries no mark yet: waits until no such task runs. Whether there was one."""
        unnamed = {str(row["vmid"]) for row in seen.machines() if row.get("lock") == "create"}
        deadline = self.clock() + self.settings.task_timeout
        waited = False
        while unnamed:
            running = [row for row in self.gateway.get("cluster/tasks") if row.get("type") == "qmcreate" and "endtime" not in row]
            unnamed &= {str(row.get("id")) for row in running}
            if unnamed and self.clock() > deadline:
                raise PveError(f"VM {', '.join(sorted(unnamed))} is being created for more than {self.settings.task_timeout:.0f} s: see whose it is")
            if unnamed:
                self.sleep(1)
            waited = True
        return waited

    def _with_true_power(self, desired: Sequence[DesiredGuest], ours: Ours) -> Ours:
        """The cluster's list lags: where it says that a guest has to be started, stopped or removed, the guest's node is asked."""
        doubtful = []
        for guest in desired:
            observed, state = ours.get(guest.name), self.state_of(guest)
            if observed is None or observed.lock in HALF_MADE or state is State.PRESENT:
                continue
            wanted = {State.STARTED: "running", State.ABSENT: "running"}.get(state, "stopped")
            if observed.status != wanted:
                doubtful.append(observed)
        states = in_parallel(lambda guest: power(self.gateway, guest), doubtful, self.settings.workers)
        truth = {guest.vmid: state for guest, state in zip(doubtful, states, strict=True)}
        return {name: replace(guest, status=truth.get(guest.vmid, guest.status)) for name, guest in ours.items()}

    def _templates(self, seen: Cluster, missing: Sequence[DesiredGuest], problems: list[str]) -> dict[str, Template]:
        """The template of each guest that is to be cloned, with its configuration (one call for each template)."""
        chosen: dict[str, Template] = {}
        for guest in missing:
            if guest.template is None:
                continue
            try:
                chosen[guest.name] = seen.template(guest.template, guest.node)
            except RefusedError as refused:
                problems += [f"guest {guest.name}: {problem}" for problem in refused.problems]
        wanted = sorted({template.vmid for template in chosen.values()})
        rows = [row for row in map(seen.row, wanted) if row is not None]
        configs = dict(zip(wanted, in_parallel(lambda row: observe(self.gateway, row).config, rows, self.settings.workers), strict=True))
        return {name: replace(template, config=configs[template.vmid]) for name, template in chosen.items()}

    # -------------------------------------------------------------- planning

    def _plan_existing(self, guest: DesiredGuest, observed: ObservedGuest, finished: Callable[[DesiredGuest, int], ObservedGuest]) -> GuestPlan:
        if observed.lock in HALF_MADE:
            observed = finished(guest, observed.vmid)
        steps = self.steps(guest, observed)
        if steps and observed.lock:
            raise RefusedError([f"guest {guest.name}: VM {observed.vmid} is locked ({observed.lock}): wait until that is over"])
        return GuestPlan(guest, observed, None, observed.vmid, steps)

    def steps(self, guest: DesiredGuest, observed: ObservedGuest) -> tuple[Step, ...]:
        """What is left to do to a guest that exists."""
        known = self.known is None or self.is_known(guest)
        ha = self.ha.of(observed.vmid, guest.name)
        return self._without_keys(steps_for(observed, guest, self.state_of(guest), host_key_known=known, ha=ha, words=self._words))

    def _steps_for_new(self, guest: DesiredGuest, template: Template | None) -> tuple[Step, ...]:
        return self._without_keys(steps_for_new(guest, template, self.state_of(guest), self._words))

    @property
    def _words(self) -> Words:
        return Words(self.settings.allow_reboot, self.settings.purge_disks, self.settings.migrate)

    def _without_keys(self, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        """Without a file of known hosts nobody asked for host keys."""
        return steps if self.known is not None else tuple(step for step in steps if step.do is not Do.HOST_KEY)

    def is_known(self, guest: DesiredGuest) -> bool:
        return (guest.host or guest.name) in self._known_names

    def _node_problems(self, desired: Sequence[DesiredGuest], ours: Ours) -> list[str]:
        """Asked only when a guest is to be made or moved: one that exists is accepted where it is."""
        wanted: dict[str, list[str]] = defaultdict(list)
        for guest in desired:
            observed = ours.get(guest.name)
            moves = self.settings.migrate and observed is not None and observed.node != guest.node
            if guest.node and self.state_of(guest) is not State.ABSENT and (observed is None or moves):
                wanted[guest.node].append(guest.name)
        return node_problems(self.gateway, wanted) if wanted else []

    # -------------------------------------------------------------- removing

    def _removal_problems(self, desired: Sequence[DesiredGuest], ours: Ours) -> list[str]:
        there = [ours[guest.name] for guest in desired if self.state_of(guest) is State.ABSENT and guest.name in ours]
        problems = [f"guest {guest.name}: VM {guest.vmid} is protected" for guest in there if guest.protected]
        problems += [f"guest {guest.name}: VM {guest.vmid} carries no mark: it is not destroyed" for guest in there if guest.mark is None]
        if len(there) > self.settings.max_destroys:
            names = ", ".join(sorted(guest.name for guest in there))
            problems.append(f"{len(there)} guests would be destroyed ({names}) and max_destroys is {self.settings.max_destroys}: raise it to confirm")
        return problems

    @staticmethod
    def _plan_removal(guest: DesiredGuest, observed: ObservedGuest | None) -> GuestPlan:
        return GuestPlan(guest, observed, None, observed.vmid if observed else None, steps_to_remove(observed) if observed else ())
