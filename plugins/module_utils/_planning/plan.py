# SPDX-License-Identifier: GPL-3.0-or-later
"""``plan(surveys, cluster, policy, previous)``: the whole plan as data, the same for the same input in any order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._domain.errors import LotseError
from . import (
    concerns,
    dependencies,
    efforts,
    hosting,
    lifting,
    moves,
    naming,
    ordering,
    outside,
    overriding,
    rewriting,
    savings,
    services,
    settings,
    settings_reasons,
    sizing,
)
from .carried import base, edge
from .known import Known
from .model import Draft, Guest, LegacyHost, Row
from .policy import Policy

SCHEMA = "lotse/plan/2"
FORMER = "lotse/plan/1"  # has names, addresses and ids that stay
SURVEY_SCHEMA = "lotse/survey/2"


def plan(
    surveys: Iterable[Mapping[str, Any]], cluster: Mapping[str, Any], policy: Policy, previous: Mapping[str, Any] | None = None,
    loads: Mapping[str, Mapping[str, Any]] | None = None, begun: Iterable[str] = (),
) -> Row:  # fmt: skip
    """The content of plan.yml. ``begun`` are ids of moves whose waves stay as they are. Raises LotseError for input that no plan can be made
    of; nothing was changed then."""
    before = _former(previous, policy)
    overrides = overriding.parse(before.get("overrides"), policy)
    policy = overriding.merged(policy, overrides)
    hosts = _hosts(surveys)
    found, dropped = services.discover(hosts, policy)
    if not found:
        raise LotseError("the legacy hosts have no service that could be moved", ", ".join(hosts), "look at their surveys; drop nothing that runs")
    known = Known(hosts, found)
    edges = dependencies.find(known, before.get("dependencies", ()), loads)
    external = outside.find(known, policy.public_address, loads)
    seats = naming.seats(found, hosts, policy, before)
    new = rewriting.new_addresses(hosts, found, seats, policy.public_address)
    ids = naming.move_ids(found, before)
    reckoned = efforts.of_all(found, hosts, policy, before)
    started = frozenset(begun)
    order = ordering.order(found, edges, ids, reckoned, policy, overrides, before, started)
    wave_of = {service: wave for wave in order for service in wave.services}
    rows = moves.build(found, hosts, seats, ids, wave_of, reckoned, new, policy.public_address)
    carried = settings.of_guests(seats, settings.World(hosts, new, policy.public_address))
    _check_guests(policy, overrides, seats)
    guests = _guests(seats, hosts, policy, before, loads or {})
    hosted = hosting.host(guests, cluster, policy, before)
    draft = Draft(
        hosts, found, dropped, edges, guests, rows, carried, policy.public_address, policy.legacy_facts, cluster, loads or {}, policy.day,
        policy.sizing.horizon_days, external,
    )  # fmt: skip
    assessed = concerns.assess(draft, policy)
    return {
        "schema": SCHEMA,
        "environment": policy.environment,
        "overrides": overrides.rows,
        "legacy": {name: _legacy(host, policy) for name, host in hosts.items()},
        "services": [service.row() for service in found],
        "dropped": [entry.row() for entry in dropped],
        "dependencies": [edge.row() for edge in edges],
        "external": [edge.row() for edge in external],
        "cycles": dependencies.cycles(edges),
        "guests": [_guest(guest, hosted.result.assignment[guest.name], policy, carried[guest.name]) for guest in guests],
        "edge": _edge(draft),
        "calendar": policy.calendar.row() if policy.calendar else None,
        "waves": ordering.rows(order, rows, policy, overrides, before, started),
        "moves": [move.row() for move in rows],
        "concerns": assessed,
        "waivers": concerns.review(draft, policy, assessed),
        "savings": savings.compute(hosts, guests, rows, policy),
        "capacity": _capacity(hosted, guests, policy),
    }


def blocking(plan: Mapping[str, Any]) -> list[Row]:
    """Concerns that stop everything: critical, and neither carried by the plan nor waived."""
    return [row for row in plan["concerns"] if row["severity"] == "critical" and not row["applied"] and not row["waived"]]


def _former(previous: Mapping[str, Any] | None, policy: Policy) -> Mapping[str, Any]:
    if not previous:
        return {}
    if previous.get("schema") not in {SCHEMA, FORMER}:
        what = f"the former plan has the schema {previous.get('schema')!r}, not {SCHEMA}"
        raise LotseError(what, "plan.yml", "restore it from your version control")
    if previous.get("environment") != policy.environment:
        what = f"the former plan is that of environment {previous.get('environment')}, not {policy.environment}"
        raise LotseError(what, "plan.yml", "give each environment its own estate_dir")
    return previous


def _hosts(surveys: Iterable[Mapping[str, Any]]) -> dict[str, LegacyHost]:
    """Legacy hosts by name, sorted. One name and one address is one host."""
    found: dict[str, LegacyHost] = {}
    for survey in surveys:
        if survey.get("schema") != SURVEY_SCHEMA:
            what = f"the survey of {survey.get('host', 'an unnamed host')} has the schema {survey.get('schema')!r}, not {SURVEY_SCHEMA}"
            raise LotseError(what, "survey/", "run the playbook survey again")
        host = LegacyHost(str(survey["host"]), survey)
        if host.name in found:
            raise LotseError(f"there are two surveys of {host.name}", "survey/", "remove the wrong one")
        found[host.name] = host
    if not found:
        raise LotseError("there is no survey", "survey/", "run the playbook survey first")
    owners: dict[str, str] = {}
    for name, host in sorted(found.items()):
        other = owners.setdefault(host.address, name)
        if other != name:
            raise LotseError(f"{other} and {name} have the same address {host.address}", "survey/", "correct the inventory and survey again")
    return dict(sorted(found.items()))


def _legacy(host: LegacyHost, policy: Policy) -> Row:
    facts = policy.legacy_facts.get(host.name, {})
    hardware = host.part("hardware")
    return {
        "address": host.address, "os": host.operating_system, "watts": facts.get("watts"), "rack_units": facts.get("rack_units"),
        "memory_mib": hardware.get("memory_mib"), "cpus": hardware.get("cpus"), **({"rack": str(facts["rack"])} if facts.get("rack") else {}),
    }  # fmt: skip


def _check_guests(policy: Policy, overrides: overriding.Overrides, seats: list[naming.Seat]) -> None:
    """Raises LotseError for a decision about a guest that the plan does not have."""
    names = {seat.name for seat in seats}
    if strange := sorted(set(policy.systems) - names):
        what = f"plan_os.guests decides about {', '.join(strange)}, which the plan does not have"
        raise LotseError(what, "plan_os.guests", f"it has {', '.join(sorted(names))}")
    if unknown := sorted(set(policy.overrides) - names):
        where = f"{overriding.WHERE}.guests" if unknown[0] in overrides.guests else "plan_guests"
        what = f"{where.rsplit(': ', maxsplit=1)[-1]} decides about {', '.join(unknown)}, which the plan does not have"
        raise LotseError(what, where, f"it has {', '.join(sorted(names))}")


def _guests(
    seats: list[naming.Seat], hosts: Mapping[str, LegacyHost], policy: Policy, before: Mapping[str, Any], loads: Mapping[str, Mapping[str, Any]],
) -> list[Guest]:  # fmt: skip
    former = {str(row["name"]): row for row in before.get("guests", ())}
    found = []
    for seat in seats:
        decided = policy.overrides.get(seat.name, {})
        size = sizing.choose(seat, hosts[seat.host], policy, former.get(seat.name), loads.get(seat.host))
        storage, bridge = str(decided.get("storage", policy.storage)), str(decided.get("bridge", policy.bridge))
        system = lifting.choose(seat.name, hosts[seat.host], policy)
        cpu = decided.get("cpu", policy.cpu)
        mtu = base.mtu(hosts[seat.host])
        found.append(Guest(seat.name, seat.role, seat.host, seat.services, seat.address, size, storage, bridge, system, cpu, mtu))
    return found


def _guest(guest: Guest, node: str, policy: Policy, carried: Row) -> Row:
    return {
        "name": guest.name, "uuid": naming.identity(policy.environment, guest.name), "node": node, "template": guest.template,
        "cores": guest.size.cores, "memory_mib": guest.size.memory_mib,
        "disks": {"scsi0": {"storage": guest.storage, "size_gib": guest.size.disk_gib}},
        "nics": {"net0": {"bridge": guest.bridge, **({"mtu": guest.mtu} if guest.mtu else {})}},
        "address": f"{guest.address}/{policy.addresses.prefix}", "gateway": str(policy.addresses.gateway), "pool": policy.pool,
        "tags": hosting.tags(guest, policy), "role": guest.role, "os": guest.system.row(), "sizing": guest.size.basis,
        "services": list(guest.services), "onboot": True, **({"cpu": guest.cpu} if guest.cpu else {}), "settings": carried,
        "settings_reasons": settings_reasons.of(carried, guest.host, guest.system.choice),
    }  # fmt: skip


def _edge(draft: Draft) -> Row | None:
    """The switchboard: the first edge by name. A second one is a concern."""
    move = next((move for move in draft.moves if move.service.kind == "edge"), None)
    if move is None:
        return None
    rows = edge.backends(draft.hosts[move.service.host], draft.hosts)
    return {
        "guest": move.guest, "public_address": draft.public_address, "port": move.service.port,
        "backends": [{"name": row.name, "server": row.server, "port": row.port} for row in rows],
    }  # fmt: skip


def _capacity(hosted: hosting.Hosting, guests: list[Guest], policy: Policy) -> Row:
    of_guest = hosted.result.assignment
    nodes = []
    for node in hosted.nodes:
        own = [guest for guest in guests if of_guest[guest.name] == node.name]
        nodes.append({
            "name": node.name, "cores": node.cores, "memory_mib": node.memory_mib,
            "planned_memory_mib": sum(guest.size.memory_mib for guest in own), "guests": [guest.name for guest in own],
        })  # fmt: skip
    proof = (
        f"Whichever {'failure domain' if policy.spare_domains else 'node'} dies, its guests fit onto the others while theirs stay where they are."
        if hosted.result.spare_proven
        else "No node to spare was asked for: when a node dies, its guests may find no place."
    )
    kept = f"{policy.reserve_mib} MiB of each node are kept for the hypervisor; other guests count with all of their memory."
    by_name = {node.name: node for node in hosted.nodes}
    local = [guest.name for guest in guests if guest.storage in by_name[of_guest[guest.name]].local]
    restore = f" {', '.join(local)} would have to be restored there: their disks die with their node." if local else ""
    together = f" When {' or '.join(hosted.result.together)} dies, guests that are kept apart share a node." if hosted.result.together else ""
    return {"nodes": nodes, "spare_node_proven": hosted.result.spare_proven, "explanation": f"{proof}{restore}{together} {kept}"}
