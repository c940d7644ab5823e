# SPDX-License-Identifier: GPL-3.0-or-later
"""How a fleet is to be converged, what shall be done to each guest, and what was done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .diff import State, Step
from .errors import PveError
from .guest import DesiredGuest, ObservedGuest, Template
from .ready import WaitFor


@dataclass(frozen=True)
class Placement:
    """What is promised of guests that state no node, and how full nodes may be."""

    spare_nodes: int = 0
    spare_domains: int = 0
    memory_reserve_mib: int = 2048
    cpu_overcommit: float = 4.0
    anti_affinity: tuple[str, ...] = ()
    failure_domains: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """How to converge; times in seconds."""

    state: State = State.STARTED  # of guests that state none of their own
    first_vmid: int = 100
    last_vmid: int = 999_999_999
    workers: int = 16
    per_template: int = 4
    per_node: int = 4
    per_storage: int = 4
    task_timeout: float = 600
    ready_timeout: float = 180
    wait_for: WaitFor = WaitFor.AGENT
    cidrs: tuple[str, ...] = ()
    allow_reboot: bool = False
    purge_disks: bool = False
    migrate: bool = False
    placement: Placement | None = None  # None: no promises
    max_destroys: int = 0
    keep_going: bool = False

    @property
    def limits(self) -> dict[str, int]:
        return {"template": self.per_template, "node": self.per_node, "storage": self.per_storage}


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
    """What was done to one guest. ``pending``: keys of its configuration that wait for its next start."""

    name: str
    vmid: int | None
    node: str | None
    address: str | None
    addresses: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    tasks: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    error: str | None = None
    failure: PveError | None = None  # what ``error`` is the text of

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
