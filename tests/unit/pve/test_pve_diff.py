# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of single cases: what is done, in which order, how it is undone, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import (
    NO_UNDO,
    Do,
    State,
    steps_for,
    steps_for_new,
    steps_to_remove,
)
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, ObservedGuest, Template, desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.values import size_text

from .conversation import TEMPLATE_CONFIG, config, plan_row

TEMPLATE = Template(9000, "debian-13", "pve1", {key: value for key, value in TEMPLATE_CONFIG.items() if key != "digest"})


def desired(**changes: Any) -> DesiredGuest:
    return desired_guests([plan_row(**changes)])[0]


def observed(status: str = "running", pool: str | None = "community", **changes: Any) -> ObservedGuest:
    values = config(**changes)
    digest = values.pop("digest")
    return ObservedGuest(101, values["name"], "pve2", status, pool, values, digest)


def test_the_order_of_the_steps_is_the_order_of_the_kinds() -> None:
    before = observed("stopped", None, cores=8, scsi0="shared:1/d,size=4G")
    steps = steps_for(before, desired(disks={"scsi0": {"storage": "local-lvm", "size_gib": 8}}), State.STARTED, host_key_known=False)
    kinds = [step.do for step in steps]
    assert kinds == [Do.POOL, Do.CONFIG, Do.MOVE_DISK, Do.RESIZE, Do.START, Do.HOST_KEY]
    assert kinds == sorted(kinds, key=list(Do).index)


# -------------------------------------------------------------------------- single cases


def test_a_guest_as_the_plan_says_needs_nothing() -> None:
    assert steps_for(observed(), desired(), State.STARTED, host_key_known=True) == ()


def test_a_change_shows_before_and_after_and_how_to_undo_it() -> None:
    (step,) = steps_for(observed(), desired(cores=4), State.STARTED, host_key_known=True)
    assert (step.do, dict(step.values)) == (Do.CONFIG, {"set": {"cores": 4}, "delete": ()})
    assert [(change.key, change.before, change.after) for change in step.changes] == [("cores", "1", "4")]
    assert step.undo == "set cores back to '1'"


def test_what_the_plan_does_not_state_is_left_alone() -> None:
    foreign = observed(
        hotplug="disk", scsi5="shared:101/vm-101-disk-5.qcow2,size=1G", nameserver="192.0.2.1", net1="virtio=BC:24:11:00:00:09,bridge=vmbr9"
    )
    assert steps_for(foreign, desired(), State.STARTED, host_key_known=True) == ()


def test_present_leaves_power_and_host_keys_alone() -> None:
    assert steps_for(observed("stopped"), desired(), State.PRESENT, host_key_known=False) == ()


def test_a_disk_never_shrinks() -> None:
    with pytest.raises(RefusedError, match="scsi0 has 8G, the plan says 4G: disks only grow"):
        steps_for(observed(), desired(disks={"scsi0": {"storage": "shared", "size_gib": 4}}), State.STARTED, host_key_known=True)


def test_a_disk_of_unknown_size_is_not_touched() -> None:
    with pytest.raises(RefusedError, match=r"size of its disk scsi0 .* is not known"):
        steps_for(observed(scsi0="shared:101/vm-101-disk-0.qcow2"), desired(), State.STARTED, host_key_known=True)


def test_a_new_disk_needs_a_storage() -> None:
    with pytest.raises(RefusedError, match="scsi1 does not exist yet and names no storage"):
        steps_for(observed(), desired(disks={"scsi1": {"size_gib": 4}}), State.STARTED, host_key_known=True)


def test_a_cloud_init_drive_needs_a_place() -> None:
    slots = dict.fromkeys(("ide2", "ide0", "ide1", "ide3", "sata5", "scsi30"), "none,media=cdrom")
    with pytest.raises(RefusedError, match="no storage or no free slot"):
        steps_for(observed(**slots), desired(), State.STARTED, host_key_known=True)


def test_growing_has_no_undo_and_says_so() -> None:
    (step,) = steps_for(observed(), desired(disks={"scsi0": {"size_gib": 9}}), State.STARTED, host_key_known=True)
    assert step.undo.startswith(NO_UNDO)
    assert step.values == {"disk": "scsi0", "size": size_text(9 * 1024**3)}


@pytest.mark.parametrize(("node", "storage"), [("pve1", "local-lvm"), ("pve2", None)])
def test_a_clone_goes_straight_to_its_storage_only_on_the_same_node(node: str, storage: str | None) -> None:
    wanted = desired(node=node, disks={"scsi0": {"storage": "local-lvm", "size_gib": 8}})
    steps = steps_for_new(wanted, TEMPLATE, State.PRESENT)
    assert steps[0].values.get("storage") == storage
    assert (Do.MOVE_DISK in [step.do for step in steps]) is (storage is None)


def test_removal_stops_first_and_is_a_point_of_no_return() -> None:
    stop, destroy = steps_to_remove(observed())
    assert (stop.do, destroy.do, destroy.undo) == (Do.STOP, Do.DESTROY, NO_UNDO)
    assert [step.do for step in steps_to_remove(observed("stopped"))] == [Do.DESTROY]


# ------------------------------------------------------------------------- bad plans


def test_every_problem_of_a_list_is_told_at_once() -> None:
    rows = [
        plan_row(name="db-01", address="10.77.0.103"),
        plan_row(name="web-01", uuid="nonsense"),
        {**plan_row(), "name": "no_underscores"},
        {**plan_row(), "name": "small", "disks": {"scsi0": {"size": "512M"}}},
        {**plan_row(), "name": "odd", "disks": {"floppy0": {"size_gib": 1}}},
        {"name": "worded", "cores": "many"},
        {"name": "both", "template": "debian-13", "image": "local:import/x.qcow2"},
        {"cores": 1},
    ]
    with pytest.raises(RefusedError) as refused:
        desired_guests(rows)
    text = str(refused.value)
    assert "10.77.0.103 has no prefix length" in text
    assert "guest web-01: badly formed hexadecimal UUID" in text
    assert "'no_underscores' is not a valid host name" in text
    assert "disk scsi0: smaller than 1 GiB" in text
    assert "disk 'floppy0'" in text
    assert "guest worded: cores: invalid literal" in text
    assert "guest both: template and image are both stated" in text
    assert "guest ?: name is missing" in text


def test_two_guests_must_not_share_anything_that_tells_them_apart() -> None:
    with pytest.raises(RefusedError) as refused:
        desired_guests([plan_row(), plan_row()])
    assert len(refused.value.problems) == 3
    assert "two guests have the address 10.77.0.103" in str(refused.value)


def test_no_guests_is_an_error() -> None:
    with pytest.raises(RefusedError, match="the list of guests is empty"):
        desired_guests([])
