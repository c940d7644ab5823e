# SPDX-License-Identifier: GPL-3.0-or-later
"""Proves, before anything is written, that a fleet can be converged. Every problem is found and told at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from .capacity import Capacity, Resident, bridge_problems, uses_bridges, volumes_needed
from .demands import Subject, demands_of
from .diff import Do, Step
from .errors import ApiError, ForbiddenError, RefusedError
from .fleet import Fleet, GuestPlan, Settings
from .gateway import Gateway
from .guest import DesiredGuest
from .hostkeys import KnownHosts
from .info import bridges_of
from .observe import in_parallel, observe
from .outcome import Outcome, outcome
from .permissions import Demand, Permissions, sentences
from .probe import NetworkProbe, Probe
from .ready import WaitFor
from .remembering import Remembering
from .schema import ApiSchema, Library, own_rules, schema_of
from .values import addresses_in, release_of

__all__ = ["NetworkProbe", "Preflight", "Server"]
Row = dict[str, Any]
OLDEST, NEWEST = (7, 4), 9
DEFAULT_TOLERANCE = 5.0


class Server(Library, Protocol):
    """What the API server tells beside the API."""

    def server_time(self) -> float | None: ...


@dataclass
class Preflight:
    """One cluster, the guests that shall be there, how they are to be converged, and ways to ask the network and the API server."""

    gateway: Gateway
    desired: Sequence[DesiredGuest]
    settings: Settings = field(default_factory=Settings)
    known: KnownHosts | None = None
    probe: Probe | None = None
    server: Server | None = None
    token: str | None = None
    tolerance: float = DEFAULT_TOLERANCE
    cache: Path | None = None
    clock: Callable[[], float] = time.time

    def prove(self) -> dict[str, Any]:
        """What was proven, with ``warnings``. Raises RefusedError with all problems, or the API's own error when it cannot be asked at all."""
        api = Remembering(self.gateway)
        version: Row = api.get("version")
        skew = None if self.server is None else _difference(self.server.server_time(), self.clock())
        release, warnings = _release(version)
        permissions = Permissions(api.get("access/permissions"))
        if not permissions.any():
            raise RefusedError(["the token has no permission at all: give it (not only its user) a role on the pool, the storages and the template"])
        schema = ApiSchema(own_rules(release)) if self.server is None else schema_of(self.server, version, self.cache)
        capacity = Capacity(api.get("cluster/resources"))
        plans, problems = self._plans(api, capacity)
        planned = {plan.desired.name for plan in plans}
        guests = [_resident(plan) for plan in plans if plan.steps] + [_stated(guest) for guest in self.desired if guest.name not in planned]
        nodes = sorted({node for guest in guests for node in (guest.made_on, guest.node) if node in capacity.online})
        demands = [*self._own_demands(schema, guests, nodes), *self._demands(plans, schema, release)]
        who = f"token {self.token}" if self.token else "the token"
        problems = [*self._quorum(api, permissions, schema), *problems, *sentences(permissions, demands, who)]
        problems += self._clocks(api, permissions, schema, nodes, skew)
        problems += [*capacity.problems(guests), *capacity.ha_nodes(guests)]
        problems += self._bridges(api, [guest for guest in guests if guest.node in nodes])
        problems += self._volumes(api, [guest for guest in guests if guest.made_on in nodes])
        problems += self._addresses(api, plans)
        if problems:
            raise RefusedError(list(dict.fromkeys(problems)))
        made = [plan.desired.name for plan in plans if plan.observed is None and plan.steps]
        return {
            "version": str(version.get("version", "")),
            "existing": sorted(plan.desired.name for plan in plans if plan.observed),
            "missing": made,
            "steps": sum(len(plan.steps) for plan in plans),
            "warnings": [*warnings, *([schema.note] if schema.note else [])],
        }

    # ----------------------------------------------------------------- plans

    def _plans(self, api: Remembering, capacity: Capacity) -> tuple[list[GuestPlan], list[str]]:
        """The steps of every guest that can be planned, and why the others cannot."""
        away = self._away(api.get("cluster/resources"), capacity)
        desired = [guest for guest in self.desired if guest.name not in away]
        problems = list(away.values())
        plans: list[GuestPlan] = []
        if desired:
            try:
                plans = self._planned(api, desired)
            except (RefusedError, ForbiddenError):
                for guest in desired:  # what is known already is not asked again
                    try:
                        plans += self._planned(api, [guest])
                    except RefusedError as refused:
                        problems += refused.problems
                    except ForbiddenError as forbidden:
                        problems.append(f"guest {guest.name}: {forbidden.message}")
        return plans, problems

    def _planned(self, api: Remembering, desired: Sequence[DesiredGuest]) -> list[GuestPlan]:
        return Fleet(api, self.settings, known=self.known, sleep=api.nap).plan(desired)

    def _away(self, rows: Sequence[Row], capacity: Capacity) -> dict[str, str]:
        """Guests by name on nodes that do not answer, with the problem: asking for their configuration would only take a minute."""
        names = {guest.name for guest in self.desired}
        return {
            str(row["name"]): f"guest {row['name']}: VM {row['vmid']} is on node {row['node']}, which is not online"
            for row in rows
            if row.get("type") == "qemu" and row.get("name") in names and row.get("node") not in capacity.online and not int(row.get("template") or 0)
        }

    # ----------------------------------------------------------- permissions

    def _demands(self, plans: Sequence[GuestPlan], schema: ApiSchema, release: int) -> Iterator[Demand]:
        waits = self.settings.wait_for >= WaitFor.AGENT
        for plan in plans:
            guest = _resident(plan)
            pool = plan.desired.pool or (plan.observed.pool if plan.observed else None)
            subject = Subject(
                guest.name, plan.vmid or 0, guest.made_on, pool, plan.observed is None, guest.before, guest.steps, guest.after.storages
            )  # fmt: skip
            yield from demands_of(subject, schema, release, waits=waits)

    @staticmethod
    def _own_demands(schema: ApiSchema, guests: Sequence[Resident], nodes: Sequence[str]) -> Iterator[Demand]:
        """What this proof needs itself: only reading."""
        yield from _rule(schema, "GET", "/cluster/status", "prove that the cluster has quorum")
        for node in nodes:
            yield from _rule(schema, "GET", "/nodes/{node}/time", f"prove memory and clock of node {node}", node=node)
        for storage in sorted({name for guest in guests for name, _ in guest.after.space}):
            yield Demand(["perm", f"/storage/{storage}", ["Datastore.Audit"]], f"prove that storage {storage} has room")

    def _quorum(self, api: Remembering, permissions: Permissions, schema: ApiSchema) -> list[str]:
        if not _may(permissions, schema, "GET", "/cluster/status"):
            return []  # told as a missing privilege
        rows: list[Row] = api.get("cluster/status")
        lost = any(row.get("type") == "cluster" and not int(row.get("quorate") or 0) for row in rows)
        return ["the cluster has no quorum: it accepts no changes"] if lost else []

    # ----------------------------------------------------------------- clocks

    def _clocks(self, api: Remembering, permissions: Permissions, schema: ApiSchema, nodes: Sequence[str], skew: float | None) -> list[str]:
        """Each node that something is done on, where the token may ask it; else the server that answers."""

        def difference(node: str) -> tuple[str, float | None]:
            begun = self.clock()
            said = api.get(f"nodes/{node}/time").get("time")
            return f"node {node}", _difference(said, (begun + self.clock()) / 2)

        asked = [node for node in nodes if _may(permissions, schema, "GET", "/nodes/{node}/time", node=node)]
        found = in_parallel(difference, asked, self.settings.workers) or [("the API server", skew)]
        wrong = [f"{name} by {seconds:+.0f} s" for name, seconds in found if seconds is not None and abs(seconds) > self.tolerance]
        if not wrong:
            return []
        told = f"{', '.join(wrong)}; {self.tolerance:.0f} s are tolerated"
        return [f"clocks differ from the controller's ({told}): certificates, cloud-init and logs need the right time"]

    # -------------------------------------------------------- network, volumes

    def _bridges(self, api: Remembering, guests: Sequence[Resident]) -> list[str]:
        users = [guest for guest in guests if uses_bridges(guest)]
        nodes = sorted({guest.node for guest in users})
        have = in_parallel(lambda node: bridges_of(api, node), nodes, self.settings.workers)
        return bridge_problems(users, dict(zip(nodes, have, strict=True)))

    def _volumes(self, api: Remembering, guests: Sequence[Resident]) -> list[str]:
        """One call for each storage that a volume is wanted of."""
        problems = []
        for guest in guests:
            for volume, kind in sorted(volumes_needed(guest).items()):
                path = f"nodes/{guest.made_on}/storage/{volume.split(':', 1)[0]}/content"
                try:
                    there = {str(row["volid"]) for row in api.get(path)}
                except ApiError as failure:
                    problems.append(f"guest {guest.name}: {volume} cannot be looked for: {failure}")
                    continue
                if volume not in there:
                    problems.append(f"guest {guest.name}: there is no volume {volume} ({kind}) on node {guest.made_on}")
        return problems

    def _addresses(self, api: Remembering, plans: Sequence[GuestPlan]) -> list[str]:
        """Neither another guest's configuration nor the network may have an address that a new guest is to get."""
        wanted = {plan.desired.host: plan.desired.name for plan in plans if plan.observed is None and plan.steps and plan.desired.host}
        if not wanted:
            return []
        ours = {plan.vmid for plan in plans if plan.observed}
        rows = api.get("cluster/resources", {"type": "vm"})
        others = [row for row in rows if row["type"] == "qemu" and not int(row.get("template") or 0) and int(row["vmid"]) not in ours]
        configs = in_parallel(lambda row: observe(api, row).config, others, self.settings.workers)
        problems, taken = [], set()
        for row, config in zip(others, configs, strict=True):
            for address in addresses_in(config):
                if address in wanted:
                    taken.add(address)
                    where = f"VM {row['vmid']} ({row.get('name')}) on {row['node']}"
                    problems.append(f"guest {wanted[address]}: address {address} is already that of {where}")
        if self.probe is not None:
            rest = [address for address in wanted if address not in taken]
            for address, said in zip(rest, in_parallel(self.probe.answer, rest, 32), strict=True):
                if said:
                    problems.append(f"guest {wanted[address]}: address {address} is already in use: {said}")
        return problems


def _resident(plan: GuestPlan) -> Resident:
    """The guest of a plan, with what its steps lead to."""
    observed, template = plan.observed, plan.template
    before = observed.config if observed else template.config if template else {}
    made_on, node = _targets(plan)[0], _targets(plan)[-1]
    source = template.node if template and not observed else None
    return Resident(plan.desired.name, made_on, node, source, before, plan.steps, outcome(before, plan.steps))


def _stated(guest: DesiredGuest) -> Resident:
    """A guest that cannot be planned, as far as it is stated: its storages and bridges are looked at all the same."""
    nics = {key: f"virtio,bridge={nic['bridge']}" for key, nic in guest.nics.items() if nic.get("bridge")}
    space = [(disk.storage, disk.size) for disk in guest.disks if disk.storage and disk.size]
    made = Step(Do.CREATE, f"make {guest.name}", "", {"config": nics})
    return Resident(guest.name, str(guest.node), str(guest.node), None, {}, (made,), Outcome(dict(nics), space))


def _targets(plan: GuestPlan) -> list[str]:
    """Where the guest is or is to be made, and the nodes that it is to be moved to."""
    made_on = next((str(step.values["node"]) for step in plan.steps if "node" in step.values), plan.desired.node)
    first = plan.observed.node if plan.observed else made_on
    return [str(first), *(str(step.values["target"]) for step in plan.steps if step.do is Do.MIGRATE)]


def _rule(schema: ApiSchema, method: str, path: str, purpose: str, **params: str) -> Iterator[Demand]:
    rule = schema.rule(method, path)
    if rule is None or rule.get("check"):
        yield Demand(rule["check"] if rule else ["root", f"call {method} {path}"], purpose, params)


def _may(permissions: Permissions, schema: ApiSchema, method: str, path: str, **params: str) -> bool:
    return not any(permissions.lacks(demand) for demand in _rule(schema, method, path, "", **params))


def _difference(said: float | None, here: float) -> float | None:
    """Seconds by which the other clock is ahead."""
    return None if said is None else float(said) - here


def _release(version: Row) -> tuple[int, list[str]]:
    """(major version, warnings). Raises RefusedError for one that is too old."""
    said = str(version.get("version", ""))
    numbers = release_of(said)
    if numbers == (0, 0):
        raise RefusedError([f"the API does not say which version it is ({version!r}): is this a Proxmox VE API?"])
    if numbers < OLDEST:
        raise RefusedError([f"the cluster has Proxmox VE {said}: {OLDEST[0]}.{OLDEST[1]} is the oldest that Lotse works with"])
    if numbers[0] > NEWEST:
        return numbers[0], [f"the cluster has Proxmox VE {said}, which is newer than what Lotse was tested with (7.4 to {NEWEST}.x)"]
    return numbers[0], []
