# SPDX-License-Identifier: GPL-3.0-or-later
"""The traps that other tools fall into, one by one, and everything that needs an explicit word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, State, Step, Words, steps_for
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, ObservedGuest, desired_guests, uuid_of
from ansible_collections.lotse.estate.plugins.module_utils._pve.predict import still_pending
from ansible_collections.lotse.estate.plugins.module_utils._pve.write import Write

from .conversation import config, plan_row

DISK = "shared:101/vm-101-disk-0.qcow2"
ALL_WORDS = Words(allow_reboot=True, purge_disks=True, migrate=True)


def desired(**changes: Any) -> DesiredGuest:
    return desired_guests([plan_row(**changes)])[0]


def observed(status: str = "running", **changes: Any) -> ObservedGuest:
    values = config(**changes)
    return ObservedGuest(101, values["name"], "pve2", status, "community", values, values.pop("digest"))


def steps(
    before: ObservedGuest, wanted: DesiredGuest, state: State = State.PRESENT, words: Words | None = None, ha: Mapping[str, Any] | None = None
) -> tuple[Step, ...]:
    return steps_for(before, wanted, state, host_key_known=True, words=words, ha=ha)


def kinds(*given: Any, **named: Any) -> list[Do]:
    return [step.do for step in steps(*given, **named)]


# ------------------------------------------------------------------ what must not be a change


@pytest.mark.parametrize(
    ("there", "row"),
    [
        ({"scsi0": f"{DISK},size=2048M"}, {"disks": {"scsi0": {"size": "2G"}}}),
        ({"scsi0": f"{DISK},size=2052M"}, {"disks": {"scsi0": {"size": "2049M"}}}),
        ({"net0": "virtio=bc:24:11:aa:bb:cc,bridge=vmbr0"}, {"nics": {"net0": {"mac": "BC:24:11:AA:BB:CC"}}}),
        ({"net0": "bridge=vmbr0,model=virtio,macaddr=BC:24:11:AA:BB:CC,queues=4"}, {"nics": {"net0": {"model": "virtio", "bridge": "vmbr0"}}}),
        ({"scsi0": f"size=8G,volume={DISK},discard=on,ssd=1"}, {"disks": {"scsi0": {"discard": True, "cache": "none"}}}),
        ({"memory": "current=1024"}, {"memory_mib": 1024}),
        ({"description": "lotse-guest: 0a8fd1c2-6c1e-5d57-9f7e-3a52ab0a4a11"}, {"description": ""}),
        ({"ipconfig0": "ip6=2001:DB8::1/64,gw=10.77.0.1,ip=10.77.0.103/24"}, {"address6": "2001:db8:0:0::1/64"}),
        ({"machine": "pc-q35-9.2+pve1"}, {"machine": "q35"}),
        ({"ide3": "local:iso/x.iso,media=cdrom,size=628M"}, {"api_options": {"ide3": "file=local:iso/x.iso,media=cdrom"}}),
        ({"vmgenid": "0bd8ab8c-7c4d-4d0f-9d0b-5d9d0c9b1e1a"}, {"api_options": {"vmgenid": 1}}),
        ({"cipassword": "**********"}, {"ci_password": "another"}),
        ({"efidisk0": "shared:101/e.qcow2,efitype=4m,size=528K"}, {"efi": {"pre_enrolled_keys": False}}),
    ],
)
def test_another_spelling_is_no_change(there: dict[str, Any], row: dict[str, Any]) -> None:
    assert steps(observed(**there), desired(**{"disks": {}, **row})) == ()


def test_what_is_not_stated_of_a_disk_or_a_card_stays() -> None:
    before = observed(scsi0=f"{DISK},size=8G,ssd=1,iops_wr=300,serial=abc", net0="virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,mtu=1,queues=4")
    (step,) = steps(before, desired(disks={"scsi0": {"discard": True}}, nics={"net0": {"vlan": 7}}))
    assert step.values["set"] == {
        "scsi0": f"{DISK},size=8G,ssd=1,iops_wr=300,serial=abc,discard=on",
        "net0": "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,mtu=1,queues=4,tag=7",
    }
    assert [(change.key, change.before, change.after) for change in step.changes] == [("net0.tag", None, "7"), ("scsi0.discard", None, "on")]


def test_a_guest_is_accepted_where_ha_put_it() -> None:
    before = replace(observed(), node="pve3")
    assert kinds(before, desired()) == []
    (step,) = steps(before, desired(), words=Words(migrate=True))
    assert (step.do, step.values["target"], step.undo) == (Do.MIGRATE, "pve2", "migrate db-01 back to pve3")


def test_an_option_that_is_none_is_deleted_and_stays_so() -> None:
    before = observed(cpulimit="2", startup="order=2", cicustom="user=local:snippets/u.yml", description="notes\n" + config()["description"])
    wanted = desired(cpu_limit=0, startup="", snippets={}, description="")
    (step,) = steps(before, wanted)
    assert step.values["delete"] == ("cicustom", "cpulimit", "startup")
    left = {key: value for key, value in before.config.items() if key not in step.values["delete"]} | step.values["set"]
    assert steps(replace(before, config=left), wanted) == ()


def test_a_card_that_goes_takes_its_address_along() -> None:
    (step,) = steps(observed(net1="virtio=BC:24:11:00:00:09,bridge=vmbr0", ipconfig1="ip=dhcp"), desired(nics={"net1": {"state": "absent"}}))
    assert step.values == {"set": {}, "delete": ("ipconfig1", "net1")}


def test_an_address_that_is_given_by_dhcp_needs_no_gateway() -> None:
    (step,) = steps(observed(), desired(address="dhcp", gateway=None))
    assert step.values["set"] == {"ipconfig0": "ip=dhcp"}


# ------------------------------------------------------------------------ explicit words


def test_a_detached_disk_is_kept_and_only_the_word_destroys_it() -> None:
    before, gone = observed("stopped", scsi1="shared:101/vm-101-disk-1.qcow2,size=4G"), desired(disks={"scsi1": {"state": "absent"}})
    (step,) = steps(before, gone)
    assert (step.do, step.values["keys"]) == (Do.DETACH, ("scsi1",))
    assert step.undo == "attach shared:101/vm-101-disk-1.qcow2 as scsi1 again"
    detach, purge = steps(before, gone, words=Words(purge_disks=True))
    assert (detach, purge.do, purge.values["volumes"]) == (step, Do.PURGE, ("shared:101/vm-101-disk-1.qcow2",))


def test_a_running_guest_holds_on_to_a_sata_disk_so_nothing_is_destroyed_yet() -> None:
    before = observed(sata1="shared:101/vm-101-disk-1.qcow2,size=4G")
    assert kinds(before, desired(disks={"sata1": {"state": "absent"}}), words=ALL_WORDS) == [Do.DETACH, Do.REBOOT]


def test_a_device_that_goes_leaves_the_boot_order_with_the_next_start() -> None:
    before = observed(scsi1="shared:101/vm-101-disk-1.qcow2,size=4G", boot="order=scsi1;scsi0", net1="virtio=BC:24:11:00:00:09,bridge=vmbr0")
    gone = {"disks": {"scsi1": {"state": "absent"}}}
    assert kinds(before, desired(**gone), words=Words(allow_reboot=True)) == [Do.DETACH, Do.REBOOT]
    assert kinds(before, desired(nics={"net1": {"state": "absent"}}), words=Words(allow_reboot=True)) == [Do.CONFIG], "it is not in the order"


def test_a_disk_is_replaced_only_by_the_word_and_only_if_it_would_shrink() -> None:
    stated = {"storage": "local-lvm", "size_gib": 4}
    with pytest.raises(RefusedError, match="scsi0 has 8G, the plan says 4G: disks only grow"):
        steps(observed(), desired(disks={"scsi0": stated}))
    (step,) = steps(observed("stopped"), desired(disks={"scsi0": {**stated, "recreate": True, "ssd": True}}))
    assert step.values["set"] == {"scsi0": "local-lvm:4,ssd=1"}
    assert "replace scsi0 of 8G by a new, empty disk of 4G (the old one is detached)" in step.text
    assert kinds(observed(), desired(disks={"scsi0": {"size_gib": 8, "recreate": True}})) == []


def test_protected_disks_stay() -> None:
    before, row = observed(protection=1, scsi1=f"{DISK}1,size=4G"), {"disks": {"scsi1": {"state": "absent"}}}
    with pytest.raises(RefusedError, match="is protected, so scsi1 cannot be detached"):
        steps(before, desired(**row))
    assert kinds(before, desired(**row, protection=False)) == [Do.CONFIG, Do.DETACH]


@pytest.mark.parametrize(
    ("there", "row", "problem"),
    [
        ({"efidisk0": "shared:101/e.qcow2,size=128K"}, {"efi": {"type": "4m"}}, "EFI disk .* was made otherwise than stated .efitype=4m."),
        ({"tpmstate0": "shared:101/t.raw,version=v2.0"}, {"tpm": {"version": "1.2"}}, "TPM state .* cannot be changed"),
        ({}, {"tpm": {"version": "2.0"}}, "TPM state does not exist yet and names no storage"),
        ({"ide0": "none,media=cdrom"}, {"disks": {"ide0": {"size_gib": 4, "storage": "shared"}}}, "disk ide0 is a CD drive"),
        ({"ide0": "none,media=cdrom"}, {"disks": {"ide0": {"state": "absent"}}}, "ide0 is a CD drive, not a disk"),
        ({}, {"disks": {"scsi1": {"storage": "shared"}}}, "disk scsi1 does not exist yet and names no size"),
        ({}, {"nics": {"net1": {"vlan": 3}}}, "nic net1 does not exist yet and names no bridge"),
    ],
)
def test_what_cannot_be_is_refused(there: dict[str, Any], row: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        steps(observed(**there), desired(**row))


def test_a_guest_is_taken_over_by_its_number_only() -> None:
    stranger = observed(description="notes")
    with pytest.raises(RefusedError, match="carries no mark, and nothing says that it shall be adopted"):
        steps(stranger, desired())
    with pytest.raises(RefusedError, match="carries no mark"):
        steps(stranger, desired(adopt=102))
    (step,) = steps(stranger, desired(adopt=101))
    assert step.values["set"] == {"description": f"notes\nlotse-guest: {plan_row()['uuid']}\n"}
    with pytest.raises(RefusedError, match="carries the mark of another guest"):
        steps(observed(description=f"lotse-guest: {uuid_of('other')}"), desired(adopt=101))


# ------------------------------------------------------------------------- pending, power


def test_a_reboot_is_only_for_what_waits_and_only_by_the_word() -> None:
    assert kinds(observed(), desired(cores=4), State.STARTED) == [Do.CONFIG]
    config_step, reboot = steps(observed(), desired(cores=4), State.STARTED, Words(allow_reboot=True))
    assert (config_step.do, reboot.do, reboot.text) == (Do.CONFIG, Do.REBOOT, "reboot, for what waits for it: cores")
    assert kinds(observed("stopped"), desired(cores=4), State.STARTED, Words(allow_reboot=True)) == [Do.CONFIG, Do.START]
    assert kinds(observed(), desired(onboot=False), State.STARTED, Words(allow_reboot=True)) == [Do.CONFIG]


def test_what_waited_before_is_a_reason_too_until_it_is_taken_back() -> None:
    before = replace(observed(cores=4), pending={"cores": "4"}, active={"cores": "1"})
    assert kinds(before, desired(cores=4), words=Words(allow_reboot=True)) == [Do.REBOOT]
    assert kinds(before, desired(cores=1), words=Words(allow_reboot=True)) == [Do.CONFIG]


@pytest.mark.parametrize(
    ("key", "before", "after", "waits"),
    [
        ("cores", 1, 2, True), ("memory", "1024", 2048, True), ("cpu", None, "host", True), ("machine", None, "q35", True),
        ("bios", None, "ovmf", True), ("vga", "std", None, True), ("boot", "order=scsi0", "order=net0", True), ("affinity", None, "0-1", True),
        ("tablet", None, "0", True), ("somethingnew", None, "1", True), ("agent", "1", "0", True), ("numa", 0, 1, True),
        ("name", "a", "b", False), ("onboot", 0, 1, False), ("startup", None, "2", False), ("description", "a", "b", False),
        ("protection", 0, 1, False), ("tags", "a", "b", False), ("hookscript", None, "local:snippets/h", False), ("cpulimit", "1", None, False),
        ("cpuunits", None, 100, False), ("ciuser", "a", "b", False), ("ipconfig3", None, "ip=dhcp", False), ("sshkeys", "a", "b", False),
        ("balloon", None, 512, False), ("balloon", 512, 0, True), ("balloon", "0", None, True),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=a", "virtio=BC:24:11:00:00:01,bridge=b,tag=3", False),
        ("net0", "virtio=BC:24:11:00:00:01,bridge=a", "e1000=BC:24:11:00:00:01,bridge=a", False), ("net1", None, "model=virtio,bridge=a", False),
        ("scsi0", "s:d,size=1G", "s:d,size=1G,backup=0", False), ("scsi0", "s:d,size=1G", "s:d,size=1G,ssd=1", True),
        ("scsi1", None, "s:4", False), ("virtio1", "s:d,size=1G", None, False), ("sata1", None, "s:4", True), ("ide2", None, "s:cloudinit", True),
        ("ide2", "local:iso/a,media=cdrom", "none,media=cdrom", False), ("efidisk0", None, "s:1", True), ("tpmstate0", None, "s:1", True),
    ],
)  # fmt: skip
def test_what_a_running_guest_takes_at_once(key: str, before: Any, after: Any, waits: bool) -> None:
    guest = ObservedGuest(101, "db-01", "pve1", "running", None, {} if before is None else {key: before})
    write = Write(delete=[key]) if after is None else Write(set={key: after})
    assert still_pending(guest, write) == (frozenset({key}) if waits else frozenset())
    assert still_pending(replace(guest, status="stopped"), write) == frozenset()


@pytest.mark.parametrize(
    ("hotplug", "key", "after", "waits"),
    [
        ("0", "scsi1", "s:4", True), ("network", "scsi1", "s:4", True), ("disk,memory", "memory", 2048, False),
        ("disk", "net1", "model=virtio,bridge=a", True), ("1", "net1", "model=virtio,bridge=a", False),
    ],
)  # fmt: skip
def test_a_guest_says_itself_what_can_be_plugged(hotplug: str, key: str, after: Any, waits: bool) -> None:
    guest = ObservedGuest(101, "db-01", "pve1", "running", None, {"hotplug": hotplug})
    assert bool(still_pending(guest, Write(set={key: after}))) is waits


def test_states_of_power() -> None:
    assert kinds(observed(), desired(), State.STOPPED) == [Do.SHUTDOWN]
    assert kinds(observed("stopped"), desired(), State.STOPPED) == []
    assert kinds(observed(), desired(), State.TEMPLATE) == [Do.SHUTDOWN, Do.TEMPLATE]
    assert kinds(observed("stopped", template=1), desired(), State.TEMPLATE) == []
    with pytest.raises(RefusedError, match="is a template and cannot be started"):
        steps(observed("stopped", template=1), desired(), State.STARTED)


# -------------------------------------------------------------------------------------- HA

THERE = {"state": "started", "max_restart": 1, "max_relocate": 1, "nodes": {"pve1": 2}, "strict": False}


@pytest.mark.parametrize(
    ("stated", "there", "changes"),
    [
        ({}, THERE, None),
        (False, None, None),
        ({"nodes": {"pve1": 2}, "max_restart": 1}, THERE, None),
        ({"nodes": {"pve1": 2}, "strict": False}, THERE, None),
        (False, THERE, ["ha"]),
        ({"nodes": ["pve1"]}, THERE, ["ha.nodes"]),
        ({"nodes": {"pve1": 2}, "strict": True}, THERE, ["ha.strict"]),
        ({"max_relocate": 3, "state": "ignored"}, THERE, ["ha.state", "ha.max_relocate"]),
        ({}, None, ["ha.state", "ha.max_restart", "ha.max_relocate"]),
    ],
)
def test_ha_is_one_step_for_what_differs(stated: Any, there: Mapping[str, Any] | None, changes: list[str] | None) -> None:
    made = steps(observed(), desired(ha=stated), ha=there)
    assert [[change.key for change in step.changes] for step in made] == ([] if changes is None else [changes])


def test_ha_does_not_start_what_is_to_be_off() -> None:
    (step,) = steps(observed("stopped"), desired(ha={}), State.STOPPED)
    assert step.values == {"resource": {"state": "stopped", "max_restart": 1, "max_relocate": 1}, "nodes": None, "strict": False}
    with pytest.raises(RefusedError, match="contradict each other"):
        steps(observed("stopped"), desired(ha={"state": "started"}), State.STOPPED)
    with pytest.raises(RefusedError, match="contradict each other"):
        steps(observed("stopped"), desired(ha={"state": "disabled"}), State.STARTED)


# ---------------------------------------------------------------------------------- bad rows


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"nics": {"eth0": {"bridge": "vmbr0"}}}, "nic 'eth0': expected a name such as net0|disk 'eth0'"),
        ({"nics": {"net0": {"bridge": "vmbr0", "vlam": 3}}}, "nic net0: unknown option vlam"),
        ({"nics": {"net0": {"mac": "52:54"}}}, "is not a MAC address"),
        ({"nics": {"net0": {"vlan": "blue"}}}, "vlan: invalid literal"),
        ({"nics": {"net1": {"address": "192.0.2.1"}}}, "has no prefix length"),
        ({"nics": {"net0": {"address": "192.0.2.1/24"}}}, "address is stated at the guest and at its nic net0"),
        ({"address": "2001:db8::1/64", "address6": "auto"}, "another address of its family"),
        ({"disks": {"scsi0": {"size_gib": 8, "size": "8G"}}}, "size and size_gib are both stated"),
        ({"disks": {"scsi0": {"size_gib": 8, "dicsard": True}}}, "unknown option dicsard"),
        ({"disks": {"scsi0": {"state": "gone"}}}, "its state is 'gone'"),
        ({"disks": {"scsi0": {"size": "1048577K"}}}, "not a whole number of MiB"),
        ({"disks": {}, "template": None, "image": "local:import/x.qcow2"}, "its image needs a disk"),
        ({"efi": {"kind": "4m"}}, "efi: unknown option kind"),
        ({"ha": {"state": "on"}}, "ha: its state is 'on'"),
        ({"ha": {"strict": True}}, "nodes are not stated"),
        ({"ha": {"group": "x"}}, "ha: unknown option group"),
        ({"api_options": {"cores": 3}}, "api_options: cores is stated by the option cores"),
        ({"api_options": {"ostype": "l26"}}, "api_options: ostype is stated by the option os_type"),
        ({"api_options": {"scsi3": "local:4"}}, "api_options: scsi3 is not set this way"),
        ({"api_options": {"lock": "backup"}}, "api_options: lock is not set this way"),
        ({"state": "running"}, "'running' is not a valid State"),
        ({"boot": ["scsi0", "scsi1"], "disks": {"scsi1": {"state": "absent"}}}, "boot names scsi1, which shall be absent"),
        ({"memory_mib": 512, "balloon_mib": 1024}, "balloon_mib 1024 is more than memory_mib 512"),
        ({"affinity": "many"}, "affinity: invalid literal"),
        ({"onboot": "perhaps"}, "onboot: not a boolean"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(row: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        desired(**row)


def test_only_the_name_is_required_and_names_the_guest_for_ever() -> None:
    (guest,) = desired_guests([{"name": "db-01"}])
    assert (guest.uuid, guest.node, guest.template, guest.disks, guest.tags) == (uuid_of("DB-01"), "", None, (), ("lotse",))
    assert dict(guest.options) == {"agent": True}
