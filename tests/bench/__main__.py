# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.bench [--quick] [ROW …]``: build/bench/*.json and docs/performance*.md; ends with 1 when a demand is not met.

The Proxmox layer's rows are in pve.json and performance.md, those of survey and plan in plan.json and performance-plan.md.

Without rows all of them. Rows that are named are measured again and replace the ones that the file has. ``--quick`` (fewer guests, one run)
prints and keeps nothing: such figures are for people who look for what is slow.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ansible

from tests.lab.pve.fixture import ROOT

from . import plan, pve, report, seed, server, survey

BEGUN = time.monotonic()


def say(text: str) -> None:
    print(f"[{time.monotonic() - BEGUN:6.0f} s] {text}", flush=True)


def machine(bench: pve.Bench) -> dict[str, Any]:
    with bench.served(1) as work:
        call = server.seconds_of(work.pve, f"nodes/pve1/qemu/{seed.FIRST_VMID}/config")
    manifest = Path(ansible.__file__).parents[1] / "ansible_collections" / "community" / "proxmox" / "MANIFEST.json"
    return {
        "cpus": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "python": platform.python_version(),
        "ansible_core": version("ansible-core"),
        "proxmoxer": version("proxmoxer"),
        "peer": json.loads(manifest.read_text())["collection_info"]["version"],
        "load": round(os.getloadavg()[0], 1),
        "date": datetime.now(UTC).date().isoformat(),
        "runs": bench.scale.runs,
        "latency_ms": server.LATENCY_MS,
        "call_ms": round(call * 1000, 1),
        "task_seconds": server.TASK_SECONDS,
        "peer_guests": bench.scale.no_op_peer,
    }


PAGES = {"pve": ("performance.md", report.page), "plan": ("performance-plan.md", report.plan_page)}
PLAN = ("plan", "plan-sizes", "survey")


def keep(area: str, about: dict[str, Any], rows: list[report.Row], *, again: bool) -> None:
    """The area's file, and the page that is made of it."""
    path = ROOT / "build" / "bench" / f"{area}.json"
    if again and path.exists():
        rows = report.renewed(report.load(path)[1], rows)
    report.write(path, about, rows)
    name, page = PAGES[area]
    (ROOT / "docs" / name).write_text(page(*report.load(path)))


def planned(name: str, directory: Path, runs: int, *, quick: bool) -> list[report.Row]:
    scale = plan.QUICK if quick else plan.Scale()
    if name == "plan":
        return plan.thousand(directory / "plan", scale, runs, say)
    if name == "plan-sizes":
        return plan.sizes(directory / "sizes", scale, say)
    return survey.survey(say, runs)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the guests, one run")
    parser.add_argument("--runs", type=int, help="how often each side is measured (default 3)")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"some of: {', '.join([*pve.AREA, *PLAN])}")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.rows) - set(pve.AREA) - set(PLAN))
    if unknown:
        parser.error(f"no such rows: {', '.join(unknown)}")
    build = ROOT / "build" / "bench"
    build.mkdir(parents=True, exist_ok=True)
    wanted = chosen.rows or [*pve.AREA, *PLAN]
    found: dict[str, list[report.Row]] = {}
    with tempfile.TemporaryDirectory(dir=build) as directory:
        scale = pve.QUICK if chosen.quick else pve.Scale()
        bench = pve.Bench(replace(scale, runs=chosen.runs or scale.runs), Path(directory), say)
        about = machine(bench)
        for name in wanted:
            area = "plan" if name in PLAN else "pve"
            rows = planned(name, Path(directory), bench.scale.runs, quick=chosen.quick) if area == "plan" else pve.AREA[name](bench)
            found.setdefault(area, []).extend(rows)
    for area, rows in found.items():
        print(report.table(rows))
        if not chosen.quick:
            keep(area, about, rows, again=bool(chosen.rows))
    missed = [row for rows in found.values() for row in rows if not row.met]
    for row in missed:
        print(f"not met: {row.name}: {row.ours:g} {row.unit}, demanded is {row.demand}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
