# SPDX-License-Identifier: GPL-3.0-or-later
"""For random guests: what is carried out is what was desired, and then nothing is left to do, however the API spells it."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_render import diffs, step_dict
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, State, Step, Words, steps_for, steps_for_new
from ansible_collections.lotse.estate.plugins.module_utils._pve.fields import boot_devices
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, Template, desired_guests, uuid_of, without_marks
from ansible_collections.lotse.estate.plugins.module_utils._pve.reverse import row_of
from hypothesis import given, settings
from hypothesis import strategies as st

from .api_model import Machine, cloned, created
from .rows import noisy, plans

TEMPLATE = Template(9000, "debian-13", "pve1", {
    "name": "debian-13", "template": 1, "memory": "1024", "cores": 1, "agent": "enabled=1", "scsihw": "virtio-scsi-pci", "protection": 1,
    "scsi0": "shared:9000/base-9000-disk-0.qcow2,discard=on,size=4G", "ide2": "shared:9000/vm-9000-cloudinit.qcow2,media=cdrom",
    "net0": "virtio=BC:24:11:00:90:00,bridge=vmbr0,firewall=1", "boot": "order=scsi0", "tags": "golden", "ciuser": "debian",
})  # fmt: skip
chances = st.randoms(use_true_random=False)
states = st.sampled_from([State.PRESENT, State.STARTED, State.STOPPED])
origins = st.sampled_from([{"template": "debian-13"}, {"template": "debian-13", "full_clone": False}, {"image": "local:import/debian.qcow2"}, {}])


def guest(row: dict[str, Any]) -> DesiredGuest:
    return desired_guests([{"name": "db-01", **row}])[0]


def made(wanted: DesiredGuest, state: State) -> tuple[Machine, tuple[Step, ...]]:
    """The guest after its first step, and all steps that were planned."""
    template = TEMPLATE if wanted.template else None
    steps = steps_for_new(wanted, template, state)
    if template is None:
        return created(101, steps[0]), steps
    return cloned(101, steps[0], TEMPLATE.config, wanted.name, f"lotse-guest: {wanted.uuid}\n"), steps


def left(machine: Machine, wanted: DesiredGuest, state: State, words: Words | None = None) -> tuple[Step, ...]:
    return steps_for(machine.seen, wanted, state, host_key_known=machine.key_known, ha=machine.ha, words=words)


def converged(row: dict[str, Any], state: State) -> Machine:
    wanted = guest(row)
    machine, _ = made(wanted, state)
    return machine.take(left(machine, wanted, state))


def foreseen(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    """Everything but the MAC address that the API chooses and that a stated one replaces."""
    kept = []
    for step in told(steps):
        changes = [{**change, "before": None} if change["key"].endswith(".macaddr") else change for change in step["changes"]]
        undo = re.sub(r"(?:set|delete) (net\d+\.macaddr)(?: back to '[^']*')?", r"\1", step["undo"])
        kept.append({**step, "changes": changes, "undo": undo})
    return kept


def told(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [step_dict(step) for step in steps]


@settings(max_examples=100, deadline=None)
@given(plans, origins, states)
def test_a_check_says_exactly_what_the_run_of_a_new_guest_does(row: dict[str, Any], origin: dict[str, Any], state: State) -> None:
    wanted = guest({**row, **origin})
    machine, planned = made(wanted, state)
    rest = left(machine, wanted, state)
    assert foreseen(planned[1:]) == foreseen(rest)
    machine.take(rest)
    assert left(machine, wanted, state) == ()
    assert machine.status == ("running" if state is State.STARTED else "stopped")
    assert machine.pool == wanted.pool
    assert machine.seen.mark == wanted.uuid


@settings(max_examples=100, deadline=None)
@given(plans, states, chances)
def test_no_spelling_makes_a_step(row: dict[str, Any], state: State, chance: random.Random) -> None:
    machine = converged(row, state)
    machine.config = noisy(machine.config, chance)
    assert told(left(machine, guest(row), state)) == []


@settings(max_examples=100, deadline=None)
@given(plans, states, st.booleans())
def test_a_live_guest_as_a_row_needs_no_step(row: dict[str, Any], state: State, stray: bool) -> None:
    machine = converged(row, state)
    if stray:
        machine.config |= {"args": "-no-reboot", "unused3": "shared:101/vm-101-disk-9.qcow2", "ide0": "local:iso/x.iso,media=cdrom,size=628M",
                           "meta": "creation-qemu=9.2,ctime=1", "hookscript": "local:snippets/h.pl"}  # fmt: skip
    seen = machine.seen
    (again,) = desired_guests([row_of(seen, machine.ha)])
    assert again.uuid == seen.mark
    assert told(steps_for(seen, again, again.state or state, host_key_known=True, ha=machine.ha)) == []
    assert row.get("ci_password", "s3cret-Horse") not in str(row_of(seen, machine.ha))


def compatible(old: dict[str, Any], new: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """The second row without what is refused: firmware disks of another kind, and shrinking without the word for it."""
    kept: dict[str, Any] = {key: old[key] for key in ("efi", "tpm") if key in old}
    disks = {}
    for key, disk in new["disks"].items():
        if key in old["disks"] and guest({"disks": {key: disk}}).disks[0].size < guest({"disks": {key: old["disks"][key]}}).disks[0].size:
            disk = {**disk, "recreate": True} if chance.random() < 0.5 else {name: disk[name] for name in disk if not name.startswith("size")}
        disks[key] = disk
    return {**new, **kept, "disks": disks}


@settings(max_examples=200, deadline=None)
@given(plans, plans, states, states, chances, st.booleans(), st.booleans())
def test_carrying_the_steps_out_gives_what_was_desired(
    old: dict[str, Any], new: dict[str, Any], before: State, after: State, chance: random.Random, reboot: bool, purge: bool
) -> None:
    machine = converged(old, before)
    volumes, running, place = machine.volumes, machine.status == "running", machine.node
    row = compatible(old, new, chance)
    wanted, words = guest(row), Words(allow_reboot=reboot, purge_disks=purge)
    steps = left(machine, wanted, after, words)
    machine.take(steps)
    assert told(left(machine, wanted, after, words)) == [], "a second plan is empty"
    assert (machine.status == "running") is (after is State.STARTED or (after is State.PRESENT and running))
    assert all(step.undo for step in steps)
    assert machine.seen.mark == wanted.uuid
    if "description" in row:
        assert without_marks(str(machine.seen.config["description"])) == row["description"]
    assert machine.node == place, "a guest is accepted where it is"
    if reboot and machine.status == "running":
        assert machine.pending == {}, "nothing waits after a reboot that was allowed"
    if not reboot:
        assert machine.reboots == 0
    if not purge:
        assert machine.destroyed == set()
    moved = {f"{step.values['disk']}" for step in steps if step.do is Do.MOVE_DISK}
    if not moved:
        assert volumes <= machine.volumes | machine.destroyed, "no disk vanishes"
    replaced = {key for key, disk in row["disks"].items() if disk.get("recreate")}
    assert len(machine.destroyed) <= len(replaced), "only what was replaced by an explicit word is destroyed"


@settings(max_examples=60, deadline=None)
@given(plans, states, st.sets(st.sampled_from(["scsi1", "virtio0", "sata2", "net1"])), st.booleans(), st.booleans())
def test_what_is_absent_is_detached_and_only_the_word_destroys_it(
    row: dict[str, Any], state: State, gone: set[str], purge: bool, reboot: bool
) -> None:
    machine = converged({**row, "protection": False, "boot": ["scsi0", *row["nics"], *row["disks"]]}, state)
    volumes = machine.volumes
    absent = {
        **row, "protection": False, "boot": None,
        "disks": {**row["disks"], **{key: {"state": "absent"} for key in gone if key != "net1"}},
        "nics": {**row["nics"], **({"net1": {"state": "absent"}} if "net1" in gone else {})},
    }  # fmt: skip
    words = Words(purge_disks=purge, allow_reboot=reboot)
    machine.take(left(machine, guest(absent), state, words))
    assert told(left(machine, guest(absent), state, words)) == []
    assert not gone & set(machine.seen.config)
    assert not gone & set(boot_devices(machine.seen.config["boot"]))
    if reboot:
        assert not machine.pending
    assert volumes == machine.volumes | machine.destroyed
    if not purge:
        assert machine.destroyed == set()


@settings(max_examples=60, deadline=None)
@given(plans, plans, states, chances)
def test_a_password_is_in_nothing_that_anybody_reads(old: dict[str, Any], new: dict[str, Any], state: State, chance: random.Random) -> None:
    secret = "s3cret-Horse"
    wanted = guest({**new, "ci_password": secret})
    machine = converged({key: value for key, value in old.items() if key != "ci_password"}, state)
    changed = guest({**compatible(old, new, chance), "ci_password": secret})
    first, fresh = left(machine, changed, state), made(wanted, state)[1]
    steps = (*first, *fresh)
    assert any(secret in str(step.values) for step in steps), "it is sent"
    rendered = {"name": "db-01", "vmid": 101, "node": "pve1", "steps": told(steps)}
    assert secret not in str(rendered) + str(diffs([rendered])) + repr(steps) + repr(wanted)
    machine.take(first)
    assert left(machine, changed, state) == (), "and only once"


@settings(max_examples=40, deadline=None)
@given(plans)
def test_a_guest_without_a_mark_is_taken_over_only_by_its_number(row: dict[str, Any]) -> None:
    machine = converged(row, State.PRESENT)
    machine.config["description"] = "somebody's notes\n"
    wanted = guest({**row, "description": None, "adopt": 101})
    steps = left(machine, wanted, State.PRESENT)
    assert [step.do for step in steps] == [Do.CONFIG]
    machine.take(steps)
    assert machine.seen.mark == uuid_of("db-01")
    assert without_marks(machine.config["description"]) == "somebody's notes"
    assert left(machine, replace(wanted, adopt=None), State.PRESENT) == ()
