# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: the steps that take a guest from what is observed to what is desired. Each step names its undo."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .errors import RefusedError
from .fields import FIELDS, merged_nic, same_nic
from .guest import DISK, DesiredGuest, ObservedGuest, Template, description, without_marks
from .values import GIB, properties, size_bytes, size_text

NO_UNDO = "none: this is a point of no return"
CLOUD_INIT_SLOTS = ("ide2", "ide0", "ide1", "ide3", "sata5", "scsi30")


class State(StrEnum):
    """What shall be true of every guest in the list."""

    PRESENT = "present"
    STARTED = "started"
    STOPPED = "stopped"
    TEMPLATE = "template"
    ABSENT = "absent"


class Do(StrEnum):
    """Kinds of steps, in the order in which they are taken."""

    DOWNLOAD = "download"
    CLONE = "clone"
    CREATE = "create"
    POOL = "pool"
    CONFIG = "config"
    DETACH = "detach"
    PURGE = "purge"
    MOVE_DISK = "move_disk"
    RESIZE = "resize"
    MIGRATE = "migrate"
    HA = "ha"
    START = "start"
    SHUTDOWN = "shutdown"
    REBOOT = "reboot"
    TEMPLATE = "template"
    HOST_KEY = "host_key"
    STOP = "stop"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Change:
    """One key of the configuration, before and after (None: not set)."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Step:
    """One mutation. ``values`` are its parameters, ``text`` tells an operator what it does.

    ========= =====================================================================================================================
    kind      values
    ========= =====================================================================================================================
    clone     template (VMID), source, node, full (0 or 1), and where stated storage, pool
    create    node, config {API key: value} (name, description, disks and all), and where stated pool
    pool      pool
    config    set {API key: value}, delete (keys, sorted): one write, with the digest
    detach    keys (disks, which become unusedN): one write, with the digest
    purge     volumes: those unusedN that hold exactly these are deleted for ever
    move_disk disk, storage
    resize    disk, size
    migrate   target
    ha        resource {state, max_restart, max_relocate} or None (none of it), nodes {name: priority} or None, strict
    others    none
    ========= =====================================================================================================================
    """

    do: Do
    text: str
    undo: str
    values: Mapping[str, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()


def steps_for_new(desired: DesiredGuest, template: Template, state: State) -> tuple[Step, ...]:
    """Clone, then everything that the clone will still lack (its configuration follows from the template's)."""
    after = predicted_clone(desired, template)
    return (clone_step(desired, template), *steps_for(after, desired, state, host_key_known=False))


def clone_step(desired: DesiredGuest, template: Template) -> Step:
    where = f"from template {template.name} ({template.vmid}) to node {desired.node}" + (f", pool {desired.pool}" if desired.pool else "")
    values: dict[str, Any] = {"template": template.vmid, "source": template.node, "node": desired.node}
    storage = clone_storage(desired, template)
    if storage:
        values["storage"] = storage
    if desired.pool:
        values["pool"] = desired.pool
    return Step(Do.CLONE, f"clone {desired.name} {where}", f"destroy the clone of {desired.name}", values)


def clone_storage(desired: DesiredGuest, template: Template) -> str | None:
    """Where the clone's disks go at once; across nodes the API accepts only shared storages, so they are moved afterwards."""
    wanted = {disk.storage for disk in desired.disks if disk.storage and disk.key in template.config}
    return wanted.pop() if len(wanted) == 1 and template.node == desired.node else None


def predicted_clone(desired: DesiredGuest, template: Template) -> ObservedGuest:
    """The clone's configuration before anything else is done to it."""
    config = {key: value for key, value in template.config.items() if key not in ("template", "digest", "description", "tags")}
    config["name"] = desired.name
    config["description"] = description(desired.uuid)
    storage = clone_storage(desired, template)
    for key, value in config.items():
        if storage and DISK.fullmatch(key) and "media=cdrom" not in str(value):
            config[key] = re.sub(r"^[^:,]+:", f"{storage}:", str(value))
    return ObservedGuest(0, desired.name, desired.node, "stopped", desired.pool, config)


def steps_for(observed: ObservedGuest, desired: DesiredGuest, state: State, *, host_key_known: bool) -> tuple[Step, ...]:
    """The steps for a guest that exists and is ours. Empty when nothing is to be done."""
    steps: list[Step] = []
    if desired.pool and observed.pool != desired.pool:
        undo = f"move {desired.name} back to pool {observed.pool}" if observed.pool else f"take {desired.name} out of pool {desired.pool}"
        change = Change("pool", observed.pool, desired.pool)
        steps.append(Step(Do.POOL, f"put into pool {desired.pool}", undo, {"pool": desired.pool}, (change,)))
    values, changes = config_changes(observed, desired)
    if values:
        undo = ", ".join(f"delete {c.key}" if c.before is None else f"set {c.key} back to {c.before!r}" for c in changes)
        steps.append(Step(Do.CONFIG, "configure " + ", ".join(sorted(values)), undo, {"set": values, "delete": ()}, changes))
    steps += disk_steps(observed, desired)
    if state is State.STARTED:
        if observed.status != "running":
            steps.append(Step(Do.START, "start", f"shut {desired.name} down"))
        if not host_key_known:
            text = "make its ssh host key known before the first connection"
            steps.append(Step(Do.HOST_KEY, text, f"remove {desired.name} from the known hosts"))
    return tuple(steps)


def steps_to_remove(observed: ObservedGuest) -> tuple[Step, ...]:
    """Stop and destroy, for a guest whose identity was proven."""
    stop = [Step(Do.STOP, "stop", f"start {observed.name}")] if observed.status != "stopped" else []
    return (*stop, Step(Do.DESTROY, f"destroy VM {observed.vmid} with its disks", NO_UNDO))


def config_changes(observed: ObservedGuest, desired: DesiredGuest) -> tuple[dict[str, Any], tuple[Change, ...]]:
    """(values for one config write, the same as changes)."""
    config = observed.config
    stated: dict[str, Any] = {**desired.options, "name": desired.name, "tags": desired.tags}
    values: dict[str, Any] = {}
    for entry in FIELDS:
        if entry.option in stated and not entry.same(config.get(entry.api), stated[entry.option]):
            values[entry.api] = entry.kind.wire(stated[entry.option])
    if "description" in desired.options and without_marks(str(config.get("description", ""))) != str(desired.options["description"]).strip():
        values["description"] = description(desired.uuid, observed.host_key, str(desired.options["description"]))
    for key, stated in desired.nics.items():
        wanted = merged_nic(None if config.get(key) is None else str(config[key]), stated)
        if not same_nic(config.get(key), wanted):
            values[key] = wanted
    values |= new_drives(config, desired)
    changes = tuple(Change(key, _shown(config.get(key)), _shown(value)) for key, value in sorted(values.items()))
    return values, changes


def new_drives(config: Mapping[str, Any], desired: DesiredGuest) -> dict[str, str]:
    """Disks that do not exist yet, and a cloud-init drive where the template brought none."""
    fresh: dict[str, str] = {}
    for disk in desired.disks:
        if disk.key not in config:
            if not disk.storage:
                raise RefusedError([f"guest {desired.name}: disk {disk.key} does not exist yet and names no storage"])
            fresh[disk.key] = f"{disk.storage}:{-(-disk.size // GIB)}"
    if "network" in desired.options and not any("cloudinit" in str(value) for value in config.values()):
        storage = next((disk.storage for disk in desired.disks if disk.storage), None)
        slot = next((slot for slot in CLOUD_INIT_SLOTS if slot not in config), None)
        if storage is None or slot is None:
            raise RefusedError([f"guest {desired.name}: no storage or no free slot for its cloud-init drive"])
        fresh[slot] = f"{storage}:cloudinit"
    return fresh


def disk_steps(observed: ObservedGuest, desired: DesiredGuest) -> list[Step]:
    """Moves between storages and growth of disks that exist. Raises RefusedError for a shrink."""
    moves, grows = [], []
    for disk in desired.disks:
        current = observed.config.get(disk.key)
        if current is None:
            continue
        storage, size = drive(str(current))
        if disk.storage and storage != disk.storage:
            change = Change(f"{disk.key}.storage", storage, disk.storage)
            text = f"move {disk.key} from {storage} to {disk.storage}"
            values = {"disk": disk.key, "storage": disk.storage}
            moves.append(Step(Do.MOVE_DISK, text, f"move {disk.key} back to {storage}", values, (change,)))
        if size is None:
            raise RefusedError([f"guest {desired.name}: the size of its disk {disk.key} ({current}) is not known"])
        if disk.size < size:
            raise RefusedError([
                f"guest {desired.name}: disk {disk.key} has {size_text(size)}, the plan says {size_text(disk.size)}: disks only grow"
            ])  # fmt: skip
        if disk.size > size:
            change = Change(f"{disk.key}.size", size_text(size), size_text(disk.size))
            text = f"grow {disk.key} from {size_text(size)} to {size_text(disk.size)}"
            grows.append(Step(Do.RESIZE, text, NO_UNDO + " (disks only grow)", {"disk": disk.key, "size": size_text(disk.size)}, (change,)))
    return [*moves, *grows]


def drive(text: str) -> tuple[str, int | None]:
    """(storage, size in bytes or None) of a drive's property string."""
    parts = properties(text, "file")
    size = parts.get("size")
    return parts.get("file", "").split(":", 1)[0], None if size is None else size_bytes(size)


def _shown(value: Any) -> str | None:
    return None if value is None else str(value).strip()
