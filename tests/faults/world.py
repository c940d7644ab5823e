# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cluster with a fleet to converge, a stranger to leave alone, and a way to break in between."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import Endpoint, ProxmoxerGateway
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, GuestPlan, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.gateway import NOTHING, Values
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import OWNER_TAG, desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.hostkeys import KnownHosts
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import WaitFor

from tests.lab.pve.fixture import MemoryPve, reset

Row = dict[str, Any]
HASTE = 50.0  # waiting passes this much faster than on a real cluster
PATIENCE = 0.5  # real seconds that a call may take
STRANGER = 150
TEMPLATE = 9000


def hasty_sleep(seconds: float) -> None:
    time.sleep(seconds / HASTE)


def hasty_clock() -> float:
    return time.monotonic() * HASTE


class ControllerKilledError(BaseException):
    """From here on the controller does not exist any more."""


@dataclass
class MortalGateway:
    """Passes calls on until it has made ``writes`` of them that change something; then its controller is dead, with or without the answer."""

    inner: ProxmoxerGateway
    writes: int
    made: int = 0

    def _call(self, verb: str, path: str, values: Values, repeatable: bool) -> Any:
        if self.made >= self.writes:
            raise ControllerKilledError
        answer = self.inner._call(verb, path, values, repeatable=repeatable)
        if verb != "get":
            self.made += 1
            if self.made >= self.writes:
                raise ControllerKilledError
        return answer

    def get(self, path: str, params: Values = NOTHING) -> Any:
        return self._call("get", path, params, True)

    def post(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("post", path, data, repeatable)

    def put(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("put", path, data, repeatable)

    def delete(self, path: str, params: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("delete", path, params, repeatable)


@dataclass
class World:
    """The lab's API in memory and the fleet that shall be there."""

    pve: MemoryPve
    folder: Path
    rows: Sequence[Row]
    settings: Mapping[str, Any] = field(default_factory=dict)
    absent: Sequence[str] = ()  # names of rows that shall not be there
    stranger: Row = field(default_factory=dict)

    def gateway(self) -> ProxmoxerGateway:
        endpoint = Endpoint((self.pve.host,), self.pve.token_id, self.pve.secret, self.pve.port, str(self.pve.ca_file), timeout=PATIENCE)
        return ProxmoxerGateway(endpoint, sleep=hasty_sleep, clock=hasty_clock)

    def fleet(self, gateway: Any, **settings: Any) -> Fleet:
        given = {"wait_for": WaitFor.AGENT, "workers": 1, "ready_timeout": 60, "task_timeout": 120, **self.settings, **settings}
        known = KnownHosts(self.folder / "known_hosts")
        return Fleet(gateway, Settings(**given), known=known, sleep=hasty_sleep, clock=hasty_clock)

    def converge(self, gateway: Any = None, rows: Sequence[Row] | None = None, **settings: Any) -> list[GuestPlan]:
        """Plans and applies; the plan that was carried out."""
        fleet = self.fleet(gateway or self.gateway(), **settings)
        plans = fleet.plan(desired_guests(rows or self.rows))
        fleet.apply(plans)
        return plans

    def work(self, gateway: Any = None) -> None:
        """What the controller is there for."""
        self.converge(gateway)

    def add_stranger(self) -> None:
        """Somebody else's guest, in the middle of the VMIDs that the fleet takes."""
        api = self.pve.proxmoxer()
        upid = api.nodes("pve2").qemu.post(vmid=STRANGER, name="stranger", pool="community", memory=512, scsi0="shared:1")
        while api.nodes("pve2").tasks(upid).status.get()["status"] != "stopped":
            time.sleep(0.05)
        self.stranger = self.guest(STRANGER)

    # ------------------------------------------------------------------ proofs

    def guests(self) -> list[Row]:
        rows: list[Row] = self.pve.state()["guests"]
        return rows

    def guest(self, vmid: int) -> Row:
        return next(row for row in self.guests() if row["vmid"] == vmid)

    def problems(self) -> list[str]:
        """What is wrong after a run that should have converged; empty when all is well."""
        found = []
        guests = [row for row in self.guests() if row["vmid"] not in (TEMPLATE, STRANGER)]
        wanted = sorted(row["name"] for row in self.rows if row["name"] not in self.absent)
        if sorted(row["name"] for row in guests) != wanted:
            found.append(f"guests are {[(row['vmid'], row['name']) for row in guests]}, wanted {wanted}")
        if self.guest(STRANGER) != self.stranger:
            found.append("the stranger was touched")
        for row in guests:
            if OWNER_TAG not in str(row["config"].get("tags")):
                found.append(f"{row['name']} has lost its tag")
            if row["lock"]:
                found.append(f"{row['name']} is locked ({row['lock']})")
        found += self._orphans()
        left = [f"{plan.desired.name}: {step.text}" for plan in self.fleet(self.gateway()).plan(desired_guests(self.rows)) for step in plan.steps]
        return [*found, *(f"still to do: {text}" for text in left)]

    def _orphans(self) -> list[str]:
        """Volumes that belong to nobody."""
        state = self.pve.state()
        configs = {row["vmid"]: " ".join(str(value) for value in row["config"].values()) for row in state["guests"]}
        found = []
        for storage, content in state["storages"].items():
            for name, volume in content.get("volumes", {}).items():
                owner = volume.get("vmid")
                if owner is not None and f"{storage}:{name}" not in configs.get(owner, ""):
                    found.append(f"volume {storage}:{name} belongs to nobody")
        return found


def a_world(
    pve: MemoryPve, folder: Path, before: Sequence[Row], after: Sequence[Row], settings: Mapping[str, Any], absent: Sequence[str] = ()
) -> World:
    """A cluster where the fleet is as it was before, with a stranger where a new guest's VMID would be tried."""
    reset(pve)
    home = folder / str(len(list(folder.iterdir())))
    home.mkdir()
    world = World(pve, home, after, settings, absent)
    world.add_stranger()
    world.converge(rows=before)
    pve.forget_calls()
    return world
