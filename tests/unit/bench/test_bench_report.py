# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows: when a demand is met, the file's form, and the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import fleet_spec

from tests.bench.pve import WORKERS
from tests.bench.report import Row, at_most, faster, load, near_floor, page, renewed, shown, table, write

MACHINE = {
    "cpus": 2, "memory_mib": 4096, "python": "3.13.0", "ansible_core": "2.21.5", "proxmoxer": "2.3.0", "peer": "2.0.0", "date": "2026-11-24",
    "runs": 3, "latency_ms": 10, "call_ms": 12.1, "task_seconds": 1.0, "peer_guests": 20, "load": 0.1,
}  # fmt: skip


@pytest.mark.parametrize(("peer", "met"), [(10.0, True), (9.999, False)])
def test_faster_counts_the_peers_time_through_ours(peer: float, met: bool) -> None:
    row = faster("converge", "s", 0.1, peer, times=100, floor=0.05)
    assert row.met is met
    assert row.ratio == pytest.approx(peer / 0.1, rel=1e-3)


@pytest.mark.parametrize(("ours", "met"), [(206, True), (207, False)])
def test_at_most_allows_the_limit_itself(ours: int, met: bool) -> None:
    assert at_most("calls", "calls", ours, 206, floor=201).met is met


@pytest.mark.parametrize(("ours", "met"), [(1.49, True), (1.5, False)])
def test_near_floor_is_less_than_so_many_times_the_floor(ours: float, met: bool) -> None:
    assert near_floor("inventory", "s", ours, 1.0, times=1.5).met is met


def test_the_file_has_the_documented_form(tmp_path: Path) -> None:
    rows = [faster("converge", "s", 0.012345, 2.5, times=100), at_most("lock errors", "errors", 0, 0)]
    write(tmp_path / "new" / "pve.json", MACHINE, rows)
    kept = json.loads((tmp_path / "new" / "pve.json").read_text())
    assert set(kept) == {"machine", "rows"}
    assert list(kept["rows"][0]) == ["name", "unit", "ours", "peer", "floor", "ratio", "demand", "met"]
    assert kept["rows"][0]["ours"] == 0.01235
    assert load(tmp_path / "new" / "pve.json") == (MACHINE, rows)


def test_a_demand_that_is_not_met_stands_out() -> None:
    missed = Row("memory", "MiB", 512, None, None, None, "at most 400", False)
    assert table([missed]).endswith("| memory | MiB | 512 |  |  |  | at most 400 | **no** |")
    assert "| memory | MiB | 512 |" in page(MACHINE, [missed])


def test_a_figure_without_a_demand_has_no_verdict() -> None:
    row = shown("Ansible's own memory", "MiB", 500, floor=400)
    assert row.met
    assert table([row]).endswith("| 500 |  | 400 | 1.25 |  |  |")


def test_the_floor_counts_on_as_many_workers_as_the_module_has() -> None:
    assert fleet_spec()["workers"]["default"] == WORKERS


def test_rows_that_are_measured_again_stay_in_their_place() -> None:
    kept = [at_most("calls", "calls", 9, 10), at_most("processes", "processes", 1, 1)]
    again, added = at_most("calls", "calls", 8, 10), at_most("moves", "guests", 0, 0)
    assert renewed(kept, [added, again]) == [again, kept[1], added]
