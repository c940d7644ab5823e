# SPDX-License-Identifier: GPL-3.0-or-later
"""The Proxmox layer's rows. Each function is one line of the demands' table and gives one or more rows."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.pve.fixture import ROOT

from . import ours, peer, seed
from .playbook import Run, Workplace, must_have_worked, paths
from .report import Row, at_most, faster, near_floor, shown
from .server import TASK_SECONDS, seconds_of, serving

WORKERS = 16  # pve_fleet's default


@dataclass(frozen=True)
class Scale:
    """How many guests each row works on, and how often it is measured."""

    runs: int = 3
    no_op: int = 200
    no_op_peer: int = 20
    first: int = 50
    first_peer: int = 5
    listed: int = 5000
    facts: int = 500
    memory: int = 5000
    placed: int = 1000
    nodes: int = 40


QUICK = Scale(runs=1, no_op=20, no_op_peer=2, first=8, first_peer=1, listed=200, facts=50, memory=200, placed=250, nodes=20)


class Bench:
    """What the rows share: the state that is multiplied, a place for files, and progress for the one who waits."""

    def __init__(self, scale: Scale, directory: Path, say: Callable[[str], None]) -> None:
        self.scale = scale
        self.directory = directory
        self.say = say
        self._pattern: dict[str, Any] | None = None

    @property
    def pattern(self) -> dict[str, Any]:
        """The state of a cluster in which our module made one guest, and found nothing to do in a second run."""
        if self._pattern is None:
            with self.served(None, latency_ms=0) as work:
                path = ours.playbook(work, [seed.row(0)])
                must_have_worked(work.playbook(path), "making the first guest")
                again = must_have_worked(work.playbook(path), "the second run")
                if again.outcomes.get("changed"):
                    raise RuntimeError(f"the second run on one guest changed something:\n{again.output}")
                self._pattern = work.pve.state()
        return self._pattern

    @contextmanager
    def served(self, guests: int | None, **options: Any) -> Iterator[Workplace]:
        """A server with this many guests (None: the lab's cluster as nobody has used it), and a place to work."""
        state = None if guests is None else seed.multiplied(self.pattern, guests)
        with serving(state, **options) as pve, tempfile.TemporaryDirectory(dir=self.directory) as name:
            yield Workplace(Path(name), pve)

    def measured(self, what: str, work: Callable[[], Run], runs: int | None = None) -> list[Run]:
        found = []
        for number in range(runs or self.scale.runs):
            run = work()
            found.append(run)
            self.say(f"{what}, run {number + 1}: {run.seconds:.1f} s, {len(run.calls)} calls, {len(run.module_peaks_mib)} module processes")
        self.say(f"  {paths(found[-1].calls)}")
        return found


def seconds(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def calls(runs: Sequence[Run]) -> int:
    return max(len(run.calls) for run in runs)


def processes(runs: Sequence[Run]) -> int:
    return max(len(run.module_peaks_mib) for run in runs)


def changed(runs: Sequence[Run]) -> int:
    return max(run.outcomes.get("changed", 0) for run in runs)


def no_op(bench: Bench) -> list[Row]:
    """Nothing to change, for anybody: the guests are what both sides' files say."""
    count, few = bench.scale.no_op, bench.scale.no_op_peer
    guests = [seed.row(number) for number in range(count)]
    with bench.served(count) as work:
        call = seconds_of(work.pve, f"nodes/pve1/qemu/{seed.FIRST_VMID}/pending")
        path = ours.playbook(work, guests)
        own = bench.measured(f"no-op of {count} guests, ours", lambda: must_have_worked(work.playbook(path), "our no-op"))
        loop = peer.playbook(work, guests[:few])
        theirs = bench.measured(f"no-op of {few} guests, peer", lambda: must_have_worked(work.playbook(loop), "the peer's no-op"))
    floor, name = (1 + count / WORKERS) * call / count, f"no-op of {count} guests"
    return [
        faster(name, "s a guest", seconds(own) / count, seconds(theirs) / few, times=100, floor=floor),
        at_most(f"{name}: API calls", "calls", calls(own), 1 + count + 5, peer=calls(theirs) / few * count, floor=1 + count),
        at_most(f"{name}: module processes", "processes", processes(own), 1, peer=processes(theirs) / few * count, floor=1),
        at_most(f"{name}: tasks that say changed", "tasks", changed(own), 0, peer=changed(theirs)),
    ]


def first_converge(bench: Bench) -> list[Row]:
    """From nothing to running guests; a fresh cluster for each run."""
    count, few = bench.scale.first, bench.scale.first_peer

    def run(guests: list[dict[str, Any]], playbook: Callable[[Workplace, list[dict[str, Any]]], Path]) -> Run:
        with bench.served(None, task_seconds=TASK_SECONDS) as work:
            return work.playbook(playbook(work, guests))

    own = bench.measured(
        f"first converge of {count} guests, ours",
        lambda: must_have_worked(run([seed.row(number) for number in range(count)], ours.playbook), "our first converge"),
    )
    theirs = bench.measured(f"first converge of {few} guests, peer", lambda: run([seed.row(number) for number in range(few)], peer.playbook))
    failed = [result for result in theirs if result.returncode]
    for result in failed:
        bench.say(f"the peer's loop failed:\n{result.output[-1500:]}")
    floor, name = 3 * TASK_SECONDS / WORKERS, f"first converge of {count} guests"
    return [
        faster(name, "s a guest", seconds(own) / count, seconds(theirs) / few, times=10, floor=floor),
        at_most(f"{name}: lock errors", "errors", max(result.lock_errors for result in own), 0, peer=max(result.lock_errors for result in theirs)),
        at_most(f"{name}: runs that failed", "runs", sum(bool(result.returncode) for result in own), 0, peer=len(failed)),
    ]


def plain_inventory(bench: Bench) -> list[Row]:
    """Names, groups and states of all guests, no more."""
    count = bench.scale.listed
    with bench.served(count) as work:
        one = work.write("one.yml", {"all": {"hosts": {"localhost": {}}}})
        mine = ours.inventory(work, guest_tag="", group_by=["node", "pool", "tag", "status"])
        other = peer.inventory(work)
        start = bench.measured("Ansible's start, one host in a file", lambda: must_have_worked(work.hosts(one), "listing one host"))
        fetch = seconds_of(work.pve, "cluster/resources?type=vm", times=bench.scale.runs)
        bench.say(f"fetching and parsing {count} guests: {fetch:.2f} s")
        own = bench.measured(f"inventory of {count} guests, ours", lambda: must_have_worked(work.hosts(mine), "our inventory"))
        theirs = bench.measured(f"inventory of {count} guests, peer", lambda: must_have_worked(work.hosts(other), "the peer's inventory"))
        printed = bench.measured(f"{count} guests printed, ours", lambda: must_have_worked(work.inventory(mine), "our inventory"))
        print_one = bench.measured("one host printed", lambda: must_have_worked(work.inventory(one), "printing one host"))
    name = f"inventory of {count:,} guests"
    return [
        near_floor(name, "s", seconds(own), fetch + seconds(start), times=1.5, peer=seconds(theirs)),
        at_most(f"{name}: API calls", "calls", calls(own), 3, peer=calls(theirs), floor=1),
        shown(f"{name}: printed with all variables", "s", seconds(printed), floor=fetch + seconds(print_one)),
    ]


def facts_inventory(bench: Bench) -> list[Row]:
    """Addresses and configurations of all guests."""
    count = bench.scale.facts
    with bench.served(count) as work:
        call = seconds_of(work.pve, f"nodes/pve1/qemu/{seed.FIRST_VMID}/config")
        mine, other = ours.inventory(work, want_facts=True), peer.inventory(work, want_facts=True)
        own = bench.measured(f"inventory of {count} guests with facts, ours", lambda: must_have_worked(work.inventory(mine), "our inventory"))
        theirs = bench.measured(f"inventory of {count} guests with facts, peer", lambda: must_have_worked(work.inventory(other), "the peer's"))
    name = f"inventory of {count} guests with addresses and config"
    return [
        faster(name, "s", seconds(own), seconds(theirs), times=8, floor=count / WORKERS * call),
        at_most(f"{name}: API calls", "calls a guest beside the list", (calls(own) - 1) / count, 2, peer=calls(theirs) / count, floor=1),
    ]


def memory(bench: Bench) -> list[Row]:
    """A converge of many guests with nothing to change, all of which are in the result."""
    count = bench.scale.memory
    with bench.served(count, latency_ms=0) as work:
        path = ours.playbook(work, [seed.row(number) for number in range(count)])
        own = bench.measured(f"converge of {count} guests, ours", lambda: must_have_worked(work.playbook(path), "the large converge"), runs=1)
        idle = work.write("idle.yml", [{**ours.PLAY, "vars_files": [str(ours.variables(work))], "tasks": [ours.IDLE]}])
        only = bench.measured("the same rows, nothing done", lambda: must_have_worked(work.playbook(idle), "the idle playbook"), runs=1)
    name = f"memory of a converge of {count:,} guests"
    return [
        at_most(name, "MiB", own[0].module_peaks_mib[0], 400),
        shown(f"{name}: Ansible's own", "MiB", own[0].peak_mib, floor=only[0].peak_mib),
    ]


def placement(bench: Bench) -> list[Row]:
    """The library in a process of its own, first on nodes without guests, then on what it has placed."""
    count, nodes = bench.scale.placed, bench.scale.nodes
    results = []
    for number in range(bench.scale.runs):
        command = [sys.executable, "-m", "tests.bench.placement", str(count), str(nodes)]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / '.collections'}:{ROOT}"}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, text=True, stdout=subprocess.PIPE)
        results.append(json.loads(done.stdout))
        bench.say(f"placement of {count} guests on {nodes} nodes, run {number + 1}: {results[-1]}")
    unproven = sum(not result["spare_proven"] for result in results)
    name = f"placement of {count:,} guests on {nodes} nodes"
    return [
        at_most(name, "s", statistics.median(result["seconds"] for result in results), 60),
        at_most(f"{name}: gap to the bound", "%", 100 * max(result["gap"] for result in results), 5),
        at_most(f"{name}: runs without N+1 proven", "runs", unproven, 0),
        at_most(f"{name}: moves of a re-run", "guests", max(result["moves_again"] for result in results), 0),
    ]


AREA: dict[str, Callable[[Bench], list[Row]]] = {
    "no-op": no_op,
    "first-converge": first_converge,
    "inventory": plain_inventory,
    "inventory-facts": facts_inventory,
    "memory": memory,
    "placement": placement,
}
