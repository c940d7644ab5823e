# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes guests, by clone or from nothing. Nothing reserves a VMID: whoever makes a guest first has it, and our mark proves whose it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .apply import LAG, ROUNDS, Hand, storage_of
from .diff import Do, Step
from .disks import DISK
from .errors import UNKNOWN_END, GuestMissingError, PveError, VmidTakenError
from .guest import ObservedGuest, description, without_marks
from .limits import Gate, Vmids
from .observe import Row, cluster, observe, power

VMID_ATTEMPTS = 100
Post = Callable[[int], Any]


class Maker:
    """Makes one guest with the first VMID that is free."""

    def __init__(self, hand: Hand, vmids: Vmids) -> None:
        self.hand = hand
        self.vmids = vmids

    def make(self, step: Step, host_key: str | None, planned: int | None = None) -> ObservedGuest:
        """Takes a VMID (the planned one first), clones or creates, and proves by our mark that the guest with this VMID is ours."""
        post, gates = self._clone(step, host_key) if step.do is Do.CLONE else self._create(step, host_key)
        born: Row = {"node": step.values["node"], "status": "stopped", "pool": step.values.get("pool")}
        with self.hand.gates.through(gates):
            self.hand.halt.check(step.text)
            for _ in range(VMID_ATTEMPTS):
                vmid = self.vmids.take(planned)
                guest = self._made(post, {**born, "vmid": vmid})
                if guest is not None:
                    self.hand.guest = guest
                    return guest
        raise PveError(f"guest {self.hand.desired.name}: {VMID_ATTEMPTS} VMIDs were taken by others: give another range")

    def _clone(self, step: Step, host_key: str | None) -> tuple[Post, list[Gate]]:
        values, desired = step.values, self.hand.desired
        given: dict[str, Any] = {"name": desired.name, "full": int(values.get("full", 1)), "description": description(desired.uuid, host_key)}
        given |= {key: values[key] for key in ("storage", "pool") if values.get(key)}
        if values["node"] != values["source"]:
            given["target"] = values["node"]
        path = f"nodes/{values['source']}/qemu/{values['template']}/clone"
        gates: list[Gate] = [("template", str(values["template"])), ("node", str(values["node"]))]
        if values.get("storage"):
            gates.append(("storage", str(values["storage"])))
        return lambda vmid: self.hand.gateway.post(path, {**given, "newid": vmid}), gates

    def _create(self, step: Step, host_key: str | None) -> tuple[Post, list[Gate]]:
        values, desired = step.values, self.hand.desired
        config = dict(values["config"])
        config["description"] = description(desired.uuid, host_key, without_marks(str(config.get("description", ""))))
        given: dict[str, Any] = {**config, **({"pool": values["pool"]} if values.get("pool") else {})}
        storages = {storage_of(str(value)) for key, value in config.items() if DISK.fullmatch(key)} - {""}
        path = f"nodes/{values['node']}/qemu"
        gates: list[Gate] = [("node", str(values["node"])), *(("storage", storage) for storage in sorted(storages))]
        return lambda vmid: self.hand.gateway.post(path, {**given, "vmid": vmid}), gates

    def _made(self, post: Post, born: Row) -> ObservedGuest | None:
        """The guest, if the one with this VMID is ours now. A call with an unknown end is sent again for the same VMID, so at most one is made."""
        vmid = int(born["vmid"])
        for attempt in range(ROUNDS):
            try:
                self.hand.task(lambda: post(vmid))
            except VmidTakenError:
                return self._ours(vmid, patience=LAG if attempt else 0)
            except UNKNOWN_END:
                if guest := self._ours(vmid):
                    return guest
                if attempt + 1 == ROUNDS:
                    raise
                self.hand.nap(1)
            else:
                return self._there(born) or self._ours(vmid, patience=LAG)
        raise AssertionError("unreachable")

    def _there(self, born: Row) -> ObservedGuest | None:
        """Where it was just made: one call instead of the whole list."""
        try:
            guest = observe(self.hand.gateway, born)
        except GuestMissingError:
            return None
        return guest if guest.mark == self.hand.desired.uuid and guest.lock is None else None

    def _ours(self, vmid: int, patience: float = 0) -> ObservedGuest | None:
        """Wherever the list says it is. What is just being created carries no mark yet, so its end is waited for."""
        hand = self.hand
        deadline = hand.clock() + patience
        while (row := cluster(hand.gateway).row(vmid)) is None and hand.clock() < deadline:
            hand.nap(0.5)
        if row is None or row.get("type") != "qemu":
            return None
        try:
            guest = observe(hand.gateway, row)
        except GuestMissingError:
            guest = hand.look(vmid)
        if guest.lock == "create" or (guest.mark == hand.desired.uuid and guest.lock == "clone"):
            guest = hand.finished(vmid)
        elif guest.mark == hand.desired.uuid:
            guest = replace(guest, status=power(hand.gateway, guest))
        return guest if guest.mark == hand.desired.uuid else None
