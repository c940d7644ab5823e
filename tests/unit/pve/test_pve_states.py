# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state and every kind of step against the lab's API: check, run, nothing left; and each of their calls with an unknown end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_render import plan_dict, result_dict
from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import ProxmoxerGateway
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import State
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, FleetError, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import WaitFor

from tests.lab.pve.fixture import MemoryPve

from .conversation import plan_row
from .test_pve_adapter import endpoint

Row = dict[str, Any]
Converge = Callable[..., list[str]]
HA = {"state": "started", "max_restart": 2, "nodes": {"pve1": 1, "pve2": 2}, "strict": True}


class Cluster:
    """The lab's API and a fleet of one guest, whose every run is checked before and must leave nothing to do."""

    def __init__(self, pve: MemoryPve) -> None:
        self.pve = pve

    def fleet(self, **settings: Any) -> Fleet:
        quick = ProxmoxerGateway(endpoint(self.pve), sleep=lambda _: None)
        return Fleet(quick, Settings(**{"wait_for": WaitFor.NONE, "workers": 1, **settings}), sleep=lambda _: None)

    def run(self, row: Row, **settings: Any) -> Row:
        """The result of a run, which is what its check said, after which nothing is left to do."""
        guests = desired_guests([row])
        fleet = self.fleet(**settings)
        (told,) = map(plan_dict, fleet.plan(guests))
        (done,) = map(result_dict, fleet.apply(fleet.plan(guests)))
        assert done["steps"] == told["steps"]
        (left,) = map(plan_dict, self.fleet(**settings).plan(guests))
        assert left["steps"] == []
        assert done["pending"] == left["pending"] == told["pending"]
        return done

    def does(self, row: Row, **settings: Any) -> list[str]:
        return [step["do"] for step in self.run(row, **settings)["steps"]]

    def guest(self, name: str = "db-01") -> Row | None:
        return next((row for row in self.pve.state()["guests"] if row["name"] == name), None)


@pytest.fixture
def cluster(memory_pve: MemoryPve) -> Cluster:
    return Cluster(memory_pve)


def empty(**changes: Any) -> Row:
    return {
        "name": "db-01", "node": "pve2", "pool": "community", "bios": "ovmf", "efi": {"storage": "shared"},
        "tpm": {"storage": "shared", "version": "v2.0"}, "disks": {"scsi0": {"storage": "shared", "size": "4G"}},
        "nics": {"net0": {"bridge": "vmbr0"}}, "address": "10.77.0.103/24", **changes,
    }  # fmt: skip


def test_an_empty_vm_with_uefi_and_tpm(cluster: Cluster) -> None:
    assert cluster.does(empty(state="present")) == ["create"]
    config = (cluster.guest() or {})["config"]
    assert {"efidisk0", "tpmstate0", "scsi0", "net0"} <= set(config)


def test_a_guest_is_stopped_started_and_made_a_template(cluster: Cluster) -> None:
    assert cluster.does(plan_row())[0] == "clone"
    assert cluster.does(plan_row(state="stopped")) == ["shutdown"]
    assert cluster.does(plan_row()) == ["start"]
    assert cluster.does(plan_row(state="template")) == ["shutdown", "template"]
    assert (cluster.guest() or {})["template"]
    with pytest.raises(RefusedError, match="template"):
        cluster.run(plan_row())


def test_changes_that_wait_are_told_and_brought_by_one_reboot(cluster: Cluster) -> None:
    cluster.run(plan_row())
    told = cluster.run(plan_row(cores=2))
    assert ([step["do"] for step in told["steps"]], told["pending"]) == (["config"], ["cores"])
    cluster.pve.forget_calls()
    brought = cluster.run(plan_row(cores=2), allow_reboot=True)
    assert ([step["do"] for step in brought["steps"]], brought["pending"]) == (["reboot"], [])
    assert sum(call.path.endswith("/status/reboot") for call in cluster.pve.calls()) == 1
    assert cluster.does(plan_row(cores=4), allow_reboot=True) == ["config", "reboot"]


def test_a_disk_is_detached_and_destroyed_only_by_the_word(cluster: Cluster) -> None:
    two = {**plan_row()["disks"], "scsi1": {"storage": "local-lvm", "size_gib": 2}}
    cluster.run(plan_row(disks=two))
    gone = {**two, "scsi1": {"state": "absent"}}
    assert cluster.does(plan_row(disks=gone)) == ["detach"]
    assert "unused0" in (cluster.guest() or {})["config"]
    cluster.run(plan_row(disks=two))
    assert cluster.does(plan_row(disks=gone), purge_disks=True) == ["detach", "purge"]
    assert len([key for key in (cluster.guest() or {})["config"] if key.startswith("unused")]) == 1


def test_a_guest_is_migrated_by_the_word(cluster: Cluster) -> None:
    cluster.run(plan_row())
    assert cluster.does(plan_row(node="pve3")) == []
    moved = cluster.run(plan_row(node="pve3"), migrate=True)
    assert ([step["do"] for step in moved["steps"]], moved["node"]) == (["migrate"], "pve3")


@pytest.mark.parametrize("version", ["8.4.14", "9.0.10"])
def test_ha_comes_changes_and_goes(cluster: Cluster, version: str) -> None:
    cluster.pve.faults(version=version)
    assert "ha" in cluster.does(plan_row(ha=HA))
    cluster.pve.forget_calls()
    assert cluster.does(plan_row(ha=HA)) == []
    assert len([call for call in cluster.pve.calls() if "/ha/" in call.path]) == 6, "two a plan, whatever the number of guests"
    assert cluster.does(plan_row(ha={**HA, "nodes": {"pve3": 0}, "strict": False})) == ["ha"]
    assert cluster.does(plan_row(ha={**HA, "state": "stopped"}, state="stopped"))[0] == "ha"
    assert cluster.does(plan_row(ha=False, state="stopped")) == ["ha"]
    kept = cluster.pve.state()["ha"]
    assert not any(kept.values()), kept


def test_a_managed_guest_is_destroyed_with_its_resource(cluster: Cluster) -> None:
    cluster.run(plan_row(ha=HA))
    assert cluster.does(plan_row(ha=HA), state=State.ABSENT, max_destroys=1) == ["stop", "destroy"]
    assert cluster.pve.state()["ha"]["resources"] == {}


def test_a_guest_made_by_hand_is_adopted(cluster: Cluster) -> None:
    api = cluster.pve.proxmoxer()
    api.nodes("pve2").qemu.post(vmid=143, name="db-01", pool="community", memory=512, description="by hand")
    row = {"name": "db-01", "adopt": 143, "state": "present"}
    assert cluster.does(row) == ["config"]
    assert (cluster.guest() or {})["config"]["description"].startswith("by hand\nlotse-guest: ")
    with pytest.raises(RefusedError, match="max_destroys is 0"):
        cluster.run({**row, "state": "absent"})


# --------------------------------------------------------------------- unknown ends

CHANGES: dict[str, tuple[Row, Row, Row]] = {  # what is there, what is wanted, and the words that it takes
    "create": ({}, empty(state="present"), {}),
    "detach": ({"disks": {"scsi0": {"size_gib": 8}, "scsi1": {"storage": "shared", "size_gib": 2}}}, {"disks": {"scsi1": {"state": "absent"}}},
               {"purge_disks": True}),
    "migrate": ({}, {"node": "pve3"}, {"migrate": True}),
    "ha": ({}, {"ha": HA}, {}),
    "reboot": ({}, {"cores": 2}, {"allow_reboot": True}),
    "template": ({}, {"state": "template"}, {}),
    "move": ({}, {"disks": {"scsi0": {"storage": "local-lvm", "size_gib": 9}}}, {}),
}  # fmt: skip


@pytest.mark.parametrize("do", ["lose_call", "lose_answer"])
@pytest.mark.parametrize("change", CHANGES)
def test_no_call_with_an_unknown_end_is_made_twice_or_forgotten(cluster: Cluster, tmp_path: Path, change: str, do: str) -> None:
    """Each write in turn gets lost, on its way there or back: this run or the next one ends where a whole one does."""
    before, after, words = CHANGES[change]
    wanted = after if change == "create" else plan_row(**after)
    writes = 1
    for at in range(20):
        if change != "create":
            cluster.run(plan_row(**before))
        cluster.pve.faults(calls=[{"method": method, "path": "/", "skip": at, "times": 1, "do": do} for method in ("PUT", "POST", "DELETE")])
        cluster.pve.forget_calls()
        fleet = cluster.fleet(**words)
        try:
            fleet.apply(fleet.plan(desired_guests([wanted])))
        except FleetError as failure:
            assert "does not answer" in str(failure) or "not told twice" in str(failure), failure
        reboots = sum(call.path.endswith("/status/reboot") for call in cluster.pve.calls())
        writes = sum(call.method != "GET" for call in cluster.pve.calls())
        cluster.pve.faults()
        assert reboots <= 1 + (do == "lose_call"), "a lost call may be sent again where it never arrived"
        fleet = cluster.fleet(**words)
        fleet.apply(fleet.plan(desired_guests([wanted])))
        assert [plan.steps for plan in cluster.fleet(**words).plan(desired_guests([wanted]))] == [()]
        assert len([row for row in cluster.pve.state()["guests"] if row["name"] == "db-01"]) == 1
        away = {**wanted, "state": "absent", "ha": None}
        fleet = cluster.fleet(max_destroys=1)
        fleet.apply(fleet.plan(desired_guests([away])))
        if at >= writes:
            return
