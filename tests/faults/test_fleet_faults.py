# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever gets lost, the next run converges: never two guests for one name, never a destroyed stranger, no volume left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import State
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import FleetError
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests

from tests.lab.pve.fixture import MemoryPve

from .drills import CALLS, Make, a_death_after_each_write, broken_then_whole, each_call_in_turn
from .world import STRANGER, TEMPLATE, ControllerKilledError, MortalGateway, a_world

DB, WEB = "0a8fd1c2-6c1e-5d57-9f7e-3a52ab0a4a11", "4f7c2f0e-93c0-5f0a-8f5e-0c2f6f0f7a22"


def guest(name: str, uuid: str, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": name, "uuid": uuid, "node": "pve2", "template": "debian-13", "cores": 1, "memory_mib": 1024, "pool": "community",
        "disks": {"scsi0": {"storage": "shared", "size_gib": 8}}, "nics": {"net0": {"bridge": "vmbr0"}},
        "address": f"10.77.0.{number}/24", "gateway": "10.77.0.1", **changes,
    }  # fmt: skip


BEFORE = [guest("db-01", DB, 103)]
AFTER = [
    guest("db-01", DB, 103, onboot=True, disks={"scsi0": {"storage": "shared", "size_gib": 9}, "scsi1": {"storage": "local-lvm", "size_gib": 2}}),
    guest("web-01", WEB, 102, disks={"scsi0": {"storage": "local-lvm", "size_gib": 6}}),
]


@pytest.fixture
def make(memory_pve: MemoryPve, tmp_path: Path) -> Make:
    """A cluster where db-01 is as it was before, web-01 is missing, and a stranger sits where web-01's VMID would be tried."""

    return lambda: a_world(memory_pve, tmp_path, BEFORE, AFTER, {"first_vmid": STRANGER - 1})


def test_without_a_fault(make: Make) -> None:
    world = make()
    plans = world.converge()
    assert [step.do for plan in plans for step in plan.steps]
    assert world.problems() == []


@pytest.mark.parametrize("fault", CALLS.values(), ids=[name.replace(" ", "-") for name in CALLS])
def test_each_call_in_turn(make: Make, fault: dict[str, Any]) -> None:
    found = each_call_in_turn(make, fault, reads=True)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("kind", ["qmclone", "qmconfig", "qmmove", "resize", "qmstart"])
def test_each_task_fails(make: Make, memory_pve: MemoryPve, kind: str) -> None:
    world = make()
    memory_pve.faults(tasks=[{"type": kind, "message": "the storage is gone", "times": 1}])
    failed: list[str] = []

    def run() -> None:
        try:
            world.converge()
        except PveError as failure:
            failed.append(str(failure))
            raise

    assert broken_then_whole(world, run) == []
    assert failed, f"no task {kind} failed"
    assert "the storage is gone" in failed[0]


def test_the_controller_dies_after_each_write(make: Make) -> None:
    found = a_death_after_each_write(make)
    assert not found, "\n".join(found)


def test_the_controller_dies_while_it_removes_a_fleet(make: Make) -> None:
    """Destroying is resumed too, and takes nothing but the fleet with it."""
    world = make()
    world.converge()
    counting = MortalGateway(world.gateway(), 10_000)
    world.converge(counting, state=State.ABSENT, max_destroys=2)
    assert counting.made == 4, "two guests are stopped and destroyed"
    for writes in range(1, counting.made + 1):
        world = make()
        world.converge()
        with pytest.raises(ControllerKilledError):
            world.converge(MortalGateway(world.gateway(), writes), state=State.ABSENT, max_destroys=2)
        world.converge(state=State.ABSENT, max_destroys=2)
        assert [row["vmid"] for row in world.guests()] == [TEMPLATE, STRANGER]
        assert world.guest(STRANGER) == world.stranger


def test_a_vmid_that_is_used_again_is_not_destroyed(make: Make) -> None:
    """Between the plan and the deed somebody else destroyed the guest, and its VMID went to a stranger."""
    world = make()
    fleet = world.fleet(world.gateway(), state=State.ABSENT, max_destroys=1)
    plans = fleet.plan(desired_guests(BEFORE))
    api = world.pve.proxmoxer()
    api.nodes("pve2").qemu(149).status.stop.post()
    api.nodes("pve2").qemu(149).delete()
    api.nodes("pve2").qemu.post(vmid=149, name="db-01", pool="community", memory=512)
    with pytest.raises(FleetError, match="not the guest db-01 any more"):
        fleet.apply(plans)
    assert world.guest(149)["name"] == "db-01"
