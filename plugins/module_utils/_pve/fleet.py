# SPDX-License-Identifier: GPL-3.0-or-later
"""Converges many guests in one go: observe all, plan all (pure), then carry the steps out side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from .apply import Hand
from .converge import Way
from .errors import PveError
from .gateway import Gateway
from .guest import DesiredGuest, ObservedGuest
from .ha import HaWriter
from .hostkeys import KnownHosts
from .limits import Gates, Halt, Vmids
from .make import Maker
from .observe import cluster
from .planner import Planner
from .ready import Door
from .results import FleetError, GuestPlan, GuestResult, Settings

__all__ = ["Fleet", "FleetError", "GuestPlan", "GuestResult", "Settings"]


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
        self.door = door
        self._sleep = sleep
        self._clock = clock
        self._halt = Halt()
        self._gates = Gates(settings.limits)
        self._planner = Planner(gateway, settings, known, sleep, clock)

    def plan(self, desired: Sequence[DesiredGuest]) -> list[GuestPlan]:
        """The steps of every guest. Reads only. Raises RefusedError with all problems before anything is changed."""
        return self._planner.plan(desired, self._finished)

    @property
    def notes(self) -> tuple[str, ...]:
        """What people should know of the placement, once it is planned."""
        return self._planner.notes

    def _finished(self, desired: DesiredGuest, vmid: int) -> ObservedGuest:
        return self.hand(desired, []).finished(vmid)

    def hand(self, desired: DesiredGuest, tasks: list[str]) -> Hand:
        """For one guest; ``tasks`` gets the UPIDs."""
        settings = self.settings
        return Hand(
            self.gateway, desired, self._gates, self._halt, settings.task_timeout, settings.ready_timeout,
            HaWriter(self.gateway, self._planner.ha), self._sleep, self._clock, tasks,
        )  # fmt: skip

    def apply(self, plans: Sequence[GuestPlan]) -> list[GuestResult]:
        """Carries the plans out. Raises FleetError when a guest did not converge.

        With Ctrl-C every guest ends its current step, and with a second one nobody waits for tasks that run on in the cluster.
        """
        planned = frozenset(plan.vmid for plan in plans if plan.vmid is not None and plan.observed is None)
        taken = cluster(self.gateway).vmids if planned else frozenset[int]()
        vmids = Vmids(self.settings.first_vmid, self.settings.last_vmid, taken, planned)
        results = [
            GuestResult(plan.desired.name, plan.vmid if plan.observed else None, plan.observed.node if plan.observed else plan.desired.node,
                        plan.desired.host)
            for plan in plans
        ]  # fmt: skip
        with ThreadPoolExecutor(max_workers=max(1, min(self.settings.workers, len(plans)))) as pool:
            self._wait([pool.submit(self._one, plan, result, vmids) for plan, result in zip(plans, results, strict=True)])
        if any(result.error for result in results):
            raise FleetError(results)
        return results

    def _wait(self, futures: Sequence[Future[None]]) -> None:
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt:
            self._halt.begin("the run was interrupted")
            try:
                wait(futures)
            except KeyboardInterrupt:
                self._halt.leave()
                wait(futures)
        for future in futures:
            if future.done() and future.exception() is not None:
                self._halt.begin("the run ended")
                future.result()

    def _one(self, plan: GuestPlan, result: GuestResult, vmids: Vmids) -> None:
        hand = self.hand(plan.desired, result.tasks)
        try:
            Way(plan, result, hand, Maker(hand, vmids), self._planner, self.door, self._clock).go()
        except PveError as failure:
            result.error, result.failure = str(failure), failure
            if not self.settings.keep_going:
                self._halt.begin("another guest failed")
