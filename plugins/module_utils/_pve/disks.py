# SPDX-License-Identifier: GPL-3.0-or-later
"""Disks: their options, and the property strings of drives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .fields import DECIMAL, DISCARD, FLAG, TEXT, Field, Wire, as_row, checked, differences
from .values import GIB, number_text, properties, property_string, size_bytes, size_text

DISK = re.compile(r"(?:scsi|virtio|sata|ide)\d+")
DRIVE = re.compile(rf"{DISK.pattern}|efidisk0|tpmstate0")
UNUSED = re.compile(r"unused\d+")
MIB = 1024**2
EXTENT = 4 * MIB  # LVM rounds sizes up to whole extents: a disk that is larger by less than one is as large as stated
DISK_FIELDS: tuple[Field, ...] = (
    Field("cache", "cache", TEXT, "none", none="none"),
    Field("discard", "discard", DISCARD, "ignore", none="ignore"),
    Field("ssd", "ssd", FLAG, 0, none=0),
    Field("iothread", "iothread", FLAG, 0, none=0),
    Field("backup", "backup", FLAG, 1, none=1),
    Field("aio", "aio", TEXT, none=""),
    Field("readonly", "ro", FLAG, 0, none=0),
    Field("replicate", "replicate", FLAG, 1, none=1),
    *(Field(f"{what}_{way}", f"{what}_{way}", DECIMAL, 0, none=0) for what in ("iops", "mbps") for way in ("rd", "wr")),
)
OTHERS = ("size", "size_gib", "storage", "format", "state", "recreate")


@dataclass(frozen=True)
class Disk:
    """A disk that must exist, with at least ``size`` bytes (0: as it is) on ``storage`` (None: wherever it is).

    options: of the table. format: of a new or moved volume. image: volume that a new one is made from.
    recreate: one that would have to shrink is replaced by a new, empty one.
    """

    key: str
    size: int = 0
    storage: str | None = None
    format: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    image: str | None = None
    recreate: bool = False


def stated_disk(key: str, given: Mapping[str, Any], image: str | None = None) -> Disk:
    """From a row. Raises ValueError."""
    check_key(key)
    unknown = sorted(set(given) - {entry.option for entry in DISK_FIELDS} - {*OTHERS})
    if unknown:
        raise ValueError(f"disk {key}: unknown option {', '.join(unknown)}")
    given = {option: value for option, value in given.items() if value is not None}
    if "size" in given and "size_gib" in given:
        raise ValueError(f"disk {key}: size and size_gib are both stated")
    try:
        size = size_bytes(str(given["size"])) if "size" in given else int(float(given.get("size_gib", 0)) * GIB)
        options = checked(DISK_FIELDS, given)
    except ValueError as failure:
        raise ValueError(f"disk {key}: {failure}") from None
    if size < GIB and ("size" in given or "size_gib" in given):
        raise ValueError(f"disk {key}: smaller than 1 GiB")
    if size % MIB:
        raise ValueError(f"disk {key}: its size is not a whole number of MiB")
    return Disk(key, size, given.get("storage"), given.get("format"), options, image, bool(given.get("recreate")))


def check_key(key: str) -> None:
    if not DISK.fullmatch(key):
        raise ValueError(f"disk {key!r}: expected a name such as scsi0 or virtio1")


def drive(text: str) -> tuple[str, int | None]:
    """(storage, size in bytes or None) of a drive's property string."""
    parts = drive_parts(text)
    size = parts.get("size")
    return parts.get("file", "").split(":", 1)[0], None if size is None else size_bytes(size)


def drive_parts(text: str) -> dict[str, str]:
    parts = properties(text, "file")
    return {"file": parts.pop("volume"), **parts} if "volume" in parts else parts


def volume_of(text: str) -> str:
    return drive_parts(text).get("file", "")


def volume_disks(config: Mapping[str, Any]) -> dict[str, str]:
    """Drives that are volumes of a storage and no CD."""
    return {key: str(value) for key, value in config.items() if DRIVE.fullmatch(key) and ":" in str(value) and "media=cdrom" not in str(value)}


def is_cdrom(text: str) -> bool:
    return drive_parts(text).get("media") == "cdrom" or volume_of(text) in ("none", "cdrom")


def is_cloud_init(text: str) -> bool:
    return bool(re.search(r"[:/](?:vm-\d+-)?cloudinit(?:\.[a-z0-9]+)?$", volume_of(text)))


def disk_changes(observed: str, disk: Disk) -> dict[str, Wire | None]:
    """What changes in the property string of a disk that exists, by key."""
    return differences(DISK_FIELDS, drive_parts(observed), disk.options)


def merged_drive(observed: str, changes: Mapping[str, Wire | None]) -> str:
    """Its new property string: the changes over what is there; what is not stated stays."""
    parts = {**drive_parts(observed), **changes}
    return property_string({key: str(value) for key, value in parts.items() if value is not None}, "file")


def new_drive(disk: Disk, storage: str) -> str:
    """The text that makes the API allocate the disk."""
    options = {key: str(value) for key, value in differences(DISK_FIELDS, {}, disk.options).items() if value is not None}
    size = "0" if disk.image else number_text(disk.size / GIB)
    source = {"import-from": disk.image} if disk.image else {}
    kind = {"format": disk.format} if disk.format else {}
    return property_string({"file": f"{storage}:{size}", **source, **kind, **options}, "file")


def disk_row(text: str) -> dict[str, Any]:
    """A live disk as an operator would write it."""
    storage, size = drive(text)
    shown = {} if size is None else ({"size_gib": size // GIB} if size % GIB == 0 else {"size": size_text(size)})
    if size is not None and (size < GIB or size % MIB):
        shown = {}  # it cannot be stated, and is left as it is
    return {"storage": storage, **shown, **as_row(DISK_FIELDS, drive_parts(text))}
