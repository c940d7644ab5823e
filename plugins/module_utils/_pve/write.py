# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: what one write of a guest's configuration has to set and to delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .disks import DRIVE, EXTENT, Disk, disk_changes, drive, drive_parts, is_cdrom, is_cloud_init, merged_drive, new_drive, volume_of
from .errors import RefusedError
from .fields import FIELDS, Wire, differences
from .firmware import FIRMWARE
from .guest import DesiredGuest, ObservedGuest, description, without_marks
from .nics import merged_network, merged_nic, nic_changes, nic_parts, same_network
from .values import canonical_properties, properties, property_string, size_text

HIDDEN = "(hidden)"
CLOUD_INIT_SLOTS = ("ide2", "ide0", "ide1", "ide3", "sata5", "scsi30")


@dataclass(frozen=True)
class Change:
    """One thing of the configuration, before and after (None: not set). ``net0.tag`` is a part of net0's property string."""

    key: str
    before: str | None
    after: str | None


@dataclass
class Write:
    """One write. replaced: volumes of disks that give way to new ones; notes: what the text of the step must not keep quiet."""

    set: dict[str, Wire] = field(default_factory=dict)
    delete: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    replaced: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def put(self, config: Mapping[str, Any], key: str, value: Wire | None) -> None:
        """A key as a whole; None deletes it."""
        if value is None:
            self.delete.append(key)
        else:
            self.set[key] = value
        self.changes.append(Change(key, _shown(config.get(key)), _shown(value)))

    def put_parts(self, key: str, before: Mapping[str, str], changes: Mapping[str, Wire | None], whole: str) -> None:
        """Some parts of a property string, which is written as a whole."""
        self.set[key] = whole
        self.changes += [Change(f"{key}.{part}", _shown(before.get(part)), _shown(value)) for part, value in changes.items()]

    def undo(self) -> str:
        return ", ".join(f"delete {c.key}" if c.before is None else f"set {c.key} back to {c.before!r}" for c in self.changes)


def config_write(observed: ObservedGuest, desired: DesiredGuest) -> Write:
    """Raises RefusedError with every reason why it cannot be."""
    write = Write()
    problems: list[str] = []
    for part in (_options, _description, _nics, _networks, _disks, _firmware, _cloud_init, _api_options):
        try:
            part(write, observed.config, desired, observed)
        except ValueError as problem:
            problems.append(f"guest {desired.name}: {problem}")
    if problems:
        raise RefusedError(problems)
    write.changes.sort(key=lambda change: change.key)
    write.delete.sort()
    return write


def _options(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    stated = {**desired.options, "name": desired.name, "tags": desired.tags}
    for key, value in differences(FIELDS, config, stated).items():
        write.put(config, key, value)
    if desired.password is not None and config.get("cipassword") is None:  # the API never shows it: it is given once
        write.set["cipassword"] = desired.password
        write.changes.append(Change("cipassword", None, HIDDEN))


def _description(write: Write, config: Mapping[str, Any], desired: DesiredGuest, observed: ObservedGuest) -> None:
    """The operator's text above our marks. A guest that is taken over gets its mark."""
    if observed.mark not in (None, desired.uuid):
        raise ValueError(f"VM {observed.vmid} carries the mark of another guest ({observed.mark})")
    old = without_marks(str(config.get("description", "")))
    text = old if desired.description is None else desired.description
    if text != old or observed.mark is None:
        write.put(config, "description", description(desired.uuid, observed.host_key, text))


def _nics(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    for key, stated in desired.nics.items():
        old = None if config.get(key) is None else str(config[key])
        try:
            changes = nic_changes(old, stated)
        except ValueError as problem:
            raise ValueError(f"nic {key} {problem}") from None
        if changes:
            whole = merged_nic(old, changes)
            if old is None:
                write.put(config, key, whole)
            else:
                write.put_parts(key, nic_parts(old), changes, whole)
    for key in sorted(desired.absent):
        for gone in (key, key.replace("net", "ipconfig")):
            if key.startswith("net") and gone in config:
                write.put(config, gone, None)


def _networks(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    for card, stated in desired.networks.items():
        key = card.replace("net", "ipconfig")
        wanted = merged_network(config.get(key), stated)
        if card not in desired.absent and not same_network(config.get(key), wanted):
            write.put(config, key, wanted or None)


def _disks(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    problems = []
    for disk in desired.disks:
        try:
            _disk(write, config, disk)
        except ValueError as problem:
            problems.append(f"disk {disk.key} {problem}")
    if problems:
        raise ValueError("; ".join(problems))


def _disk(write: Write, config: Mapping[str, Any], disk: Disk) -> None:
    old = config.get(disk.key)
    if old is None:
        if not disk.storage:
            raise ValueError("does not exist yet and names no storage")
        if not disk.size and not disk.image:
            raise ValueError("does not exist yet and names no size")
        write.put(config, disk.key, new_drive(disk, disk.storage))
        return
    text = str(old)
    if is_cdrom(text):
        raise ValueError(f"is a CD drive ({text})")
    if disk.recreate and shrinks(text, disk):
        storage, size = drive(text)
        write.put(config, disk.key, new_drive(disk, disk.storage or storage))
        write.replaced[disk.key] = volume_of(text)
        had = "" if size is None else f" of {size_text(size)}"
        write.notes.append(f"replace {disk.key}{had} by a new, empty disk of {size_text(disk.size)} (the old one is detached)")
        return
    changes = disk_changes(text, disk)
    if changes:
        write.put_parts(disk.key, properties(text, "file"), changes, merged_drive(text, changes))


def shrinks(text: str, disk: Disk) -> bool:
    """Whether a disk that exists is larger than stated, by more than the rounding of its storage."""
    size = drive(text)[1]
    return bool(disk.size) and size is not None and size - disk.size >= EXTENT


def _firmware(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    for kind in FIRMWARE:
        stated = desired.firmware.get(kind.key)
        if stated is None:
            continue
        if kind.key in config:
            kind.check(str(config[kind.key]), stated)
        else:
            write.put(config, kind.key, kind.new(stated))


def _cloud_init(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    """A drive for what cloud-init is to read, where there is none."""
    if not desired.cloud_init or any(DRIVE.fullmatch(key) and is_cloud_init(str(value)) for key, value in config.items()):
        return
    taken = {*config, *write.set, *(disk.key for disk in desired.disks)}
    slot = next((slot for slot in CLOUD_INIT_SLOTS if slot not in taken), None)
    stated = next((disk.storage for disk in desired.disks if disk.storage), None)
    storage = desired.ci_storage or stated or _storage_in(config)
    if storage is None or slot is None:
        raise ValueError("no storage or no free slot for its cloud-init drive")
    write.put(config, slot, f"{storage}:cloudinit")


def _storage_in(config: Mapping[str, Any]) -> str | None:
    disks = sorted(key for key, value in config.items() if DRIVE.fullmatch(key) and not is_cdrom(str(value)))
    return drive(str(config[disks[0]]))[0] if disks else None


def _api_options(write: Write, config: Mapping[str, Any], desired: DesiredGuest, _: ObservedGuest) -> None:
    for key, stated in sorted(desired.api_options.items()):
        old, text = config.get(key), _api_text(stated)
        if not same_api_value(key, old, text):
            write.put(config, key, text if text != "" else None)


def _api_text(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, Mapping):
        return property_string({str(key): _api_text(item) for key, item in value.items()})
    return str(value).strip()


def same_api_value(key: str, observed: Any, wanted: str) -> bool:
    """As texts or as property strings. The size of a CD image is the API's own; ``vmgenid: 1`` asks for any."""
    if observed is None or wanted == "":
        return observed is None and wanted == ""
    if key == "vmgenid" and wanted == "1":
        return str(observed) != "0"
    read = drive_parts if DRIVE.fullmatch(key) else properties
    old, new = read(str(observed).strip()), read(wanted)
    if new.get("media") == "cdrom":
        old.pop("size", None)
        new.pop("size", None)
    return canonical_properties(old) == canonical_properties(new)


def _shown(value: Any) -> str | None:
    return None if value is None else str(value).strip()
