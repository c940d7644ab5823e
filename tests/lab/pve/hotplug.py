# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running VM takes at once, as qemu-server 7.4 to 9.2 decide it; everything else waits for the next start."""

from __future__ import annotations

import re
from typing import Any

from fakepve.qemu import DRIVE_KEY, is_cdrom, split_drive

CLOUD_INIT = frozenset({"ciuser", "cipassword", "citype", "ciupgrade", "cicustom", "nameserver", "searchdomain", "sshkeys"})
AT_ONCE = frozenset({
    "name", "description", "onboot", "startup", "protection", "hookscript", "tags", "hotplug", "vmstatestorage", "shares", "migrate_speed",
    "migrate_downtime",
})  # fmt: skip
BY_CGROUP = frozenset({"cpuunits", "cpulimit"})
FEATURES = {"memory": "memory", "vcpus": "cpu", "tablet": "usb"}
DEFAULT = "network,disk,usb"
UNUSED = re.compile(r"unused\d+")
NIC = re.compile(r"net(\d+)")
MODEL = re.compile(r"(?:^|,)(?:model=)?([a-z0-9_]+)=([0-9A-Fa-f:]{17})")
OF_A_NEW_CARD = re.compile(r"(?:^|,)(queues|mtu)=([^,]+)")
OF_A_NEW_DRIVE = ("aio", "discard", "iothread", "queues", "product", "cache", "ssd", "vendor", "ro")


def is_cloud_init(key: str) -> bool:
    return key in CLOUD_INIT or bool(re.fullmatch(r"ipconfig\d+", key))


def hotpluggable(config: dict[str, Any], key: str, value: Any) -> bool:
    """Whether a VM that runs with ``config`` takes the new value (None: the deletion) at once."""
    given = str(config.get("hotplug", "1"))
    features = () if given == "0" else (DEFAULT if given == "1" else given).split(",")
    old = config.get(key)
    if key in AT_ONCE or key in BY_CGROUP or is_cloud_init(key) or UNUSED.fullmatch(key):
        return True
    if key in FEATURES:
        return FEATURES[key] in features
    if key == "balloon":
        return (old is None or int(old) != 0) == (value is None or int(value) != 0)
    if NIC.fullmatch(key):
        return "network" in features or (old is not None and value is not None and _card(str(old)) == _card(str(value)))
    if DRIVE_KEY.match(key):
        return _takes_drive(key, old, value, "disk" in features)
    return False


def _card(text: str) -> tuple[Any, ...]:
    return (*MODEL.findall(text), *sorted(OF_A_NEW_CARD.findall(text)), "bridge=" in text)


def _takes_drive(key: str, old: Any, value: Any, feature: bool) -> bool:
    if key.startswith(("efidisk", "tpmstate")):
        return False
    plugged = feature and not key.startswith(("ide", "sata"))
    if old is None or value is None:
        return plugged
    (volume, before), (new_volume, after) = split_drive(old), split_drive(value)
    if is_cdrom(volume, before) and is_cdrom(new_volume, after):
        return True  # another medium
    if volume != new_volume:
        return plugged
    return all(before.get(part) == after.get(part) for part in OF_A_NEW_DRIVE)
