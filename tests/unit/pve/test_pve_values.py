# SPDX-License-Identifier: GPL-3.0-or-later
"""Spellings: what means the same compares equal, and what is written is read back."""

from __future__ import annotations

import random

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.fields import AGENT, FIELDS, KEYS, TAGS, Field, differences
from ansible_collections.lotse.estate.plugins.module_utils._pve.nics import merged_nic, nic_changes, nic_parts
from ansible_collections.lotse.estate.plugins.module_utils._pve.values import (
    boolean,
    canonical_properties,
    key_lines,
    megabytes,
    properties,
    property_string,
    size_bytes,
    size_text,
)
from hypothesis import given
from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexampleexampleexampleexampleexampleexam lotse lab"
words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
macs = st.integers(0, 2**48 - 1).map(lambda number: ":".join(f"{number:012X}"[at : at + 2] for at in range(0, 12, 2)))
nics = st.fixed_dictionaries(
    {"bridge": words},
    optional={
        "model": st.sampled_from(["virtio", "e1000"]),
        "mac": macs,
        "vlan": st.integers(1, 4094),
        "mtu": st.integers(1, 9000),
        "firewall": st.booleans(),
    },
)


@given(st.integers(1, 2**50))
def test_a_size_is_read_back(size: int) -> None:
    assert size_bytes(size_text(size)) == size


@pytest.mark.parametrize(("one", "other"), [("2G", "2048M"), ("1.5T", "1536G"), ("1024", "1K"), (" 4g", "4G")])
def test_sizes_of_one_meaning(one: str, other: str) -> None:
    assert size_bytes(one) == size_bytes(other)


@pytest.mark.parametrize("wrong", ["", "G", "4X", "-1G", "4 GiB"])
def test_not_a_size(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        size_bytes(wrong)


@given(st.dictionaries(words, words, max_size=6))
def test_a_property_string_is_read_back(parts: dict[str, str]) -> None:
    assert properties(property_string(parts)) == parts


@given(st.dictionaries(words, words, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_properties_does_not_matter(parts: dict[str, str], chance: random.Random) -> None:
    shuffled = list(parts.items())
    chance.shuffle(shuffled)
    assert canonical_properties(dict(shuffled)) == canonical_properties(parts)


def test_the_part_without_a_key_comes_first() -> None:
    parts = properties("shared:101/vm-101-disk-0.qcow2,size=8G", "file")
    assert parts == {"file": "shared:101/vm-101-disk-0.qcow2", "size": "8G"}
    assert property_string(parts, "file") == "shared:101/vm-101-disk-0.qcow2,size=8G"


def test_a_mac_address_has_no_case_and_a_size_no_unit() -> None:
    one = properties("virtio=bc:24:11:00:00:01,firewall=1,size=2G")
    assert canonical_properties(one) == canonical_properties(properties("firewall=on,size=2048M,virtio=BC:24:11:00:00:01"))


@pytest.mark.parametrize(("text", "meant"), [("1", True), ("yes", True), (True, True), ("off", False), (0, False), ("", False)])
def test_booleans(text: object, meant: bool) -> None:
    assert boolean(text) is meant


def test_a_word_is_no_boolean() -> None:
    with pytest.raises(ValueError, match="not a boolean"):
        boolean("perhaps")


@pytest.mark.parametrize("spelling", [1024, "1024", "current=1024"])
def test_memory_old_and_new(spelling: object) -> None:
    assert megabytes(spelling) == 1024


def test_keys_as_the_api_keeps_them_equal_keys_as_people_write_them() -> None:
    assert key_lines(KEYS.wire([KEY, f"  {KEY} 2\n\n"])) == key_lines(f"{KEY} 2\n{KEY}")


@given(st.lists(words, max_size=5))
def test_tags_are_a_set_without_case(tags: list[str]) -> None:
    assert TAGS.canonical(TAGS.wire(tags)) == TAGS.canonical([tag.upper() for tag in reversed(tags)])


@pytest.mark.parametrize(
    ("observed", "desired"), [("1", True), ("enabled=1", True), ("enabled=0", False), ("1,fstrim_cloned_disks=1", "enabled=1,fstrim_cloned_disks=1")]
)
def test_the_agent_has_a_short_and_a_long_spelling(observed: str, desired: object) -> None:
    assert AGENT.canonical(observed) == AGENT.canonical(desired)


@pytest.mark.parametrize("entry", FIELDS, ids=lambda entry: entry.option)
def test_what_a_field_writes_is_what_was_meant(entry: Field) -> None:
    examples = {
        "name": "db-01", "cores": 4, "sockets": 2, "cpu": "host,flags=+aes", "memory_mib": 2048, "balloon_mib": 0, "agent": True, "onboot": True,
        "protection": False, "startup": "order=2,up=30", "tags": ["Lotse", "role-edge"], "ci_user": "root", "ssh_keys": [KEY],
        "nameserver": ["10.77.0.1", "10.77.0.2"], "search_domain": "lab.example lab2.example", "cpu_limit": 1.5, "cpu_units": 200,
        "affinity": "0-3,8", "numa": True, "machine": "q35", "bios": "ovmf", "os_type": "l26", "scsi_controller": "virtio-scsi-single",
        "vga": "serial0", "serial": "socket", "boot": ["scsi0", "net0"], "ci_upgrade": False, "snippets": {"user": "local:snippets/user.yml"},
    }  # fmt: skip
    desired = examples[entry.option]
    assert entry.same(entry.kind.wire(desired), desired)


def test_a_missing_key_means_the_default_and_an_unreadable_value_nothing() -> None:
    fields = {entry.option: entry for entry in FIELDS}
    assert fields["cores"].same(None, 1)
    assert fields["protection"].same(None, False)
    assert not fields["ci_user"].same(None, "root")
    assert not fields["cores"].same("many", 1)


# ------------------------------------------------------------------------ network cards


def merged(observed: str | None, stated: dict[str, object]) -> str:
    return merged_nic(observed, nic_changes(observed, stated))


@given(nics)
def test_a_merged_card_is_what_was_stated_and_merging_again_changes_nothing(stated: dict[str, object]) -> None:
    wanted = merged(None, stated)
    assert nic_changes(wanted, stated) == {}
    assert nic_parts(wanted)["bridge"] == stated["bridge"]


@given(macs, nics.map(lambda stated: {key: value for key, value in stated.items() if key != "mac"}))
def test_a_card_keeps_its_address_when_none_is_stated(mac: str, stated: dict[str, object]) -> None:
    assert mac in merged(f"virtio={mac},bridge=old", stated)


@pytest.mark.parametrize(
    "spelling",
    [
        "virtio=BC:24:11:00:00:01,bridge=vmbr0",
        "model=virtio,macaddr=bc:24:11:00:00:01,bridge=vmbr0",
        "bridge=vmbr0,firewall=0,virtio=BC:24:11:00:00:01",
        "virtio=bc:24:11:00:00:01,bridge=vmbr0,link_down=off",
    ],
)
def test_cards_of_one_meaning(spelling: str) -> None:
    stated = {"model": "virtio", "mac": "bc:24:11:00:00:01", "bridge": "vmbr0", "firewall": False, "vlan": 0, "trunks": [], "link_down": False}
    assert nic_changes(spelling, stated) == {}


@pytest.mark.parametrize(
    ("other", "changes"),
    [
        ("virtio=BC:24:11:00:00:02,bridge=vmbr0", {"macaddr": "BC:24:11:00:00:01"}),
        ("virtio=BC:24:11:00:00:01,bridge=vmbr1,tag=3", {"bridge": "vmbr0", "tag": None}),
        ("e1000=BC:24:11:00:00:01,bridge=vmbr0,firewall=1", {"model": "virtio", "firewall": None}),
    ],
)
def test_cards_that_differ(other: str, changes: dict[str, object]) -> None:
    stated = {"model": "virtio", "mac": "bc:24:11:00:00:01", "bridge": "vmbr0", "firewall": False, "vlan": 0}
    assert nic_changes(other, stated) == changes


def test_what_nobody_stated_of_a_card_stays() -> None:
    assert merged("virtio=BC:24:11:00:00:01,bridge=vmbr0,queues=4,tag=7", {"bridge": "vmbr1"}) == (
        "virtio=BC:24:11:00:00:01,bridge=vmbr1,queues=4,tag=7"
    )


def test_another_model_keeps_the_address() -> None:
    assert merged("virtio=BC:24:11:00:00:01,bridge=vmbr0", {"model": "e1000"}) == "e1000=BC:24:11:00:00:01,bridge=vmbr0"


# ------------------------------------------------------------------ spelling noise of options


@pytest.mark.parametrize(
    ("option", "observed", "stated"),
    [
        ("cpu", "cputype=host,flags=+aes;-pcid", "host,flags=-pcid;+aes"),
        ("cpu", None, "kvm64"),
        ("cpu_limit", "1.50", 1.5),
        ("cpu_limit", None, 0),
        ("cpu_units", None, 0),
        ("affinity", "0-3,8", "0,1,2,3,8"),
        ("affinity", None, ""),
        ("numa", "0", False),
        ("memory_mib", "current=2048", "2048"),
        ("machine", "pc-q35-9.2+pve1", "q35"),
        ("machine", "type=pc-i440fx-9.2,viommu=intel", "pc,viommu=intel"),
        ("machine", None, "pc"),
        ("bios", None, "seabios"),
        ("os_type", None, "other"),
        ("scsi_controller", None, "lsi"),
        ("vga", "type=qxl,memory=32", "memory=32,type=qxl"),
        ("serial", None, ""),
        ("agent", "1,fstrim_cloned_disks=1", True),
        ("agent", "enabled=1,type=virtio", "1"),
        ("agent", None, False),
        ("boot", "order=scsi0;net0", ["scsi0", "net0"]),
        ("boot", "order=scsi0;net0", "order=scsi0;net0"),
        ("boot", None, []),
        ("startup", "up=30,order=2", "2,up=30"),
        ("startup", "order=2,up=30", {"order": 2}),
        ("startup", None, ""),
        ("startup", None, {}),
        ("tags", "b;A", ["a", "B"]),
        ("nameserver", "10.0.0.1 10.0.0.2", "10.0.0.1,10.0.0.2"),
        ("nameserver", None, ""),
        ("search_domain", None, ""),
        ("ci_user", None, ""),
        ("ci_upgrade", None, True),
        ("ssh_keys", None, []),
        ("snippets", "user=local:snippets/u.yml,meta=local:snippets/m.yml", {"user": "local:snippets/u.yml"}),
        ("snippets", None, {}),
        ("snippets", "meta=local:snippets/m.yml", {"user": ""}),
    ],
)
def test_two_spellings_of_one_meaning_are_no_difference(option: str, observed: object, stated: object) -> None:
    (entry,) = (entry for entry in FIELDS if entry.option == option)
    assert differences([entry], {} if observed is None else {entry.api: observed}, {option: stated}) == {}


@pytest.mark.parametrize(
    ("option", "observed", "stated", "written"),
    [
        ("cpu_limit", "2", 0, None),
        ("affinity", "0-3", "", None),
        ("boot", "order=scsi0;net0", ["net0", "scsi0"], "order=net0;scsi0"),
        ("boot", "order=scsi0", [], None),
        ("startup", "order=2,up=30", {"order": 3}, "3,up=30"),
        ("startup", "order=2,up=30", {"up": ""}, "2"),
        ("startup", "order=2,up=30", "", None),
        ("snippets", "user=local:snippets/u,meta=local:snippets/m", {"user": "local:snippets/v"}, "user=local:snippets/v,meta=local:snippets/m"),
        ("snippets", "user=local:snippets/u.yml", {}, None),
        ("machine", "pc-i440fx-9.2", "q35", "q35"),
        ("agent", "1,fstrim_cloned_disks=1", False, "0,fstrim_cloned_disks=1"),
        ("ssh_keys", "ssh-ed25519%20AAAA%20old%0A", [], None),
        ("nameserver", "10.0.0.1", "", None),
        ("serial", "socket", "", None),
        ("memory_mib", "2048", 4096, 4096),
        ("onboot", 1, False, 0),
    ],
)
def test_a_difference_is_written_and_none_deletes_the_key(option: str, observed: object, stated: object, written: object) -> None:
    (entry,) = (entry for entry in FIELDS if entry.option == option)
    assert differences([entry], {entry.api: observed}, {option: stated}) == {entry.api: written}
    after = {} if written is None else {entry.api: written}
    assert differences([entry], after, {option: stated}) == {}, "written once"
