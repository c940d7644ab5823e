# SPDX-License-Identifier: GPL-3.0-or-later
"""What steps take from storages and leave as configuration, and whether nodes have what is needed. No cluster is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.capacity import (
    Capacity,
    Resident,
    bridge_problems,
    uses_bridges,
    volumes_needed,
)
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, Step
from ansible_collections.lotse.estate.plugins.module_utils._pve.outcome import outcome
from ansible_collections.lotse.estate.plugins.module_utils._pve.values import GIB

from .conversation import TEMPLATE_CONFIG
from .test_pve_preflight import node, storage

DISK = "shared:101/vm-101-disk-0.qcow2,discard=on,size=4G"


def step(do: Do, **values: Any) -> Step:
    return Step(do, "x", "y", values)


def resident(*steps: Step, before: dict[str, Any] | None = None, made_on: str = "pve1", at: str = "pve1", source: str | None = None) -> Resident:
    config = {"scsi0": DISK} if before is None else before
    return Resident("web-01", made_on, at, source, config, steps, outcome(config, steps))


# ---------------------------------------------------------------------- outcome


@pytest.mark.parametrize(
    ("steps", "space"),
    [
        ([step(Do.CLONE, full=1)], [("shared", 4)]),
        ([step(Do.CLONE, full=0)], []),
        ([step(Do.CLONE, storage="fast"), step(Do.RESIZE, disk="scsi0", size="10G")], [("fast", 4), ("fast", 6)]),
        ([step(Do.MOVE_DISK, disk="scsi0", storage="fast"), step(Do.RESIZE, disk="scsi0", size="5G")], [("fast", 4), ("fast", 1)]),
        ([step(Do.CONFIG, set={"scsi1": "fast:8,ssd=1", "ide2": "fast:cloudinit"}, delete=())], [("fast", 8)]),
        ([step(Do.CREATE, config={"scsi0": "fast:0,import-from=local:import/x.qcow2"}), step(Do.RESIZE, disk="scsi0", size="9G")],
         [("fast", 0), ("fast", 9)]),
        ([step(Do.DETACH, keys=("scsi0",)), step(Do.START)], []),
    ],
)  # fmt: skip
def test_what_steps_take_from_storages(steps: list[Step], space: list[tuple[str, int]]) -> None:
    assert [(name, size // GIB) for name, size in outcome({"scsi0": DISK}, steps).space] == space


def test_what_is_left_in_the_end() -> None:
    after = outcome(
        {"scsi0": DISK, "net0": "virtio=AA:BB:CC:00:00:01,bridge=vmbr0", "net1": "virtio,bridge=vmbr7"},
        [step(Do.MOVE_DISK, disk="scsi0", storage="fast"), step(Do.CONFIG, set={"net0": "virtio,bridge=vmbr1", "cores": 2}, delete=("net1",))],
    )
    assert after.config["scsi0"] == "fast:101/vm-101-disk-0.qcow2,discard=on,size=4G"
    assert (after.config["cores"], after.bridges, after.storages) == (2, ["vmbr1"], {"scsi0": "fast"})


def test_volumes_that_must_be_there() -> None:
    steps = [
        step(Do.CREATE, config={"scsi0": "fast:0,import-from=local:import/x.qcow2", "cicustom": "user=local:snippets/a.yml"}),
        step(Do.CONFIG, set={"cicustom": "vendor=local:snippets/b.yml"}, delete=()),
    ]
    assert volumes_needed(resident(*steps, before={})) == {
        "local:import/x.qcow2": "import", "local:snippets/a.yml": "snippets", "local:snippets/b.yml": "snippets",
    }  # fmt: skip


# --------------------------------------------------------------------- capacity


def test_room_is_counted_for_all_guests_together_and_for_each_node_where_a_storage_is_its_own() -> None:
    rows = [node("pve1"), node("pve2"), *(storage(at, "local-lvm", used=500 * GIB) for at in ("pve1", "pve2"))]
    grow = step(Do.CONFIG, set={"scsi1": "local-lvm:8"}, delete=())
    assert Capacity(rows).problems([resident(grow), resident(grow, made_on="pve2", at="pve2")]) == []
    assert Capacity(rows).problems([resident(grow), resident(grow)]) == [
        "storage local-lvm on node pve1 is too full: the plan needs 16 GiB, 12 GiB are free"
    ]


def test_disks_of_one_node_stay_there() -> None:
    rows = [node("pve1"), node("pve2"), storage("pve1"), storage("pve2"), storage("pve1", "local-lvm"), storage("pve2", "local-lvm")]
    moved = resident(step(Do.MIGRATE, target="pve2"), before={"scsi0": DISK, "scsi1": "local-lvm:vm-101-disk-0,size=4G"}, at="pve2")
    assert Capacity(rows).problems([moved]) == ["guest web-01: it cannot move to node pve2, its disks are on local-lvm of node pve1"]
    shared = resident(step(Do.MIGRATE, target="pve2"), at="pve2")
    assert Capacity(rows).problems([shared]) == []
    clone = resident(step(Do.CLONE, full=1), before={"scsi0": "local-lvm:base-9000-disk-0,size=4G"}, made_on="pve2", at="pve2", source="pve1")
    (problem,) = Capacity(rows).problems([clone])
    assert "its template is on local-lvm of node pve1, which node pve2 does not share" in problem


@pytest.mark.parametrize(("memory", "told"), [("1024", 0), ("current=1024", 0), ("4096", 1), (None, 0)])
def test_memory_of_guests_that_start(memory: str | None, told: int) -> None:
    capacity = Capacity([node("pve1", maxmem=16 * GIB, mem=14 * GIB), storage("pve1")])
    config = {"scsi0": DISK, **({"memory": memory} if memory else {})}
    assert len(capacity.problems([resident(step(Do.START), before=config)])) == told
    assert capacity.problems([resident(step(Do.CONFIG, set={"cores": 1}, delete=()), before=config)]) == []


def test_a_node_whose_figures_are_hidden_is_not_judged() -> None:
    capacity = Capacity([{"type": "node", "node": "pve1", "status": "online"}, storage("pve1")])
    assert capacity.problems([resident(step(Do.START), before={"memory": "999999"})]) == []


def test_bridges_matter_when_a_step_uses_them() -> None:
    config = dict(TEMPLATE_CONFIG)
    idle, started = resident(step(Do.CONFIG, set={"cores": 1}, delete=()), before=config), resident(step(Do.START), before=config)
    assert (uses_bridges(idle), uses_bridges(started)) == (False, True)
    assert uses_bridges(resident(step(Do.CONFIG, set={"net0": "virtio,bridge=vmbr7"}, delete=()), before=config))
    assert bridge_problems([started], {"pve1": ["vmbr9"]}) == [
        "guest web-01: node pve1 has no bridge vmbr0 (or the token lacks SDN.Use on it); it has vmbr9"
    ]


def test_ha_may_name_only_nodes_of_the_cluster() -> None:
    guest = resident(step(Do.HA, resource={"state": "started"}, nodes={"pve1": 1, "pve9": 0}, strict=False))
    assert Capacity([node("pve1")]).ha_nodes([guest]) == ["guest web-01: HA may run it on pve9, which is no node of the cluster"]
    assert Capacity([node("pve1")]).ha_nodes([resident(step(Do.HA, resource=None, nodes=None, strict=False))]) == []
