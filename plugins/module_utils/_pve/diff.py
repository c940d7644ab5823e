# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: the steps that take a guest from what is observed to what is desired. Each step names its undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .disks import Disk, drive, is_cdrom, volume_of
from .errors import RefusedError
from .firmware import FIRMWARE
from .guest import DesiredGuest, ObservedGuest, State, Template, description
from .ha_diff import ha_steps
from .predict import predicted_clone, predicted_create, still_pending
from .steps import NO_UNDO, Do, Step, Words
from .values import boolean, natural, size_text
from .write import Change, Write, config_write, shrinks

__all__ = ["NO_UNDO", "Change", "Do", "State", "Step", "Words", "pending_after", "steps_for", "steps_for_new", "steps_to_remove"]


def steps_for_new(desired: DesiredGuest, template: Template | None, state: State, words: Words | None = None) -> tuple[Step, ...]:
    """Clone or create, then everything that the new guest will still lack. Raises RefusedError."""
    if not desired.node:
        raise RefusedError([f"guest {desired.name} does not exist, names no node, and nothing places it"])
    if template is not None:
        first, after = _clone(desired, template)
    elif desired.template is None:
        first, after = _create(desired)
    else:
        raise RefusedError([f"guest {desired.name}: its template {desired.template} is not known"])
    return (first, *steps_for(after, desired, state, host_key_known=False, words=words))


def _clone(desired: DesiredGuest, template: Template) -> tuple[Step, ObservedGuest]:
    kind = "clone" if desired.full_clone else "clone (linked)"
    where = f"from template {template.name} ({template.vmid}) to node {desired.node}" + (f", pool {desired.pool}" if desired.pool else "")
    storage = clone_storage(desired, template)
    values: dict[str, Any] = {"template": template.vmid, "source": template.node, "node": desired.node, "full": int(desired.full_clone)}
    values |= {key: value for key, value in (("storage", storage), ("pool", desired.pool)) if value}
    step = Step(Do.CLONE, f"{kind} {desired.name} {where}", f"destroy the clone of {desired.name}", values)
    return step, predicted_clone(desired, template, storage)


def clone_storage(desired: DesiredGuest, template: Template) -> str | None:
    """Where a full clone's disks go at once; across nodes the API accepts only shared storages, so they are moved afterwards."""
    wanted = {disk.storage for disk in desired.disks if disk.storage and disk.key in template.config}
    return wanted.pop() if len(wanted) == 1 and template.node == desired.node and desired.full_clone else None


def _create(desired: DesiredGuest) -> tuple[Step, ObservedGuest]:
    write = config_write(ObservedGuest(0, desired.name, desired.node, "stopped", desired.pool, {}), desired)
    config = {**write.set, "description": description(desired.uuid, None, desired.description or "")}
    source = next((f" from image {disk.image}" for disk in desired.disks if disk.image), "")
    where = f"on node {desired.node}{source}" + (f", pool {desired.pool}" if desired.pool else "")
    values: dict[str, Any] = {"node": desired.node, "config": config, **({"pool": desired.pool} if desired.pool else {})}
    changes = tuple(change for change in write.changes if change.key != "description")
    step = Step(Do.CREATE, f"create {desired.name} {where}", f"destroy the new {desired.name}", values, changes)
    return step, predicted_create(desired, config)


def steps_for(
    observed: ObservedGuest,
    desired: DesiredGuest,
    state: State,
    *,
    host_key_known: bool,
    ha: Mapping[str, Any] | None = None,
    words: Words | None = None,
) -> tuple[Step, ...]:
    """The steps for a guest that exists and is ours, or is to be adopted. Empty when nothing is to be done.

    ha: as it is, ``{"state", "max_restart", "max_relocate", "nodes", "strict"}``; None: not managed. Raises RefusedError.
    """
    words = words or Words()
    _check(observed, desired, state, ha)
    write = config_write(observed, desired)
    gone = detached(observed, desired)
    waiting = still_pending(observed, write, gone)
    steps = [*_pool(observed, desired), *_config(write), *_detach(observed, desired, gone)]
    if words.purge_disks:
        old = {**{key: volume_of(str(observed.config[key])) for key in gone}, **write.replaced}
        volumes = tuple(volume for key, volume in sorted(old.items()) if key not in waiting)
        if volumes:
            steps.append(Step(Do.PURGE, f"destroy {', '.join(volumes)}", NO_UNDO, {"volumes": volumes}))
    steps += _moves_and_growth(observed, desired)
    if words.migrate and desired.node and observed.node != desired.node:
        change = Change("node", observed.node, desired.node)
        undo = f"migrate {desired.name} back to {observed.node}"
        steps.append(Step(Do.MIGRATE, f"migrate from {observed.node} to {desired.node}", undo, {"target": desired.node}, (change,)))
    steps += ha_steps(observed, desired, state, ha)
    return (*steps, *_power(observed, desired, state, waiting if words.allow_reboot else frozenset(), host_key_known=host_key_known))


def _check(observed: ObservedGuest, desired: DesiredGuest, state: State, ha: Mapping[str, Any] | None) -> None:
    problems = []
    if observed.mark is None and observed.vmid != desired.adopt:
        problems.append(f"VM {observed.vmid} carries no mark, and nothing says that it shall be adopted")
    if observed.is_template and state not in (State.TEMPLATE, State.PRESENT):
        problems.append(f"VM {observed.vmid} is a template and cannot be {state}")
    wanted = desired.ha.get("state") if isinstance(desired.ha, Mapping) else None
    if (state is State.STARTED and wanted in ("stopped", "disabled")) or (state is State.STOPPED and wanted == "started"):
        problems.append(f"its state is {state} and that of its ha is {wanted}: they contradict each other")
    if state is State.TEMPLATE and (isinstance(desired.ha, Mapping) or (desired.ha is None and ha is not None)):
        problems.append("a template cannot be highly available: state ha: false")
    if problems:
        raise RefusedError([f"guest {desired.name}: {problem}" for problem in problems])


def _pool(observed: ObservedGuest, desired: DesiredGuest) -> list[Step]:
    if not desired.pool or observed.pool == desired.pool:
        return []
    undo = f"move {desired.name} back to pool {observed.pool}" if observed.pool else f"take {desired.name} out of pool {desired.pool}"
    change = Change("pool", observed.pool, desired.pool)
    return [Step(Do.POOL, f"put into pool {desired.pool}", undo, {"pool": desired.pool}, (change,))]


def _config(write: Write) -> list[Step]:
    if not write.set and not write.delete:
        return []
    text = "; ".join(["configure " + ", ".join(sorted([*write.set, *write.delete])), *write.notes])
    return [Step(Do.CONFIG, text, write.undo(), {"set": write.set, "delete": tuple(write.delete)}, tuple(write.changes))]


def detached(observed: ObservedGuest, desired: DesiredGuest) -> tuple[str, ...]:
    """Disks that are there and must not be."""
    return tuple(sorted((key for key in desired.absent if not key.startswith("net") and key in observed.config), key=natural))


def _detach(observed: ObservedGuest, desired: DesiredGuest, keys: tuple[str, ...]) -> list[Step]:
    """Raises RefusedError for a CD drive, and while the guest is protected."""
    if not keys:
        return []
    problems = [f"{key} is a CD drive, not a disk" for key in keys if is_cdrom(str(observed.config[key]))]
    if boolean(desired.options.get("protection", observed.config.get("protection", 0))):
        problems.append(f"VM {observed.vmid} is protected, so {', '.join(keys)} cannot be detached: state protection: false")
    if problems:
        raise RefusedError([f"guest {desired.name}: {problem}" for problem in problems])
    changes = tuple(Change(key, str(observed.config[key]), None) for key in keys)
    undo = ", ".join(f"attach {volume_of(str(observed.config[key]))} as {key} again" for key in keys)
    return [Step(Do.DETACH, f"detach {', '.join(keys)} (kept as unused)", undo, {"keys": keys}, changes)]


def _moves_and_growth(observed: ObservedGuest, desired: DesiredGuest) -> list[Step]:
    """Moves between storages and growth of disks that exist. Raises RefusedError for a shrink."""
    moves: list[Step] = []
    grows: list[Step] = []
    problems: list[str] = []
    for disk in desired.disks:
        text = str(observed.config.get(disk.key, ""))
        if not text or (disk.recreate and shrinks(text, disk)):
            continue
        try:
            moves += _move(disk.key, text, disk.storage, disk.format)
            grows += _growth(text, disk)
        except ValueError as problem:
            problems.append(f"guest {desired.name}: {problem}")
    for kind in FIRMWARE:
        stated, text = desired.firmware.get(kind.key, {}), str(observed.config.get(kind.key, ""))
        if text:
            moves += _move(kind.key, text, stated.get("storage"))
    if problems:
        raise RefusedError(problems)
    return [*moves, *grows]


def _move(key: str, text: str, wanted: str | None, kind: str | None = None) -> list[Step]:
    storage = drive(text)[0]
    if wanted is None or storage == wanted:
        return []
    values = {"disk": key, "storage": wanted, **({"format": kind} if kind else {})}
    change = Change(f"{key}.storage", storage, wanted)
    return [Step(Do.MOVE_DISK, f"move {key} from {storage} to {wanted}", f"move {key} back to {storage}", values, (change,))]


def _growth(text: str, disk: Disk) -> list[Step]:
    size = drive(text)[1]
    if not disk.size:
        return []
    if size is None:
        raise ValueError(f"the size of its disk {disk.key} ({text}) is not known")
    if shrinks(text, disk):
        had, wanted = size_text(size), size_text(disk.size)
        raise ValueError(f"disk {disk.key} has {had}, the plan says {wanted}: disks only grow (recreate: true replaces it by an empty one)")
    if disk.size <= size:
        return []
    before = None if disk.image else size_text(size)  # nobody knows an image's size before it is a disk
    change = Change(f"{disk.key}.size", before, size_text(disk.size))
    words = f"grow {disk.key} " + (f"from {before} " if before else "") + f"to {size_text(disk.size)}"
    return [Step(Do.RESIZE, words, NO_UNDO + " (disks only grow)", {"disk": disk.key, "size": size_text(disk.size)}, (change,))]


def _power(observed: ObservedGuest, desired: DesiredGuest, state: State, waiting: frozenset[str], *, host_key_known: bool) -> list[Step]:
    steps = []
    runs = observed.status == "running"
    if state is State.STARTED and not runs:
        steps.append(Step(Do.START, "start", f"shut {desired.name} down"))
    if state in (State.STOPPED, State.TEMPLATE) and runs:
        steps.append(Step(Do.SHUTDOWN, "shut down", f"start {desired.name}"))
    if state in (State.STARTED, State.PRESENT) and runs and waiting:
        changes = ", ".join(sorted(waiting, key=natural))
        steps.append(Step(Do.REBOOT, f"reboot, for what waits for it: {changes}", f"none: {desired.name} was restarted"))
    if state is State.TEMPLATE and not observed.is_template:
        steps.append(Step(Do.TEMPLATE, "make a template of it", NO_UNDO))
    if state is State.STARTED and not host_key_known:
        text = "make its ssh host key known before the first connection"
        steps.append(Step(Do.HOST_KEY, text, f"remove {desired.name} from the known hosts"))
    return steps


def pending_after(observed: ObservedGuest, steps: Sequence[Step]) -> list[str]:
    """The keys that will wait for the next start once the steps are taken."""
    if any(step.do in (Do.SHUTDOWN, Do.REBOOT, Do.STOP) for step in steps):
        return []
    write, gone = Write(), ()
    for step in steps:
        if step.do is Do.CONFIG:
            write = Write(dict(step.values["set"]), list(step.values["delete"]))
        if step.do is Do.DETACH:
            gone = step.values["keys"]
    return sorted(still_pending(observed, write, gone))


def steps_to_remove(observed: ObservedGuest) -> tuple[Step, ...]:
    """Stop and destroy, for a guest whose identity was proven."""
    stop = [Step(Do.STOP, "stop", f"start {observed.name}")] if observed.status != "stopped" else []
    return (*stop, Step(Do.DESTROY, f"destroy VM {observed.vmid} with its disks", NO_UNDO))
