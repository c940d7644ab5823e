# SPDX-License-Identifier: GPL-3.0-or-later
"""A live guest as the declarative object: what an operator would write to have it as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .disks import DISK, UNUSED, disk_row, drive, is_cdrom, is_cloud_init
from .fields import FIELDS, as_row
from .firmware import FIRMWARE
from .guest import NOT_OPTIONS, OWNER_TAG, ObservedGuest, State, uuid_of, without_marks
from .nics import IPCONFIG, NIC, nic_row
from .values import natural

# What the API itself keeps there, and what only root may set to what it is.
NOT_STATED = frozenset({
    *NOT_OPTIONS, "meta", "smbios1", "vmgenid", "parent", "snaptime", "vmstate", "snapstate", "runningmachine", "runningcpu",
    "running-nets-host-mtu", "ipconfig", "bootdisk",
})  # fmt: skip


def row_of(observed: ObservedGuest, ha: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The row of which ``steps_for`` makes no step. A stranger's row says adopt; the first run then writes our mark and tag.

    Without its cloud-init password, which the API does not show, and without unused disks.
    """
    config = observed.config
    row: dict[str, Any] = {"name": observed.name, "state": _state(observed), "node": observed.node}
    if observed.mark is None:
        row["adopt"] = observed.vmid
    elif observed.mark != uuid_of(observed.name):
        row["uuid"] = observed.mark
    if observed.pool:
        row["pool"] = observed.pool
    if text := without_marks(str(config.get("description", ""))):
        row["description"] = text
    row |= {key: value for key, value in as_row(FIELDS, config).items() if key != "name"}
    row["tags"] = [tag for tag in row.get("tags", ()) if tag != OWNER_TAG]
    row.setdefault("agent", "0")
    keys = sorted(config, key=natural)
    row["disks"] = {key: disk_row(str(config[key])) for key in keys if DISK.fullmatch(key) and not is_cdrom(str(config[key]))}
    row["nics"] = {key: nic_row(str(config[key]), config.get(key.replace("net", "ipconfig"))) for key in keys if NIC.fullmatch(key)}
    row |= {kind.option: kind.row(str(config[kind.key])) for kind in FIRMWARE if kind.key in config}
    seed = next((str(config[key]) for key in keys if DISK.fullmatch(key) and is_cloud_init(str(config[key]))), None)
    row |= {} if seed is None else {"ci_storage": drive(seed)[0]}
    row["api_options"] = {key: _text(config[key]) for key in keys if _is_other(key, str(config[key]))}
    if ha is not None:
        row["ha"] = {key: value for key, value in ha.items() if value not in (None, {})}
    return {key: value for key, value in row.items() if value not in ([], {})}


def _state(observed: ObservedGuest) -> str:
    if observed.is_template:
        return str(State.TEMPLATE)
    return str(State.STARTED if observed.status == "running" else State.STOPPED)


def _is_other(key: str, value: str) -> bool:
    """A key without an option of its own, or a CD drive that is not cloud-init's."""
    if DISK.fullmatch(key):
        return is_cdrom(value) and not is_cloud_init(value)
    own = {*NOT_STATED, *(entry.api for entry in FIELDS), *(kind.key for kind in FIRMWARE)}
    return key not in own and not any(pattern.fullmatch(key) for pattern in (NIC, IPCONFIG, UNUSED))


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
