# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster full of guests for the lab's API: one guest that the module made, many times over, in the API's state file."""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

State = dict[str, Any]
Row = dict[str, Any]
NODES = ("pve1", "pve2", "pve3", "pve4")
FIRST_VMID = 10001
NAMESPACE = uuid.UUID("6f0c0a5e-0c1f-4b8e-9a53-0d2c5a1f7b10")


def row(number: int, memory_mib: int = 512) -> Row:
    """What a user writes about guest ``number`` (from 0), for pve_fleet."""
    return {
        "name": f"bench-{number:05d}",
        "uuid": str(uuid.uuid5(NAMESPACE, str(number))),
        "node": NODES[number % len(NODES)],
        "template": "debian-13",
        "cores": 2,
        "memory_mib": memory_mib,
        "disks": {"scsi0": {"storage": "shared", "size_gib": 5}},
        "nics": {"net0": {"bridge": "vmbr0", "mac": mac(number)}},
        "address": f"{address(number)}/8",
        "gateway": "10.0.0.1",
        "ci_user": "root",
        "pool": "community",
        "tags": ["bench"],
        "onboot": True,
    }


def mac(number: int) -> str:
    return "BC:24:12:" + ":".join(f"{part:02X}" for part in number.to_bytes(3, "big"))


def address(number: int) -> str:
    return f"10.1.{number // 250}.{number % 250 + 1}"


def multiplied(state: State, count: int) -> State:
    """A state that holds guests 0 … count-1 like its guest 0, which must be there; as the API's own state file has it."""
    grown = copy.deepcopy(state)
    pattern = next(guest for guest in state["guests"] if guest["name"] == row(0)["name"])
    own = {
        (sid, name): volume
        for sid, store in state["storages"].items()
        for name, volume in store.get("volumes", {}).items()
        if volume.get("vmid") == pattern["vmid"]
    }
    grown["guests"].remove(pattern)
    for sid, name in own:
        del grown["storages"][sid]["volumes"][name]
    for number in range(count):
        names, vmid = _renaming(pattern["vmid"], number), FIRST_VMID + number
        guest = {**_renamed(pattern, names), "vmid": vmid, "node": NODES[number % len(NODES)]}
        grown["guests"].append(guest)
        for (sid, name), volume in own.items():
            new_name, new_volume = _renamed([name, volume], names)
            grown["storages"][sid]["volumes"][new_name] = {**new_volume, "vmid": vmid}
    for ids in grown["pools"].values():
        if pattern["vmid"] in ids:
            ids.remove(pattern["vmid"])
            ids += range(FIRST_VMID, FIRST_VMID + count)
    return grown


def _renaming(vmid: int, number: int) -> list[tuple[str, str]]:
    first, this = row(0), row(number)
    return [
        (first["name"], this["name"]),
        (first["uuid"], this["uuid"]),
        (mac(0), mac(number)),
        (f"ip={address(0)}/", f"ip={address(number)}/"),
        (f":{vmid}/", f":{FIRST_VMID + number}/"),
        (f'"{vmid}/', f'"{FIRST_VMID + number}/'),
        (f"vm-{vmid}-", f"vm-{FIRST_VMID + number}-"),
    ]


def _renamed(values: Any, names: list[tuple[str, str]]) -> Any:
    text = json.dumps(values)
    for old, new in names:
        text = text.replace(old, new)
    return json.loads(text)
