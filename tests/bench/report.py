# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a benchmark, the file that keeps them, and the page that is made of it. Pure but for ``write`` and ``load``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One figure. ``ratio`` is peer / ours where the demand is about the peer, else ours / floor; ``floor`` is what the work needs at least."""

    name: str
    unit: str
    ours: float
    peer: float | None
    floor: float | None
    ratio: float | None
    demand: str
    met: bool


def faster(name: str, unit: str, ours: float, peer: float, *, times: float, floor: float | None = None) -> Row:
    """Demands that ours takes at most one ``times``-th of the peer's."""
    ratio = peer / ours
    return Row(name, unit, _short(ours), _short(peer), _short(floor), _short(ratio), f"at least {times:g} times faster than the peer", ratio >= times)


def at_most(name: str, unit: str, ours: float, limit: float, *, peer: float | None = None, floor: float | None = None) -> Row:
    """Demands a figure not above the limit."""
    ratio = ours / floor if floor else None
    return Row(name, unit, _short(ours), _short(peer), _short(floor), _short(ratio), f"at most {limit:g}", ours <= limit)


def near_floor(name: str, unit: str, ours: float, floor: float, *, times: float, peer: float | None = None) -> Row:
    """Demands less than ``times`` the floor."""
    ratio = ours / floor
    return Row(name, unit, _short(ours), _short(peer), _short(floor), _short(ratio), f"under {times:g} times the floor", ratio < times)


def shown(name: str, unit: str, ours: float, *, floor: float) -> Row:
    """A figure that people should know and that nothing is demanded of."""
    return Row(name, unit, _short(ours), None, _short(floor), _short(ours / floor), "", True)


def known(name: str, unit: str, value: float) -> Row:
    """A figure without a peer or a floor, for a table."""
    return Row(name, unit, _short(value), None, None, None, "", True)


def _short(value: float | None) -> Any:
    """Four significant digits are more than such a machine can measure."""
    if value is None:
        return None
    short = float(f"{value:.4g}")
    return int(short) if short.is_integer() else short


def write(path: Path, machine: Mapping[str, Any], rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": dict(machine), "rows": [asdict(row) for row in rows]}, indent=1) + "\n")


def load(path: Path) -> tuple[dict[str, Any], list[Row]]:
    kept = json.loads(path.read_text())
    return kept["machine"], [Row(**row) for row in kept["rows"]]


def renewed(kept: Sequence[Row], fresh: Sequence[Row]) -> list[Row]:
    """The kept rows with those that were measured again in their place, and new ones at the end."""
    names = {row.name: row for row in fresh}
    known = {row.name for row in kept}
    return [names.get(row.name, row) for row in kept] + [row for row in fresh if row.name not in known]


def table(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    lines = ["| work | unit | ours | peer | floor | ratio | demand | met |", "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        figures = " | ".join("" if value is None else f"{value:,}" for value in (row.ours, row.peer, row.floor, row.ratio))
        lines.append(f"| {row.name} | {row.unit} | {figures} | {row.demand} | {_verdict(row)} |")
    return "\n".join(lines)


def _verdict(row: Row) -> str:
    if not row.demand:
        return ""
    return "yes" if row.met else "**no**"


PAGE = """\
# Performance

Made by `make bench` from `build/bench/pve.json`; do not edit. Each side was measured {runs} times, and the median counts. Ours and the peer's
ran on the same machine in the same run, against the same server, with the same `ansible.cfg`. The peer is `community.proxmox` {peer} as the
pinned `ansible` package brings it. A smaller figure is better in every row.

The server is the lab's API with guests in memory, in a process of its own. It waits {latency_ms} ms before each answer, as long as a real one
takes; a client sees {call_ms} ms for one guest's configuration. What a real cluster adds in load, and what it takes away in speed, is not in
these figures.

{table}

`floor` is what the work needs at least. `ratio` is peer through ours where the demand is about the peer, else ours through floor.

- **No-op.** The peer's loop is what its users write: one playbook, six tasks that loop over the guests (`proxmox_kvm` clone and
  update, `proxmox_disk` options and resize, `proxmox_nic`, `proxmox_kvm` start), {peer_guests} guests, with the VMIDs given. A module
  process is one start of the Python interpreter for a module. Floor: the calls, sixteen at a time.
- **First converge.** Clone, resize, NIC, cloud-init and start; every task of the cluster takes {task_seconds} s. Floor: the three tasks that a
  guest cannot do without, sixteen guests at a time. Ours runs four heavy tasks at once for each template, node and storage, so that clones do not
  wait for each other's locks.
- **Inventory without facts** is `ansible all --list-hosts`: what every command of Ansible does before anything else. Its floor is fetching and
  parsing the one answer over an open connection, plus the same command with an inventory of one host. The row of what is printed is
  `ansible-inventory --list`, in which Ansible itself gathers and prints the variables of every host.
- **Inventory with facts** is `ansible-inventory --list`; the peer's has `want_facts`. Floor: one configuration for each guest, sixteen at a time.
- **Memory** is the peak of the module's process in one run. The row below it is the largest process of that run, which is Ansible's own; its floor is
  the same play with the same rows and a task that does nothing.
- **Placement** on {cpus} cores: N+1, anti-affinity, bridges, local and shared storages; see `tests/bench/placement.py`.

Machine: {cpus} cores, {memory_mib} MiB, Python {python}, ansible-core {ansible_core}; {date}, load average before the run {load}.
"""


def page(machine: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """docs/performance.md."""
    return PAGE.format(**machine, table=table(rows))


PLAN_PAGE = """\
# Performance of survey and plan

Made by `make bench` from `build/bench/plan.json`; do not edit. Ours and the peer's ran on the same machine in the same run. A smaller figure
is better in every row but that of facts.

{table}

- **Plan.** Synthetic hosts from a seed (`tests/synthetic`): applications of web servers, databases, caches and queues behind one edge, and on
  hosts of their own every surprise that the detectors' tests know, but for those that belong to the edge or to the inventory. Seconds and memory
  are those of a process of its own that does what `estate_plan` does, from reading the surveys to writing `plan.yml`, `plan.json` and `plan.html`.
- **Missed** are planted surprises that the plan does not tell with their severity on one of their hosts. **Critical concerns that nothing was
  planted for** are those on all other hosts, without the services that only people move.
- **Growth** is the exponent of a power law between two sizes: 1 is linear, 2 quadratic.
- **The page** is opened in headless Chromium, from the request to the first frame after the load event.
- **Survey.** Fifty addresses of five real machines, on this machine's own cores, against `setup`, `service_facts` and `package_facts`.
  Processor time is that of `ansible-playbook` and all its processes. While all forks are busy, Ansible's own loop looks for a free one
  10,000 times a second; a survey that takes long pays for that.

Machine: {cpus} cores, {memory_mib} MiB, Python {python}, ansible-core {ansible_core}; {date}, load average before the run {load}.
"""


def plan_page(machine: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """docs/performance-plan.md."""
    return PLAN_PAGE.format(**machine, table=table(rows))
