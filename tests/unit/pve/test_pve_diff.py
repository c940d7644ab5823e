# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan is data: carrying its steps out gives what was desired, and then there is nothing left to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import (
    NO_UNDO,
    Do,
    State,
    Step,
    clone_storage,
    steps_for,
    steps_for_new,
    steps_to_remove,
)
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, ObservedGuest, Template, desired_guests, without_marks
from ansible_collections.lotse.estate.plugins.module_utils._pve.values import size_text
from hypothesis import given, settings
from hypothesis import strategies as st

from .conversation import TEMPLATE_CONFIG, config, plan_row

TEMPLATE = Template(9000, "debian-13", "pve1", {key: value for key, value in TEMPLATE_CONFIG.items() if key != "digest"})


def desired(**changes: Any) -> DesiredGuest:
    return desired_guests([plan_row(**changes)])[0]


def observed(status: str = "running", pool: str | None = "community", **changes: Any) -> ObservedGuest:
    values = config(**changes)
    digest = values.pop("digest")
    return ObservedGuest(101, values["name"], "pve2", status, pool, values, digest)


def carried_out(guest: ObservedGuest, steps: tuple[Step, ...]) -> tuple[ObservedGuest, bool]:
    """What the API makes of the steps, and whether the host key is known afterwards."""
    values, known = dict(guest.config), False
    for step in steps:
        match step.do:
            case Do.POOL:
                guest = replace(guest, pool=step.values["pool"])
            case Do.CONFIG:
                values |= {
                    key: _allocated(key, str(value)) if key.startswith(("scsi", "ide", "net")) else value for key, value in step.values["set"].items()
                }
            case Do.MOVE_DISK:
                values[step.values["disk"]] = f"{step.values['storage']}:{values[step.values['disk']].split(':', 1)[1]}"
            case Do.RESIZE:
                values[step.values["disk"]] = f"{values[step.values['disk']].split(',', 1)[0]},size={step.values['size']}"
            case Do.START:
                guest = replace(guest, status="running")
            case Do.HOST_KEY:
                known = True
            case other:
                pytest.fail(f"a guest that exists got the step {other}")
    return replace(guest, name=values["name"], config=values), known


def _allocated(key: str, value: str) -> str:
    if key.startswith("net"):
        return value.replace("model=virtio", "virtio=BC:24:11:99:99:99").replace("model=e1000", "e1000=BC:24:11:99:99:99")
    storage, _, what = value.partition(":")
    if what == "cloudinit":
        return f"{storage}:101/vm-101-cloudinit.qcow2,media=cdrom"
    return f"{storage}:101/vm-101-{key}.qcow2,size={what}G"


# ------------------------------------------------------------------------- properties

plans = st.fixed_dictionaries(
    {
        "cores": st.integers(1, 8),
        "memory_mib": st.integers(512, 8192),
        "onboot": st.booleans(),
        "tags": st.lists(st.sampled_from(["role-edge", "role-redis", "Blue"]), max_size=3),
        "pool": st.sampled_from(["community", "other", None]),
        "nics": st.fixed_dictionaries({
            "net0": st.fixed_dictionaries(
                {"bridge": st.sampled_from(["vmbr0", "vmbr1"])}, optional={"vlan": st.integers(1, 4094), "firewall": st.booleans()}
            )
        }),
        "disks": st.fixed_dictionaries(
            {"scsi0": st.fixed_dictionaries({"storage": st.sampled_from(["shared", "local-lvm"]), "size_gib": st.integers(8, 64)})},
            optional={"scsi1": st.fixed_dictionaries({"storage": st.just("local-lvm"), "size_gib": st.integers(1, 64)})},
        ),
        "address": st.integers(2, 254).map("10.77.0.{}/24".format),
    },
    optional={
        "cpu": st.sampled_from(["host", "x86-64-v2-AES,flags=+aes"]),
        "balloon_mib": st.integers(0, 512),
        "protection": st.booleans(),
        "startup": st.just("order=2,up=30"),
        "description": st.sampled_from(["", "the database", "two\nlines"]),
        "nameserver": st.just("10.77.0.1 10.77.0.2"),
    },
)
worlds = st.fixed_dictionaries(
    {
        "cores": st.sampled_from([1, "2", None]),
        "memory": st.sampled_from(["1024", 2048, "current=4096"]),
        "onboot": st.sampled_from([0, "1", None]),
        "tags": st.sampled_from(["lotse", "role-redis;lotse", None]),
        "agent": st.sampled_from(["1", "enabled=1", "0", None]),
        "net0": st.sampled_from(["virtio=BC:24:11:AA:BB:CC,bridge=vmbr0", "e1000=bc:24:11:aa:bb:cc,bridge=vmbr1,tag=3", None]),
        "scsi0": st.sampled_from(["shared:101/vm-101-disk-0.qcow2,size=4G", "local-lvm:vm-101-disk-0,discard=on,size=8192M"]),
        "ide2": st.sampled_from(["shared:101/vm-101-cloudinit.qcow2,media=cdrom", None]),
    }
)


@settings(max_examples=100, deadline=None)
@given(plans, worlds, st.sampled_from(["running", "stopped"]), st.sampled_from(list(State)[:2]), st.booleans())
def test_carrying_a_plan_out_leaves_nothing_to_do(plan: dict[str, Any], world: dict[str, Any], status: str, state: State, known: bool) -> None:
    wanted, before = desired(**plan), observed(status, **world)
    steps = steps_for(before, wanted, state, host_key_known=known)
    after, learned = carried_out(before, steps)
    assert steps_for(after, wanted, state, host_key_known=known or learned) == ()
    assert all(step.undo for step in steps), "each step names its undo"
    assert after.mark == wanted.uuid, "the mark stays"
    if plan.get("description") is not None:
        assert without_marks(str(after.config["description"])) == plan["description"].strip()


@settings(max_examples=60, deadline=None)
@given(plans, st.sampled_from(["pve1", "pve2"]))
def test_a_new_guest_needs_no_step_that_was_not_planned(plan: dict[str, Any], node: str) -> None:
    wanted = desired(node=node, **plan)
    steps = steps_for_new(wanted, TEMPLATE, State.STARTED)
    assert [step.do for step in steps].count(Do.CLONE) == 1
    assert steps[0].do is Do.CLONE
    storage = clone_storage(wanted, TEMPLATE) or "shared"
    clone = {**{key: value for key, value in TEMPLATE.config.items() if key != "template"}, "name": wanted.name}
    clone |= {"scsi0": f"{storage}:101/vm-101-disk-0.qcow2,size=4G", "description": f"lotse-guest: {wanted.uuid}\n"}
    made = ObservedGuest(101, wanted.name, node, "stopped", wanted.pool, clone)
    after, known = carried_out(made, steps[1:])
    assert known
    assert steps_for(after, wanted, State.STARTED, host_key_known=True) == ()


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
    with pytest.raises(RefusedError, match="no storage or no free slot"):
        steps_for(observed(ide2=None), desired(disks={}), State.STARTED, host_key_known=True)


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
        {"name": "bare"},
    ]
    with pytest.raises(RefusedError) as refused:
        desired_guests(rows)
    text = str(refused.value)
    assert "10.77.0.103 has no prefix length" in text
    assert "guest web-01: badly formed hexadecimal UUID" in text
    assert "'no_underscores' is not a valid host name" in text
    assert "disk scsi0: smaller than 1 GiB" in text
    assert "disk 'floppy0'" in text
    assert "guest bare: node is missing" in text


def test_two_guests_must_not_share_anything_that_tells_them_apart() -> None:
    with pytest.raises(RefusedError) as refused:
        desired_guests([plan_row(), plan_row()])
    assert len(refused.value.problems) == 3
    assert "two guests have the address 10.77.0.103" in str(refused.value)


def test_no_guests_is_an_error() -> None:
    with pytest.raises(RefusedError, match="the list of guests is empty"):
        desired_guests([])
