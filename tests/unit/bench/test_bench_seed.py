# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest many times over: everything that tells guests apart differs, everything else is the same."""

from __future__ import annotations

import json
from typing import Any

from tests.bench.seed import FIRST_VMID, address, mac, multiplied, row

DISK = "100/vm-100-disk-0.qcow2"


def state() -> dict[str, Any]:
    first = row(0)
    config = {
        "name": first["name"], "description": f"lotse-guest: {first['uuid']}\n", "net0": f"virtio={mac(0)},bridge=vmbr0",
        "ipconfig0": f"ip={first['address']}", "scsi0": f"shared:{DISK},size=5G", "memory": "512",
    }  # fmt: skip
    guest = {"vmid": 100, "name": first["name"], "machine": first["name"], "node": "pve1", "config": config, "status": "running"}
    template = {"vmid": 9000, "name": "debian-13", "machine": None, "node": "pve1", "config": {}, "status": "stopped"}
    volumes = {DISK: {"vmid": 100, "size": 5}, "9000/base-9000-disk-0.qcow2": {"vmid": 9000, "size": 4}}
    return {"guests": [template, guest], "storages": {"shared": {"volumes": volumes}}, "pools": {"community": [100]}}


def test_every_guest_has_its_own_identity_and_disk() -> None:
    grown = multiplied(state(), 300)
    guests = [guest for guest in grown["guests"] if guest["name"].startswith("bench-")]
    assert len(grown["guests"]) == 301
    assert [guest["vmid"] for guest in guests] == list(range(FIRST_VMID, FIRST_VMID + 300))
    last = guests[-1]
    wanted = row(299)
    assert last["node"] == wanted["node"]
    assert last["config"] == {
        "name": wanted["name"], "description": f"lotse-guest: {wanted['uuid']}\n", "net0": f"virtio={mac(299)},bridge=vmbr0",
        "ipconfig0": f"ip={address(299)}/8", "scsi0": f"shared:{FIRST_VMID + 299}/vm-{FIRST_VMID + 299}-disk-0.qcow2,size=5G", "memory": "512",
    }  # fmt: skip
    volumes = grown["storages"]["shared"]["volumes"]
    assert DISK not in volumes
    assert volumes[f"{FIRST_VMID + 299}/vm-{FIRST_VMID + 299}-disk-0.qcow2"] == {"vmid": FIRST_VMID + 299, "size": 5}
    assert len(volumes) == 301
    assert grown["pools"]["community"] == list(range(FIRST_VMID, FIRST_VMID + 300))


def test_the_given_state_stays_as_it_is() -> None:
    given = state()
    before = json.dumps(given)
    multiplied(given, 3)
    assert json.dumps(given) == before


def test_names_addresses_and_macs_do_not_repeat() -> None:
    rows = [row(number) for number in range(5000)]
    for values in ([guest["name"] for guest in rows], [guest["address"] for guest in rows], [mac(number) for number in range(5000)]):
        assert len(set(values)) == 5000
