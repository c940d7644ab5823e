# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries out steps on a guest that exists. Each function is one kind of step and leaves the decision what to do to ``diff.py``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .diff import Do, Step
from .disks import DISK, drive
from .errors import ApiError, GuestMissingError, PveError, RefusedError, TaskBusyError, TaskFailedError
from .gateway import Gateway, Values
from .guest import DesiredGuest, ObservedGuest, description, without_marks
from .ha import HaWriter
from .limits import Gate, Gates, Halt
from .observe import Row, cluster, observe, power
from .tasks import await_task, kind_of

ROUNDS = 4  # how often a call with an unknown end is settled by looking again
LAG = 15.0  # seconds that the cluster's list may lag behind
ORPHANED = 10.0  # seconds without any running clone task after which nobody will finish a half-made guest
MAKING = frozenset({"qmclone", "qmcreate", "qmrestore"})


@dataclass
class Hand:
    """One guest on one cluster. ``guest`` is what was last seen of it; ``tasks`` collects the UPIDs.

    stale: we wrote since, so its digest is void. unread: we wrote while it ran, so what waits for its next start is not known.
    """

    gateway: Gateway
    desired: DesiredGuest
    gates: Gates
    halt: Halt
    task_timeout: float
    down_timeout: float  # seconds that the guest's own system may take to go down
    ha: HaWriter
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    tasks: list[str] = field(default_factory=list)
    guest: ObservedGuest = field(init=False)
    stale: bool = False
    unread: bool = False
    rebooted: bool = False

    # ---------------------------------------------------------------- looking

    def look(self, vmid: int) -> ObservedGuest:
        """The guest as it is now, wherever it is, as the cluster lists it. Raises PveError when it has vanished."""
        deadline = self.clock() + LAG
        while True:
            row = cluster(self.gateway).row(vmid)
            if row is not None:
                try:
                    guest = observe(self.gateway, row)
                    return replace(guest, status=power(self.gateway, guest))
                except GuestMissingError:
                    pass  # it has just moved, or its clone is just being put in place
            if self.clock() > deadline:
                raise PveError(f"guest {self.desired.name}: VM {vmid} has vanished")
            self.nap(0.5)

    def refresh(self) -> ObservedGuest:
        """What the guest's own node says of it now: one call, or a search if it has moved. Its pool and power are as last seen."""
        last = self.guest
        row: Row = {"vmid": last.vmid, "node": last.node, "name": last.name, "status": last.status, "pool": last.pool}
        try:
            self.guest = observe(self.gateway, row)
        except GuestMissingError:
            self.guest = self.look(last.vmid)
        self.stale = self.unread = False
        return self.guest

    def finished(self, vmid: int) -> ObservedGuest:
        """Waits until a half-made guest is complete, because its clone task runs on without us (it is listed under its source's VMID)."""
        deadline = self.clock() + self.task_timeout
        orphaned = self.clock() + ORPHANED
        while True:
            guest = self.look(vmid)
            if guest.lock not in ("clone", "create"):
                return guest
            if any(row.get("type") in MAKING and "endtime" not in row for row in self.gateway.get("cluster/tasks")):
                orphaned = self.clock() + ORPHANED
            if self.clock() > min(deadline, orphaned):
                raise PveError(
                    f"guest {self.desired.name}: VM {vmid} on {guest.node} is half-finished (lock: {guest.lock}) and nobody finishes it:"
                    f" look at its task, then run 'qm unlock {vmid}' and 'qm destroy {vmid}' on {guest.node} and run this again"
                )
            self.nap(1)

    def settle(self) -> ObservedGuest:
        """Waits for the guest's running tasks, then looks again: for calls of which it is not known whether they were carried out."""
        guest = self.guest
        deadline = self.clock() + self.task_timeout
        while True:
            rows = self.gateway.get(f"nodes/{guest.node}/tasks", {"vmid": guest.vmid, "source": "active"})
            if not any("endtime" not in row for row in rows):
                break
            if self.clock() > deadline:
                raise PveError(f"guest {self.desired.name}: a task of VM {guest.vmid} still runs after {self.task_timeout:.0f} s")
            self.nap(1)
        self.guest = self.finished(guest.vmid)
        self.stale = self.unread = False
        return self.guest

    # ---------------------------------------------------------------- waiting

    def nap(self, seconds: float) -> None:
        self.halt.check_wait(f"VM {self.guest.vmid} was waited for" if hasattr(self, "guest") else "it was being made")
        self.sleep(seconds)

    def task(self, start: Callable[[], Any]) -> str:
        """Starts a task and waits for its end; one that only waited for a lock is started again. Its UPID, or nothing if it was no task."""
        for attempt in range(ROUNDS):
            upid = start()
            if not upid:
                return ""
            self.tasks.append(str(upid))
            try:
                await_task(self.gateway, upid, self.task_timeout, sleep=self.nap, clock=self.clock)
            except TaskBusyError:
                if attempt + 1 == ROUNDS:
                    raise
                self.nap(2.0**attempt)
            else:
                return str(upid)
        raise AssertionError("unreachable")

    def _until(self, what: str, true: Callable[[], bool]) -> None:
        """For what the HA manager does some time after its task said OK."""
        deadline = self.clock() + self.task_timeout
        while not true():
            if self.clock() > deadline:
                raise PveError(f"guest {self.desired.name}: the HA manager was asked that VM {self.guest.vmid} {what}, and it does not")
            self.nap(1)

    # ------------------------------------------------------------------ steps

    def carry_out(self, step: Step) -> bool:
        """Any step but making the guest and its host key. Whether it was done; False when the guest still holds on to what was to go."""
        with self.gates.through(gates_of(step, self.guest)):
            self.halt.check(step.text)
            done: bool | None = {
                Do.POOL: self._pool, Do.CONFIG: self._config, Do.DETACH: self._detach, Do.PURGE: self._purge, Do.MOVE_DISK: self._move_disk,
                Do.RESIZE: self._resize, Do.MIGRATE: self._migrate, Do.HA: self._ha, Do.START: self._start, Do.SHUTDOWN: self._shutdown,
                Do.REBOOT: self._reboot, Do.TEMPLATE: self._template, Do.STOP: self._stop, Do.DESTROY: self._destroy,
            }[step.do](step.values)  # fmt: skip
            return done is not False

    @property
    def _path(self) -> str:
        return f"nodes/{self.guest.node}/qemu/{self.guest.vmid}"

    def _stamp(self) -> Values:
        """The digest of the configuration as it is; a write of our own made the one before void."""
        digest = (self.refresh() if self.stale else self.guest).digest
        return {"digest": digest} if digest else {}

    def _wrote(self) -> None:
        self.stale = True
        self.unread = self.unread or self.guest.status == "running"

    def _pool(self, values: Values) -> None:
        pool, vmid, old = f"pools/{values['pool']}", str(self.guest.vmid), self.guest.pool
        try:
            self.gateway.put(pool, {"vms": vmid, **({"allow-move": 1} if old else {})}, repeatable=True)
        except ApiError as failure:
            if "allow-move" not in failure.fields:
                raise
            self.gateway.put(f"pools/{old}", {"vms": vmid, "delete": 1}, repeatable=True)  # before 8.0 a guest has to leave first
            self.gateway.put(pool, {"vms": vmid}, repeatable=True)
        self.guest = replace(self.guest, pool=str(values["pool"]))

    def _config(self, values: Mapping[str, Any]) -> None:
        keys, gone = values.get("set") or {}, values.get("delete") or ()
        sent = {**keys, **({"delete": ",".join(gone)} if gone else {}), **self._stamp()}
        if any(DISK.fullmatch(key) for key in keys):
            self.task(lambda: self.gateway.post(f"{self._path}/config", sent))  # allocating takes time: as a task
        else:
            self.gateway.put(f"{self._path}/config", sent)
        self._wrote()

    def _detach(self, values: Mapping[str, Any]) -> None:
        self.prove("none of its disks was detached")
        self.gateway.put(f"{self._path}/config", {"delete": ",".join(values["keys"]), **self._stamp()})
        self._wrote()

    def _purge(self, values: Mapping[str, Any]) -> bool:
        """Destroys unused disks that hold exactly these volumes; one that the running guest still holds on to stays."""
        wanted = set(values["volumes"])
        now = self.prove("none of its disks was destroyed")
        unused = sorted(key for key, value in now.config.items() if key.startswith("unused") and str(value).split(",")[0] in wanted)
        held = [value for key, value in {**now.config, **now.active}.items() if DISK.fullmatch(key) and str(value).split(",")[0] in wanted]
        if unused:
            self.task(lambda: self.gateway.post(f"{self._path}/config", {"delete": ",".join(unused), **self._stamp()}))
            self._wrote()
        return not held

    def _move_disk(self, values: Values) -> None:
        self.task(lambda: self.gateway.post(f"{self._path}/move_disk", {**values, "delete": 1}))
        self._wrote()

    def _resize(self, values: Values) -> None:
        self.task(lambda: self.gateway.put(f"{self._path}/resize", values))  # before 8.0 there is no task
        self._wrote()

    def _migrate(self, values: Values) -> None:
        target, runs = str(values["target"]), self.guest.status == "running"
        live: Values = {"online": 1, "with-local-disks": 1} if runs else {}
        upid = self.task(lambda: self.gateway.post(f"{self._path}/migrate", {"target": target, **live}))
        if kind_of(upid) == "hamigrate":
            self._until(f"moves to {target}", lambda: (cluster(self.gateway).row(self.guest.vmid) or {}).get("node") == target)
        self.guest = replace(self.guest, node=target)
        self._wrote()

    def _ha(self, values: Mapping[str, Any]) -> None:
        self.ha.write(self.guest.vmid, self.desired.name, values)

    # ------------------------------------------------------------------ power

    def _power(self, action: str, wanted: str, values: Values | None = None) -> None:
        """A task that failed because the guest is as wanted already has succeeded."""
        try:
            upid = self.task(lambda: self.gateway.post(f"{self._path}/status/{action}", values or {}))
        except (TaskFailedError, ApiError):
            if power(self.gateway, self.guest) != wanted:
                raise
        else:
            if kind_of(upid).startswith("ha"):
                self._until(f"is {wanted}", lambda: power(self.gateway, self.guest) == wanted)
        self.guest = replace(self.guest, status=wanted)

    def _start(self, _: Values) -> None:
        self._power("start", "running")
        self.guest = replace(self.guest, pending={}, active={})  # a start takes them all

    def _shutdown(self, _: Values) -> None:
        self._power("shutdown", "stopped", {"timeout": int(self.down_timeout)})

    def _stop(self, _: Values) -> None:
        self._power("stop", "stopped")

    def _reboot(self, _: Values) -> None:
        """Once in a run, whatever its answer was: a guest must not go down again because an answer got lost."""
        if self.rebooted:
            raise PveError(f"guest {self.desired.name}: it was told to reboot and its changes still wait; it is not told twice in one run")
        self.rebooted = True
        self.task(lambda: self.gateway.post(f"{self._path}/status/reboot", {"timeout": int(self.down_timeout)}))
        self._wrote()

    # ------------------------------------------------------- no way back

    def prove(self, otherwise: str) -> ObservedGuest:
        """Looks at the identity once more, immediately before: VMIDs are used again within seconds. Raises RefusedError for a stranger."""
        last = self.guest
        now = self.refresh()
        if now.name not in (last.name, self.desired.name) or now.mark != self.desired.uuid:
            raise RefusedError([f"VM {last.vmid} is not the guest {last.name} any more (now {now.name}): {otherwise}"])
        return now

    def _template(self, _: Values) -> None:
        self.prove("it was not made a template")
        self.task(lambda: self.gateway.post(f"{self._path}/template"))
        self._wrote()

    def _destroy(self, _: Values) -> None:
        now = self.prove("it was not destroyed")
        if now.protected:
            raise RefusedError([f"guest {now.name}: VM {now.vmid} is protected: take its protection away first"])
        self.task(lambda: self.gateway.delete(self._path, {"purge": 1, "destroy-unreferenced-disks": 0}))

    # -------------------------------------------------------------- host key

    def mark_host_key(self, fingerprint: str) -> None:
        """Writes the fingerprint into the description, below what the operator wrote there."""
        if self.refresh().host_key == fingerprint:
            return
        text = without_marks(str(self.guest.config.get("description", "")))
        marked = description(self.desired.uuid, fingerprint, text)
        self.gateway.put(f"{self._path}/config", {"description": marked, **self._stamp()})
        self._wrote()


def gates_of(step: Step, guest: ObservedGuest) -> Iterable[Gate]:
    """What a step loads so heavily that only a few of its kind may run at once."""
    node = guest.node
    match step.do:
        case Do.MOVE_DISK:
            storages = [drive(str(guest.config.get(step.values["disk"], "")))[0], str(step.values["storage"])]
            return [("node", node), *(("storage", storage) for storage in storages if storage)]
        case Do.CONFIG:
            disks = [str(value) for key, value in (step.values.get("set") or {}).items() if DISK.fullmatch(key)]
            return [("storage", storage) for storage in map(storage_of, disks) if storage]
        case Do.MIGRATE:
            return [("node", node), ("node", str(step.values["target"]))]
        case Do.START | Do.REBOOT | Do.TEMPLATE | Do.PURGE | Do.DESTROY:
            return [("node", node)]
    return []


def storage_of(text: str) -> str:
    """The storage of a drive's property string; nothing for ``none``."""
    return drive(text)[0] if ":" in text else ""
