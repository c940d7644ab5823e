# SPDX-License-Identifier: GPL-3.0-or-later
"""The generations of a golden template, without any API: what is the newest, what is called how, what may go."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import ObservedGuest, description
from ansible_collections.lotse.estate.plugins.module_utils._pve.templates import (
    Generation,
    Image,
    Recipe,
    base_volumes,
    download_step,
    generation_of,
    linked_volumes,
    removals,
    rotation,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SUM = "0123456789abcdef" * 4
IMAGE = Image(url="https://images.example.org/trixie/debian-13.qcow2?x=1", checksum=SUM)


def recipe(**changes: Any) -> Recipe:
    given: dict[str, Any] = {
        "name": "debian-13", "node": "pve1", "image": IMAGE, "storage": "shared", "import_storage": "local", "disk": {"key": "scsi0", "size_gib": 8},
        "hardware": {"cores": 1, "agent": True, "cpu": None}, "pool": "community", **changes,
    }  # fmt: skip
    return Recipe(**given)


def made(
    ordinal: int, fingerprint: str = "f" * 16, *, vmid: int | None = None, name: str | None = None, node: str = "pve1", **config: Any
) -> Generation:
    """A generation as it is observed; ``template=None`` is a half-made one."""
    mark = f"00000000-0000-5000-8000-{ordinal:012d}"
    text = description(mark, text=f"Generation {ordinal}\n\nlotse-template: debian-13 g{ordinal} {fingerprint}")
    vmid = vmid or 9000 + ordinal
    full = {
        "description": text, "smbios1": f"uuid={mark}", "template": 1, "scsi0": f"shared:{vmid}/base-{vmid}-disk-0.qcow2,size=8G", **config,
    }  # fmt: skip
    guest = ObservedGuest(
        vmid, name or f"debian-13-g{ordinal}", node, "stopped", "community", {key: value for key, value in full.items() if value is not None}
    )
    found = generation_of(guest)
    assert found is not None
    return found


# ------------------------------------------------------------------ what it is made of


def test_a_recipe_is_the_same_however_it_is_written() -> None:
    same = recipe(
        hardware={"agent": "True", "cores": "1", "nics": {}},
        disk={"size_gib": "8", "key": "scsi0"},
        image=replace(IMAGE, url="http://mirror.example.net/d.raw", checksum=SUM.upper()),
    )
    assert same.fingerprint == recipe().fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"image": replace(IMAGE, checksum="f" * 64)},
        {"image": Image(volume="local:import/debian.qcow2")},
        {"hardware": {"cores": 2}},
        {"disk": {"key": "virtio0", "size_gib": 8}},
        {"disk": {"key": "scsi0", "size_gib": 9}},
        {"storage": "local-lvm"},
    ],
)
def test_another_image_or_hardware_is_another_recipe(change: dict[str, Any]) -> None:
    assert recipe(**change).fingerprint != recipe().fingerprint


def test_a_pool_or_a_tag_makes_no_new_generation() -> None:
    assert recipe(pool=None, tags=("blue",)).fingerprint == recipe().fingerprint


def test_an_image_is_stored_under_its_checksum() -> None:
    assert recipe().volume == "local:import/debian-13-0123456789ab.qcow2"
    assert recipe(image=replace(IMAGE, file_name="trixie.raw")).volume == "local:import/trixie-0123456789ab.raw"
    assert recipe(image=Image(volume="local:import/mine.qcow2")).volume == "local:import/mine.qcow2"


def test_what_may_be_secret_in_a_url_is_not_shown() -> None:
    asked = recipe(image=replace(IMAGE, url="https://ci:s3cret@images.example.org/trixie/debian-13.qcow2?signature=s3cret"))
    step = download_step(asked)
    assert step.values["url"] == asked.image.url
    assert step.text.endswith("from https://images.example.org/trixie/debian-13.qcow2")
    assert "s3cret" not in step.text + step.undo + asked.row(1)["description"] + asked.volume


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"image": replace(IMAGE, checksum="")}, "image.checksum is not a sha256 checksum (64 hexadecimal digits)"),
        ({"image": replace(IMAGE, algorithm="sha512")}, "image.checksum is not a sha512 checksum (128 hexadecimal digits)"),
        ({"image": replace(IMAGE, url="ftp://example.org/d.qcow2")}, "is not an http or https URL"),
        ({"image": replace(IMAGE, url="https://example.org/noble.img")}, "call it .qcow2 then"),
        ({"image": replace(IMAGE, file_name="a b.qcow2")}, "has no spaces"),
        ({"image": Image(volume="/root/d.qcow2")}, "is not a volume"),
        ({"hardware": {"memory": 1024}}, "hardware: unknown option memory"),
        ({"name": "debian_13"}, "is not a host name"),
        ({"name": "d" * 60}, "too long with an ordinal behind it"),
    ],
)
def test_what_a_recipe_refuses(change: dict[str, Any], text: str) -> None:
    (problem,) = recipe(**change).problems()
    assert text in problem


def test_a_generation_is_a_guest_with_our_marks() -> None:
    row = recipe().row(3)
    assert (row["name"], row["image"], row["state"]) == ("debian-13-g3", "local:import/debian-13-0123456789ab.qcow2", "template")
    assert row["api_options"] == {"smbios1": f"uuid={row['uuid']}"}
    assert row["description"].endswith(f"lotse-template: debian-13 g3 {recipe().fingerprint}")
    assert row["disks"] == {"scsi0": {"storage": "shared", "size_gib": 8}}
    assert "cpu" not in row
    assert row["uuid"] == recipe().row(3)["uuid"] != recipe().row(4)["uuid"]


# ------------------------------------------------------------------- what is ours


def test_disks_of_the_firmware_lie_where_the_template_does() -> None:
    row = recipe(hardware={"bios": "ovmf", "efi": {"pre_enrolled_keys": True}}, disk={}).row(1)
    assert row["efi"] == {"storage": "shared", "pre_enrolled_keys": True}
    assert (row["disks"], row["boot"]) == ({"scsi0": {"storage": "shared"}}, ["scsi0"])


def test_a_clone_of_a_generation_is_not_a_generation() -> None:
    """The cluster gives every clone an SMBIOS UUID of its own; description, tags and even the name may be those of the template."""
    original = made(3).guest
    clone = replace(original, config={**original.config, "smbios1": "uuid=7b0a4f0e-2f0f-4b6e-9f49-0b3c1a4d9000", "template": None})
    assert generation_of(clone) is None
    assert generation_of(replace(original, config={**original.config, "description": "by hand"})) is None
    assert generation_of(replace(original, config={key: value for key, value in original.config.items() if key != "smbios1"})) is None


def test_linked_clones_are_recognised_by_their_volumes() -> None:
    bases = base_volumes(made(1, efidisk0="shared:9001/base-9001-disk-1.qcow2,size=528K", ide2="shared:9001/vm-9001-cloudinit.qcow2").guest)
    assert bases == ("shared:9001/base-9001-disk-0.qcow2", "shared:9001/base-9001-disk-1.qcow2")
    assert base_volumes(made(1, scsi0="zfs:base-9001-disk-0,size=8G").guest) == ("zfs:base-9001-disk-0",)
    clone = made(2, unused0="shared:9001/base-9001-disk-0.qcow2/101/vm-101-disk-0.qcow2", scsi0="zfs:base-9001-disk-0/vm-101-disk-0,size=8G").guest
    assert linked_volumes(clone, bases) == ["shared:9001/base-9001-disk-0.qcow2/101/vm-101-disk-0.qcow2"]
    assert linked_volumes(clone, ["zfs:base-9001-disk-0"]) == ["zfs:base-9001-disk-0/vm-101-disk-0"]
    assert linked_volumes(made(10, vmid=90010).guest, bases) == []
    assert linked_volumes(made(2, scsi0="zfs:base-9001-disk-01/vm-101-disk-0").guest, ["zfs:base-9001-disk-0"]) == []


# ----------------------------------------------------------------------- rotation


def fitting(ordinal: int, **changes: Any) -> Generation:
    return made(ordinal, recipe().fingerprint, **changes)


def test_a_first_generation() -> None:
    turn = rotation(recipe(), [], 2)
    assert (turn.ordinal, turn.newest, turn.names, turn.extra) == (1, None, (), ())


def test_what_fits_stays() -> None:
    turn = rotation(recipe(), [fitting(2, name="debian-13"), made(1)], 2)
    assert turn.complete
    assert (turn.ordinal, turn.names, turn.extra) == (2, (), ())


def test_an_old_image_that_is_wanted_again_is_built_again() -> None:
    turn = rotation(recipe(), [fitting(1), made(2, name="debian-13")], 2)
    assert (turn.ordinal, turn.newest) == (3, None)
    assert [(one.ordinal, name) for one, name in turn.names] == [(2, "debian-13-g2")]


def test_a_half_made_generation_is_finished_if_it_fits_and_replaced_if_not() -> None:
    half = fitting(2, template=None)
    turn = rotation(recipe(), [half, made(1, name="debian-13")], 2)
    assert (turn.newest, turn.complete, turn.extra) == (half, False, ())
    turn = rotation(recipe(), [made(2, template=None), made(1, name="debian-13")], 2)
    assert (turn.ordinal, turn.newest, [one.ordinal for one in turn.extra]) == (3, None, [2])


def test_other_nodes_are_left_alone_and_their_numbers_not_used_again() -> None:
    turn = rotation(recipe(), [fitting(7, node="pve2", name="debian-13"), made(1, name="debian-13")], 1)
    assert (turn.ordinal, turn.newest, [one.ordinal for one in turn.extra]) == (8, None, [1])


STEADY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # what a busy computer does to a test says nothing
generations = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.booleans(), st.sampled_from(["pve1", "pve1", "pve2"])), max_size=8, unique_by=lambda one: one[0]
).map(
    lambda rows: [
        made(ordinal, recipe().fingerprint if fits else "f" * 16, node=node, template=1 if finished else None)
        for ordinal, fits, finished, node in rows
    ]
)


@STEADY
@given(generations, st.integers(1, 4))
def test_the_newest_ones_are_never_up_for_removal(found: list[Generation], keep: int) -> None:
    turn = rotation(recipe(), found, keep)
    here = [one for one in found if one.guest.node == "pve1"]
    stay = [one for one in here if one not in turn.extra]
    assert all(one in here for one in turn.extra)
    assert turn.newest is None or turn.newest in stay
    finished = sorted((one.ordinal for one in here if one.finished), reverse=True)
    building = 0 if turn.complete else 1
    kept = sorted((one.ordinal for one in stay if one.finished), reverse=True)
    assert kept == finished[: keep - building], "exactly the newest ones, the one that is being made counted"
    assert turn.ordinal >= max((one.ordinal for one in found), default=0) or turn.newest is not None


@STEADY
@given(generations, st.integers(1, 4), st.sets(st.integers(9001, 9006)), st.integers(0, 3))
def test_what_is_held_or_protected_never_goes_and_no_more_than_allowed(found: list[Generation], keep: int, held: set[int], max_destroys: int) -> None:
    decided = removals(rotation(recipe(), found, keep).extra, dict.fromkeys(held, "VM 101 is a linked clone of it"), max_destroys)
    go = [one for one in decided if one.kept is None]
    assert len(go) <= max_destroys
    assert not {one.generation.vmid for one in go} & held
    may = [one for one in decided if one.generation.vmid not in held]
    assert len(go) == min(max_destroys, len(may)), "and nothing else stops a removal"


@STEADY
@given(generations, st.integers(1, 3))
def test_rotating_again_changes_nothing(found: list[Generation], keep: int) -> None:
    """apply(rotation) is a fixed point: names as said, extra ones gone, the newest one there."""
    turn = rotation(recipe(), found, keep)
    names = {one.vmid: name for one, name in turn.names}
    left = [one for one in found if one not in turn.extra and one is not turn.newest]
    after = [replace(one, guest=replace(one.guest, name=names.get(one.vmid, one.guest.name))) for one in left]
    after.append(fitting(turn.ordinal, vmid=turn.newest.vmid if turn.newest else 9999, name="debian-13"))
    again = rotation(recipe(), after, keep)
    assert again.complete
    assert (again.ordinal, again.names, again.extra) == (turn.ordinal, (), ())


def test_protected_and_locked_generations_stay_with_the_reason() -> None:
    extra = [made(1, protection=1), made(2, lock="backup"), made(3)]
    assert [one.kept for one in removals(extra, {}, 5)] == ["it is protected", "it is locked (backup)", None]
    assert [one.kept for one in removals(extra, {9003: "VM 101 is a linked clone of it"}, 5)][2] == "VM 101 is a linked clone of it"
