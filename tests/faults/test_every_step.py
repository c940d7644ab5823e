# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet that takes a step of every kind, and what happens when a write of one of them meets a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do

from tests.lab.pve.fixture import MemoryPve

from .drills import CALLS, Make, a_death_after_each_write, each_call_in_turn
from .test_fleet_faults import guest
from .world import STRANGER, a_world

NAMES = {"db-01": 103, "web-01": 102, "rest-01": 104, "base-01": 105, "old-01": 106, "app-01": 107}


def row(name: str, **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in guest(name, "", NAMES[name], **changes).items() if key != "uuid" and value is not None}


NOTHING_OF_CLOUD_INIT = {"address": None, "gateway": None}
BEFORE = [
    row("db-01", disks={"scsi0": {"storage": "shared", "size_gib": 8}, "scsi1": {"storage": "local-lvm", "size_gib": 1}}),
    row("rest-01"),
    row("base-01", state="present"),
    row("old-01"),
]
AFTER = [
    row(
        "db-01", memory_mib=2048, ha={"state": "started", "max_restart": 2, "nodes": ["pve2", "pve3"]},
        disks={"scsi0": {"storage": "shared", "size_gib": 9}, "scsi1": {"state": "absent"}, "scsi2": {"storage": "shared", "size_gib": 1}},
        nics={"net0": {"bridge": "vmbr0"}, "net1": {"bridge": "vmbr0", "vlan": 20}},
    ),
    row("web-01", disks={"scsi0": {"storage": "local-lvm", "size_gib": 6}}),
    row("rest-01", state="stopped"),
    row("base-01", state="template"),
    row("old-01", state="absent"),
    row(
        "app-01", template=None, state="stopped", bios="ovmf", efi={"storage": "shared"}, tpm={"storage": "shared"}, machine="q35",
        disks={"scsi0": {"storage": "shared", "size_gib": 2}}, **NOTHING_OF_CLOUD_INIT,
    ),
]  # fmt: skip
SETTINGS = {"allow_reboot": True, "purge_disks": True, "max_destroys": 1, "first_vmid": STRANGER - 2}
TAKEN = frozenset(Do) - {Do.STOP, Do.MIGRATE, Do.POOL, Do.DOWNLOAD}


@pytest.fixture
def make(memory_pve: MemoryPve, tmp_path: Path) -> Make:
    return lambda: a_world(memory_pve, tmp_path, BEFORE, AFTER, SETTINGS, ["old-01"])


def test_every_kind_of_step_is_taken(make: Make) -> None:
    world = make()
    taken = {step.do for plan in world.converge() for step in plan.steps}
    assert TAKEN - taken == set()
    assert world.problems() == []


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(fault, id=name.replace(" ", "-"), marks=[] if name == "an answer is lost" else [pytest.mark.thorough])
        for name, fault in CALLS.items()
    ],
)
def test_each_write_in_turn(make: Make, fault: dict[str, Any]) -> None:
    found = each_call_in_turn(make, fault, reads=False)
    assert not found, "\n".join(found)


def test_the_controller_dies_after_each_write(make: Make) -> None:
    found = a_death_after_each_write(make)
    assert not found, "\n".join(found)
