# SPDX-License-Identifier: GPL-3.0-or-later
"""Carries steps out. Each function is one kind of step and leaves the decision what to do to ``diff.py``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from .diff import Do, Step
from .errors import UNKNOWN_END, GuestMissingError, PveError, RefusedError, TaskFailedError, VmidTakenError
from .gateway import Gateway, Values
from .guest import DISK, DesiredGuest, ObservedGuest, description
from .observe import cluster, observe, power
from .tasks import await_task

VMID_ATTEMPTS = 100
ROUNDS = 4  # how often a call with an unknown end is settled by looking again
LAG = 15.0  # seconds that the cluster's list may lag behind
ORPHANED = 10.0  # seconds without any running clone task after which nobody will finish a half-made guest
MAKING = frozenset({"qmclone", "qmcreate", "qmrestore"})


class Vmids:
    """Free VMIDs of a range. Does not reserve anything on the cluster: whoever clones first has it.

    ``planned`` are kept for the guests that the plan promised them to, so that a run does what its check said.
    """

    def __init__(self, first: int, last: int, taken: frozenset[int], planned: frozenset[int] = frozenset()) -> None:
        self._range = (first, last)
        self._taken = set(taken)
        self._planned = planned
        self._guard = threading.Lock()

    def take(self, planned: int | None = None) -> int:
        """The planned one, or the lowest one that nobody has taken. Raises RefusedError when there is none."""
        first, last = self._range
        with self._guard:
            if planned is not None and planned not in self._taken:
                self._taken.add(planned)
                return planned
            for vmid in range(first, last + 1):
                if vmid not in self._taken and vmid not in self._planned:
                    self._taken.add(vmid)
                    return vmid
        raise RefusedError([f"no free VMID between {first} and {last}"])


class Gates:
    """At most so many heavy tasks at once for each template and each node."""

    def __init__(self, per_template: int, per_node: int) -> None:
        self._limits = {"template": per_template, "node": per_node}
        self._gates: dict[tuple[str, str], threading.BoundedSemaphore] = {}
        self._guard = threading.Lock()

    def of(self, kind: str, name: str) -> threading.BoundedSemaphore:
        with self._guard:
            return self._gates.setdefault((kind, name), threading.BoundedSemaphore(self._limits[kind]))


@dataclass
class Hand:
    """One guest's steps on one cluster. ``tasks`` collects the UPIDs."""

    gateway: Gateway
    desired: DesiredGuest
    vmids: Vmids
    gates: Gates
    task_timeout: float
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    tasks: list[str] = field(default_factory=list)

    def look(self, vmid: int) -> ObservedGuest:
        """The guest as it is now, wherever it is."""
        deadline = self.clock() + LAG
        while True:
            row = cluster(self.gateway).row(vmid)
            if row is not None:
                try:
                    guest = observe(self.gateway, row)
                    return ObservedGuest(vmid, guest.name, guest.node, power(self.gateway, guest), guest.pool, guest.config, guest.digest)
                except GuestMissingError:
                    pass  # it has just moved, or its clone is just being put in place
            if self.clock() > deadline:
                raise PveError(f"guest {self.desired.name}: VM {vmid} has vanished")
            self.sleep(0.5)

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
                    f"guest {self.desired.name}: VM {vmid} on {guest.node} is a half-finished clone (lock: {guest.lock}) and nobody finishes it:"
                    f" look at its task, then run 'qm unlock {vmid}' and 'qm destroy {vmid}' on {guest.node} and run this again"
                )
            self.sleep(1)

    def settle(self, guest: ObservedGuest) -> ObservedGuest:
        """Waits for the guest's running tasks, then looks again: for calls of which it is not known whether they were carried out."""
        deadline = self.clock() + self.task_timeout
        while True:
            rows = self.gateway.get(f"nodes/{guest.node}/tasks", {"vmid": guest.vmid, "source": "active"})
            if not any("endtime" not in row for row in rows):
                return self.finished(guest.vmid)
            if self.clock() > deadline:
                raise PveError(f"guest {self.desired.name}: a task of VM {guest.vmid} still runs after {self.task_timeout:.0f} s")
            self.sleep(1)

    def _wait(self, upid: str) -> None:
        self.tasks.append(upid)
        await_task(self.gateway, upid, self.task_timeout, sleep=self.sleep, clock=self.clock)

    # ----------------------------------------------------------------- clone

    def clone(self, step: Step, host_key: str | None, planned: int | None = None) -> ObservedGuest:
        """Takes a VMID (the planned one first), clones, and proves by our mark that the guest with this VMID is ours."""
        source = f"nodes/{step.values['source']}/qemu/{step.values['template']}/clone"
        given: dict[str, str | int] = {"name": self.desired.name, "full": 1, "description": description(self.desired.uuid, host_key)}
        given |= {key: step.values[key] for key in ("storage", "pool") if key in step.values}
        if step.values["node"] != step.values["source"]:
            given["target"] = step.values["node"]
        with ExitStack() as held:
            held.enter_context(self.gates.of("template", str(step.values["template"])))
            held.enter_context(self.gates.of("node", str(step.values["node"])))
            for _ in range(VMID_ATTEMPTS):
                vmid = self.vmids.take(planned)
                if self._cloned(source, {**given, "newid": vmid}, vmid):
                    return self.finished(vmid)
        raise PveError(f"guest {self.desired.name}: {VMID_ATTEMPTS} VMIDs were taken by others: give another range")

    def _cloned(self, source: str, values: Values, vmid: int) -> bool:
        """Whether the guest with this VMID is ours now. A call with an unknown end is sent again for the same VMID, so at most one clone is made."""
        for attempt in range(ROUNDS):
            try:
                upid = self.gateway.post(source, values)
            except VmidTakenError:
                return self._ours(vmid, patience=LAG if attempt else 0)
            except UNKNOWN_END:
                if self._ours(vmid):
                    return True
                if attempt + 1 == ROUNDS:
                    raise
                self.sleep(1)
            else:
                self._wait(upid)
                break
        return self._ours(vmid, patience=LAG)

    def _ours(self, vmid: int, patience: float = 0) -> bool:
        deadline = self.clock() + patience
        while (row := cluster(self.gateway).row(vmid)) is None and self.clock() < deadline:
            self.sleep(0.5)
        if row is None or row.get("type") != "qemu":
            return False
        try:
            return observe(self.gateway, row).mark == self.desired.uuid
        except GuestMissingError:
            return self.look(vmid).mark == self.desired.uuid

    # ----------------------------------------------------------- other steps

    def carry_out(self, step: Step, guest: ObservedGuest) -> None:
        """Any step but clone and host_key."""
        {
            Do.POOL: self._pool, Do.CONFIG: self._config, Do.MOVE_DISK: self._move_disk, Do.RESIZE: self._resize,
            Do.START: self._start, Do.STOP: self._stop, Do.DESTROY: self._destroy,
        }[step.do](step, guest)  # fmt: skip

    def _path(self, guest: ObservedGuest) -> str:
        return f"nodes/{guest.node}/qemu/{guest.vmid}"

    def _pool(self, step: Step, guest: ObservedGuest) -> None:
        move: Values = {"allow-move": 1} if guest.pool else {}
        self.gateway.put(f"pools/{step.values['pool']}", {"vms": str(guest.vmid), **move}, repeatable=True)

    def _config(self, step: Step, guest: ObservedGuest) -> None:
        values: dict[str, str | int] = {**step.values["set"], **({"digest": guest.digest} if guest.digest else {})}
        if step.values["delete"]:
            values["delete"] = ",".join(step.values["delete"])
        if any(DISK.fullmatch(key) for key in step.values["set"]):
            upid = self.gateway.post(f"{self._path(guest)}/config", values)  # allocating takes time: as a task
            if upid:
                self._wait(upid)
        else:
            self.gateway.put(f"{self._path(guest)}/config", values)

    def _move_disk(self, step: Step, guest: ObservedGuest) -> None:
        with self.gates.of("node", guest.node):
            self._wait(self.gateway.post(f"{self._path(guest)}/move_disk", {**step.values, "delete": 1}))

    def _resize(self, step: Step, guest: ObservedGuest) -> None:
        answer = self.gateway.put(f"{self._path(guest)}/resize", step.values, repeatable=True)
        if answer:  # before 8.0 there is no task
            self._wait(answer)

    def _start(self, _: Step, guest: ObservedGuest) -> None:
        try:
            self._wait(self.gateway.post(f"{self._path(guest)}/status/start"))
        except TaskFailedError:
            if power(self.gateway, guest) != "running":
                raise

    def _stop(self, _: Step, guest: ObservedGuest) -> None:
        try:
            self._wait(self.gateway.post(f"{self._path(guest)}/status/stop"))
        except TaskFailedError:
            if power(self.gateway, guest) != "stopped":
                raise

    def _destroy(self, _: Step, guest: ObservedGuest) -> None:
        """Looks at the identity once more, immediately before: VMIDs are used again within seconds."""
        now = self.look(guest.vmid)
        if now.name != guest.name or now.mark != self.desired.uuid:
            raise RefusedError([f"VM {guest.vmid} is not the guest {guest.name} any more (now {now.name}): it was not destroyed"])
        if str(now.config.get("protection", "0")) == "1":
            raise RefusedError([f"guest {guest.name}: VM {guest.vmid} is protected: take its protection away first"])
        self._wait(self.gateway.delete(self._path(now), {"purge": 1, "destroy-unreferenced-disks": 0}))
