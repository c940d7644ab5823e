# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's rows: a thousand synthetic hosts with every surprise planted, planned in a process of their own from files, as estate_plan does."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.lotse.estate.plugins.module_utils._planning import hosting
from ansible_collections.lotse.estate.plugins.module_utils._planning import policy as policies
from ansible_collections.lotse.estate.plugins.module_utils._planning.model import Guest, Size, System
from ansible_collections.lotse.estate.plugins.module_utils._survey import schema

from tests import browser
from tests.lab.pve.fixture import ROOT
from tests.synthetic.estate import Estate, make
from tests.synthetic.planting import false_criticals, missed, plant

from .report import Row, at_most, known

DAY = "2026-11-24"
CHANGED = 10
SEEN = ("node", "cores", "memory_mib", "address")


@dataclass(frozen=True)
class Scale:
    """Hosts of the demanded row, nodes, and the sizes of the table."""

    hosts: int = 1000
    nodes: int = 40
    sizes: tuple[int, ...] = (10, 100, 1000, 3000)


QUICK = Scale(100, 10, (10, 100))


@dataclass(frozen=True)
class Planned:
    """One run: seconds, the process's peak in MiB, the digest of what it wrote, and plan.yml."""

    seconds: float
    mib: float
    digest: str
    plan: dict[str, Any]


def write(estate: Estate, directory: Path) -> None:
    """The estate's files as surveys leave them, and the module's parameters beside them."""
    for folder, rows in (("survey", estate.surveys), ("load", estate.loads)):
        (directory / folder).mkdir(parents=True, exist_ok=True)
        for name, row in rows.items():
            (directory / folder / f"{name}.json").write_text(schema.dump(row), encoding="utf-8")
    policy = {name: value for name, value in estate.policy.items() if name != "public_address"}
    given = policy | {
        "estate_dir": str(directory), "hosts": sorted(estate.surveys), "cluster": estate.cluster, "today": DAY,
        "edge_public_address": estate.policy["public_address"],
    }  # fmt: skip
    (directory / "parameters.json").write_text(json.dumps(given), encoding="utf-8")


def run(directory: Path) -> Planned:
    """Plans in a fresh process. Raises RuntimeError when it fails."""
    argv = [sys.executable, "-m", "tests.bench.plan_once", str(directory / "parameters.json")]
    done = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True, timeout=1800)
    if done.returncode:
        raise RuntimeError(f"the plan failed: {done.stderr.strip()[-2000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    text = (directory / "plan.yml").read_bytes()
    digest = hashlib.sha256(text)
    for path in sorted((directory / "guests").glob("*.yml")):
        digest.update(path.read_bytes())
    return Planned(told["seconds"], told["mib"], digest.hexdigest(), yaml.load(text, yaml.CSafeLoader))


def thousand(directory: Path, scale: Scale, runs: int, say: Callable[[str], None]) -> list[Row]:
    """The demands: time, memory, the same bytes, every planted surprise and no other critical one, placement, a calm re-plan."""
    estate = make(scale.hosts, nodes=scale.nodes)
    unplanted = plant(estate)
    say(f"plan: {len(estate.surveys)} hosts, {len(estate.planted)} surprises planted, {len(unplanted)} belong to the edge or the inventory")
    several = []
    for number in range(runs):
        place = directory / f"run{number}"
        write(estate, place)
        several.append(run(place))
        say(f"plan: {several[-1].seconds:.1f} s, {several[-1].mib:.0f} MiB")
    plan = several[0].plan
    lost, wrong = missed(estate, plan), false_criticals(estate, plan)
    for line in (*lost, *wrong[:20]):
        say(f"plan: not as planted: {line}")
    about = f"{scale.hosts} hosts on {scale.nodes} nodes"
    page = browser.measure(directory / "run0" / "plan.html")
    return [
        at_most(f"plan.html of {scale.hosts} hosts opens in", "s", page["open_seconds"], 3),
        at_most(f"plan.html of {scale.hosts} hosts", "MiB", page["bytes"] / 2**20, 15),
        at_most(f"plan of {about}", "s", statistics.median(one.seconds for one in several), 120),
        at_most(f"memory of that plan, {about}", "MiB", max(one.mib for one in several), 1536),
        at_most("runs of the same input that gave other bytes", "runs", len({one.digest for one in several}) - 1, 0),
        at_most(f"planted surprises that were missed, of {len(estate.planted)}", "surprises", len(lost), 0),
        at_most("critical concerns that nothing was planted for", "concerns", len(wrong), 0),
        at_most("placement: fullest node above its proven bound", "%", 100 * gap(estate, plan), 5),
        at_most(f"guests of others that a re-plan moves after {CHANGED} hosts changed", "guests", _unrelated(estate, directory / "run0", plan), 0),
    ]


def gap(estate: Estate, plan: dict[str, Any]) -> float:
    """How far the fullest node is above what it cannot be below: the plan's guests, placed anew."""
    policy = policies.parse(estate.policy, date.fromisoformat(DAY))
    guests = [
        Guest(
            row["name"], row["role"], "", tuple(row["services"]), row["address"].split("/")[0],
            Size(row["cores"], row["memory_mib"], row["disks"]["scsi0"]["size_gib"]), policy.storage, policy.bridge,
            System("lift", "", "", row["template"], ""),
        )
        for row in plan["guests"]
    ]  # fmt: skip
    return hosting.host(guests, estate.cluster, policy, {}).result.gap


def _unrelated(estate: Estate, directory: Path, before: dict[str, Any]) -> int:
    """Guests on another node, of another size or name although their hosts did not change."""
    after = copy.deepcopy(estate)
    names = sorted(name for name in after.surveys if name.startswith(("web-", "db-")))
    changed = set(names[:: max(1, len(names) // CHANGED)][:CHANGED])
    for name in changed:
        after.surveys[name]["measured"]["memory_used_mib"] *= 3
        after.loads.pop(name, None)
    write(after, directory)
    for name in changed:
        (directory / "load" / f"{name}.json").unlink(missing_ok=True)
    plan = run(directory).plan
    was = {guest["name"]: guest for guest in before["guests"]}
    moved = [guest for guest in plan["guests"] if any(guest[key] != was.get(guest["name"], {}).get(key) for key in SEEN)]
    return sum(1 for guest in moved if not {service.split("@")[1] for service in guest["services"]} & changed)


def sizes(directory: Path, scale: Scale, say: Callable[[str], None]) -> list[Row]:
    """Time and memory at several sizes, and how time grows from each to the next: the exponent of a power law."""
    rows, before = [], None
    for hosts in scale.sizes:
        place = directory / f"size{hosts}"
        write(make(hosts), place)
        one = run(place)
        say(f"plan: {hosts} hosts in {one.seconds:.1f} s, {one.mib:.0f} MiB")
        rows += [known(f"plan of {hosts} hosts", "s", one.seconds), known(f"memory of the plan of {hosts} hosts", "MiB", one.mib)]
        if before and before[0] >= 1000:
            exponent = math.log(one.seconds / before[1].seconds) / math.log(hosts / before[0])
            rows.append(at_most(f"growth of time from {before[0]} to {hosts} hosts", "exponent", exponent, 2))
        before = (hosts, one)
    return rows
