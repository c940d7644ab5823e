# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: what the API will make of a step, so that a check says what a run does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .disks import DISK, DRIVE, UNUSED, drive_parts, is_cloud_init, volume_of
from .fields import FIELDS, boot_devices
from .guest import DesiredGuest, ObservedGuest, Template, description
from .nics import IPCONFIG, NIC, nic_parts, nic_text
from .values import property_string
from .write import Write

OF_THE_TEMPLATE = frozenset({"template", "digest", "description", "parent", "snaptime", "vmstate", "snapstate"})
CLOUD_INIT = frozenset({"citype", "ciuser", "cipassword", "ciupgrade", "cicustom", "searchdomain", "nameserver", "sshkeys"})
AT_ONCE = frozenset({
    "description", "hookscript", "migrate_downtime", "migrate_speed", "name", "onboot", "protection", "shares", "startup", "tags",
    "vmstatestorage", "cpuunits", "cpulimit",
})  # fmt: skip
FIXED_DRIVE_PARTS = ("aio", "discard", "iothread", "queues", "product", "cache", "ssd", "vendor", "ro")  # of a running guest
FIXED_NIC_PARTS = ("model", "macaddr", "queues", "mtu")
DEFAULT_HOTPLUG = "network,disk,usb"


def predicted_clone(desired: DesiredGuest, template: Template, storage: str | None) -> ObservedGuest:
    """The clone before anything else is done to it. ``storage``: where all its volumes go (None: where the template's are)."""
    config = {key: value for key, value in template.config.items() if key not in OF_THE_TEMPLATE and not UNUSED.fullmatch(key)}
    for key, value in config.items():
        parts = drive_parts(str(value)) if DRIVE.fullmatch(key) else {}
        if storage and ":" in parts.get("file", "") and (parts.get("media") != "cdrom" or is_cloud_init(str(value))):
            parts["file"] = f"{storage}:{parts['file'].split(':', 1)[1]}"
            config[key] = property_string(parts, "file")
        if NIC.fullmatch(key):  # the API chooses another MAC address
            config[key] = nic_text({part: text for part, text in nic_parts(str(value)).items() if part != "macaddr"})
    config |= {"name": desired.name, "description": description(desired.uuid)}
    return ObservedGuest(0, desired.name, desired.node, "stopped", desired.pool, config)


def predicted_create(desired: DesiredGuest, config: Mapping[str, Any]) -> ObservedGuest:
    """The new guest. A disk that is made from an image is taken for smaller than stated: nobody knows its size before."""
    made = {key: allocated(key, str(value)) if DRIVE.fullmatch(key) else value for key, value in config.items()}
    return ObservedGuest(0, desired.name, desired.node, "stopped", desired.pool, made)


def allocated(key: str, text: str) -> str:
    """What the API makes of a drive's text that asks for a new volume; a drive that exists stays as it is."""
    parts = drive_parts(text)
    storage, _, asked = parts["file"].partition(":")
    if asked == "cloudinit":
        return property_string({**parts, "file": f"{storage}:vm-0-cloudinit", "media": "cdrom"}, "file")
    try:
        gib = float(asked)
    except ValueError:
        return text
    parts.pop("format", None)
    size = "1M" if parts.pop("import-from", None) else f"{int(gib * 1024)}M"
    return property_string({**parts, "file": f"{storage}:vm-0-{key}", "size": size}, "file")


def still_pending(observed: ObservedGuest, write: Write, detached: tuple[str, ...] = ()) -> frozenset[str]:
    """The keys that wait for the next start of a running guest once the write is made. What is not known to take effect at once, waits."""
    if observed.status != "running":
        return frozenset()
    left = set(observed.pending)
    wanted: dict[str, Any] = {**write.set, **dict.fromkeys(write.delete), **dict.fromkeys(detached)}
    for key, after in wanted.items():
        before = observed.active.get(key) if key in observed.pending else observed.config.get(key)
        left.discard(key)
        if not _equal(key, before, after) and _waits(observed.config, key, before, after):
            left.add(key)
    if any(wanted[device] is None for device in boot_devices(observed.active.get("boot", observed.config.get("boot"))) if device in wanted):
        left.add("boot")  # the API takes a device that goes out of the order, which waits
    return frozenset(left)


def _equal(key: str, before: Any, after: Any) -> bool:
    if before is None or after is None:
        return before is after
    field = next((entry for entry in FIELDS if entry.api == key), None)
    return field.same(before, after) if field else str(before) == str(after)


def _waits(config: Mapping[str, Any], key: str, before: Any, after: Any) -> bool:
    hotplug = _hotplug(str(config.get("hotplug", "1")))
    if key in AT_ONCE or key in CLOUD_INIT or IPCONFIG.fullmatch(key) or UNUSED.fullmatch(key):
        return False
    if key == "balloon":
        return _balloons(before) != _balloons(after)
    if key == "memory":
        return "memory" not in hotplug
    if NIC.fullmatch(key):
        return "network" not in hotplug and _new_card(before, after)
    if DISK.fullmatch(key):
        return _drive_waits(before, after, plugged="disk" in hotplug and not key.startswith(("ide", "sata")))
    return True


def _hotplug(text: str) -> frozenset[str]:
    if text == "0":
        return frozenset()
    return frozenset((DEFAULT_HOTPLUG if text == "1" else text).split(","))


def _balloons(value: Any) -> bool:
    return value is None or int(value) != 0


def _new_card(before: Any, after: Any) -> bool:
    """Whether the card has to be unplugged or plugged; other changes are made at the host's end."""
    if before is None or after is None:
        return True
    old, new = nic_parts(str(before)), nic_parts(str(after))
    return any(old.get(part) != new.get(part) for part in FIXED_NIC_PARTS) or not (old.get("bridge") and new.get("bridge"))


def _drive_waits(before: Any, after: Any, *, plugged: bool) -> bool:
    if before is None or after is None:
        return not plugged
    old, new = drive_parts(str(before)), drive_parts(str(after))
    if "cdrom" in (old.get("media"), new.get("media")):
        return False  # another medium
    if volume_of(str(before)) != volume_of(str(after)):
        return not plugged
    return any(old.get(part) != new.get(part) for part in FIXED_DRIVE_PARTS)
