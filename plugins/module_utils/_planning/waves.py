# SPDX-License-Identifier: GPL-3.0-or-later
"""Which moves go together, and in which order: what depends on whom, what the movers demand, canaries first, never too many at once.

Order is (stage, level in the stage, canaries first). So no edge is needed between all services of one stage and all of the next, and the
whole takes n log n for n services and dependencies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import networkx

from .._domain.errors import LotseError
from .model import Dependency, Service

# The movers' demands. The edge comes first, because it holds requests in every later cutover. State goes before its readers even where
# no connection was seen: an unobserved dependency is not an absent one. Jobs leave before the files: requests can be held while a tree
# changes sides, a job that writes into it cannot.
STAGES = {
    "edge": 0, "mariadb": 1, "redis": 1, "postgresql": 1, "memcached": 1, "rabbitmq": 1, "nfs": 1, "mail": 1, "cron": 2, "files": 3, "http": 3,
    "apache": 3, "nodejs": 3, "docker": 3,
}  # fmt: skip
STAGE_NAMES = ("edge", "data", "jobs", "web")
STAGE_REASONS = (
    "the edge goes first: it holds the requests of every later cutover",
    "data goes before its readers, also where no connection was seen",
    "jobs go before the files that they write",
    "web servers go last, with their files",
)
MOST_MOVES = 20  # of a wave where nothing was declared; services that need each other may then be more


@dataclass(frozen=True)
class Limits:
    """``most_moves`` of a wave (0: MOST_MOVES, but rings stay whole), ``most_per_host`` at once on one legacy host (0: any number)."""

    most_moves: int = 0
    most_per_host: int = 0
    canaries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Former:
    """What an earlier plan, or a person, said: the wave of each service by name, the waves in order, and which ones have begun."""

    waves: Mapping[str, str] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    canaries: frozenset[str] = frozenset()
    begun: frozenset[str] = frozenset()  # waves


@dataclass
class Wave:
    """Services by id that move together."""

    name: str
    bucket: tuple[int, int, int]
    services: list[str]
    canary: bool = False
    reasons: list[str] = field(default_factory=list)
    number: int = 0


@dataclass(frozen=True)
class _Group:
    """Services that move at the same time: a section, or all that need each other."""

    id: str
    services: tuple[Service, ...]

    @property
    def stage(self) -> int:
        return STAGES[self.services[0].kind]

    @property
    def kinds(self) -> set[str]:
        return {service.kind for service in self.services}

    @property
    def hosts(self) -> set[str]:
        return {service.host for service in self.services}


def section_of(service: Service, move: str) -> str:
    """Moves of one section are cut together: a host's web application with its files, everything else by itself."""
    return service.host if service.kind in {"files", "http"} else move


def against(source: Service, target: Service) -> bool:
    """Whether a dependency contradicts the movers' order: what needs the other one has to go before it."""
    return STAGES[source.kind] < STAGES[target.kind]


def rings(services: Sequence[Service], dependencies: Sequence[Dependency]) -> list[list[str]]:
    """Groups of services that need each other, and so can only move together."""
    groups, _ = _groups(services, dependencies)
    return sorted(sorted(service.id for service in group.services) for group in groups.values() if len({_seat(s) for s in group.services}) > 1)


def waves(
    services: Sequence[Service], dependencies: Sequence[Dependency], limits: Limits, former: Former, volumes: Mapping[str, int | None]
) -> list[Wave]:
    """Every service once, in waves in their order. Raises LotseError where a declaration cannot be kept."""
    groups, graph = _groups(services, dependencies)
    chosen, why = _canaries(groups, graph, limits, former, volumes)
    levels = _levels(groups, graph, chosen)
    buckets: dict[tuple[int, int, int], list[_Group]] = {}
    for name in sorted(groups):
        group = groups[name]
        buckets.setdefault((group.stage, levels[name], 0 if name in chosen else 1), []).append(group)
    found = _cut(buckets, limits, former)
    _check_pins(found, groups, graph, former)
    of_service = {service.id: group for group in groups.values() for service in group.services}
    for number, wave in enumerate(found, 1):
        wave.number = number
        wave.canary = wave.bucket[2] == 0
        _explain(wave, of_service, why, limits)
    return found


def _seat(service: Service) -> str:
    return f"section {service.host}" if service.kind in {"files", "http"} else service.id


def _groups(services: Sequence[Service], dependencies: Sequence[Dependency]) -> tuple[dict[str, _Group], Any]:
    """Groups by name, and a graph of their names; an edge goes from what moves earlier to what moves later, within one stage."""
    by_id = {service.id: service for service in services}
    seats: Any = networkx.DiGraph()
    members: dict[str, list[Service]] = {}
    for service in services:
        seats.add_node(_seat(service))
        members.setdefault(_seat(service), []).append(service)
    for edge in dependencies:
        source, target = by_id.get(edge.source), by_id.get(edge.target)
        if source and target and STAGES[source.kind] == STAGES[target.kind] and _seat(source) != _seat(target):
            seats.add_edge(_seat(target), _seat(source))
    of_seat: dict[str, str] = {}
    groups: dict[str, _Group] = {}
    for ring in networkx.strongly_connected_components(seats):
        name = min(ring)
        groups[name] = _Group(name, tuple(sorted((service for seat in ring for service in members[seat]), key=lambda service: service.id)))
        of_seat |= dict.fromkeys(ring, name)
    graph: Any = networkx.DiGraph()
    graph.add_nodes_from(sorted(groups))
    graph.add_edges_from((of_seat[first], of_seat[second]) for first, second in seats.edges if of_seat[first] != of_seat[second])
    return groups, graph


def _canaries(
    groups: Mapping[str, _Group], graph: Any, limits: Limits, former: Former, volumes: Mapping[str, int | None]
) -> tuple[set[str], dict[str, str]]:
    """The first of each kind that has more than one: declared, chosen before, or the least depended-on and smallest. With the reason by group.

    A canary that was chosen has the lowest level of its kind, so nothing of its kind has to go before it.
    """
    depths = _depths(graph)
    by_kind: dict[str, list[str]] = {}
    for name, group in groups.items():
        for kind in group.kinds - {"files"}:
            by_kind.setdefault(kind, []).append(name)
    of_service = {service.id: name for name, group in groups.items() for service in group.services}
    if strange := sorted(set(limits.canaries) - set(of_service)):
        raise LotseError(f"{strange[0]} is declared a canary, but the plan has no such service", "plan_waves.canaries", "correct or remove the entry")
    declared = {of_service[name] for name in limits.canaries}
    chosen: set[str] = set()
    why: dict[str, str] = {}
    for kind, names in sorted(by_kind.items()):
        own = sorted(declared & set(names))
        if own:
            _check_declared(kind, own, names, graph)
            chosen |= set(own)
            why |= dict.fromkeys(own, f"canary of {kind}: declared in plan_waves.canaries")
        elif len(names) > 1:
            lowest = min(depths[name] for name in names)
            least = [name for name in names if depths[name] == lowest]
            # A group of several kinds may be a canary already; one of an earlier plan stays.
            kept = [name for name in least if any(service.id in former.canaries for service in groups[name].services)]
            pool = [name for name in least if name in chosen] or kept or least
            name = min(pool, key=lambda name: (*_weight(groups[name], graph, volumes), name))
            needed, mib, _ = _weight(groups[name], graph, volumes)
            chosen.add(name)
            why.setdefault(name, f"canary of {kind}: {needed} of its stage need it" + (f", it has {mib} MiB" if mib else ""))
    return chosen, why


def _weight(group: _Group, graph: Any, volumes: Mapping[str, int | None]) -> tuple[int, int, int]:
    return graph.out_degree(group.id), sum(volumes.get(service.id) or 0 for service in group.services), len(group.services)


def _check_declared(kind: str, own: Sequence[str], names: Sequence[str], graph: Any) -> None:
    others = set(names) - set(own)
    for name in own:
        if before := sorted(networkx.ancestors(graph, name) & others):
            what = f"{name} is declared the canary of {kind}, but it needs {before[0]}, which has to move before it"
            raise LotseError(what, "plan_waves.canaries", f"declare {before[0]} instead")


def _depths(graph: Any) -> dict[str, int]:
    depth: dict[str, int] = {}
    for node in networkx.topological_sort(graph):
        depth[node] = 1 + max((depth[before] for before in graph.predecessors(node)), default=0)
    return depth


def _levels(groups: Mapping[str, _Group], graph: Any, canaries: set[str]) -> dict[str, int]:
    """The longest way to each group, where a canary stands before all others of its kinds: through one node for each kind and stage."""
    ordered: Any = networkx.DiGraph(graph)
    for name in sorted(canaries):
        for kind in groups[name].kinds - {"files"}:
            ordered.add_edge(name, ("after the canaries of", kind))
    for name, group in groups.items():
        if name not in canaries:
            for kind in group.kinds - {"files"}:
                ordered.add_edge(("after the canaries of", kind), name)
    try:
        order = list(networkx.topological_sort(ordered))
    except networkx.NetworkXUnfeasible:
        what = "the declared canaries contradict the dependencies: one would have to move before what it needs"
        raise LotseError(what, "plan_waves.canaries", "declare services that need nothing of their own kind") from None
    depth: dict[Any, int] = {}
    for node in order:
        # The node between a canary and its kind is no step of its own.
        step = 0 if isinstance(node, tuple) else 1
        depth[node] = step + max((depth[before] for before in ordered.predecessors(node)), default=0)
    return {name: depth[name] for name in groups}


# --- cutting levels into waves


def _cut(buckets: Mapping[tuple[int, int, int], list[_Group]], limits: Limits, former: Former) -> list[Wave]:
    """Waves of at most so many moves. Who was together before stays together; who is new fills up, or founds a wave."""
    named = {group.id: _wish(group, former) for groups in buckets.values() for group in groups}
    homes = _homes(buckets, named, former)
    taken = set(homes)
    pinned = {group.id for groups in buckets.values() for group in groups if any(service.id in former.pinned for service in group.services)}
    found: list[Wave] = []
    late: list[tuple[_Group, str]] = []
    place = {name: number for number, name in enumerate(former.order)}
    for bucket in sorted(buckets):
        own = sorted((name for name, home in homes.items() if home == bucket), key=lambda name: (place.get(name, len(place)), name))
        open_waves = [_Room(Wave(name, bucket, []), limits) for name in own]
        by_name = {room.wave.name: room for room in open_waves}
        pool = []
        for group in buckets[bucket]:
            wish = named[group.id]
            if group.id in pinned and wish and homes.get(wish) != bucket:
                late.append((group, wish))
            elif (room := by_name.get(wish or "")) and (room.fits(group) or room.wave.name in former.begun or group.id in pinned):
                room.take(group, check=group.id in pinned)
            else:
                pool.append(group)
        fillable = [room for room in open_waves if room.wave.name not in former.begun and not room.full]
        for group in pool:
            room = next((room for room in fillable if room.fits(group)), None)
            if room is None:
                room = _Room(Wave(_name(bucket, taken), bucket, []), limits)
                taken.add(room.wave.name)
                open_waves.append(room)
                fillable.append(room)
            room.take(group, check=True)
            if room.full:
                fillable.remove(room)
        found += [room.wave for room in open_waves]
    rooms = {wave.name: wave for wave in found}
    for group, wish in late:
        wave = rooms[wish]
        wave.services = sorted({*wave.services, *(service.id for service in group.services)})
        if limits.most_moves and len(wave.services) > limits.most_moves:
            what = f"overrides put {len(wave.services)} moves into wave {wish!r}, and plan_waves.most_moves is {limits.most_moves}"
            raise LotseError(what, "plan.yml: overrides.moves", "choose another wave, or raise plan_waves.most_moves")
    return [wave for wave in found if wave.services]


def _wish(group: _Group, former: Former) -> str | None:
    """The wave that a group is to be in: a person's word before the earlier plan's."""
    said = sorted({former.pinned[service.id] for service in group.services if service.id in former.pinned})
    if len(said) > 1:
        what = f"overrides put {', '.join(service.id for service in group.services)} into the waves {' and '.join(said)}, but they move together"
        raise LotseError(what, "plan.yml: overrides.moves", "name one wave for all of them")
    if said:
        return said[0]
    before = [former.waves[service.id] for service in group.services if service.id in former.waves]
    return before[0] if before else None


def _homes(
    buckets: Mapping[tuple[int, int, int], list[_Group]], named: Mapping[str, str | None], former: Former
) -> dict[str, tuple[int, int, int]]:
    """To which level each former wave belongs now: where most of its groups are that nobody pinned there, the earliest of equals."""
    votes: dict[str, dict[tuple[int, int, int], tuple[int, int]]] = {}
    for bucket, groups in buckets.items():
        for group in groups:
            if wish := named[group.id]:
                free, all_of = votes.setdefault(wish, {}).get(bucket, (0, 0))
                is_free = not any(service.id in former.pinned for service in group.services)
                votes[wish][bucket] = (free + is_free, all_of + 1)
    return {name: min(counts, key=lambda bucket: (*(-count for count in counts[bucket]), bucket)) for name, counts in votes.items()}


class _Room:
    """A wave that is being filled."""

    def __init__(self, wave: Wave, limits: Limits) -> None:
        self.wave = wave
        self._limits = limits
        self._most = limits.most_moves or MOST_MOVES
        self._on_host: dict[str, int] = {}

    @property
    def full(self) -> bool:
        return len(self.wave.services) >= self._most

    def fits(self, group: _Group) -> bool:
        per_host = self._limits.most_per_host
        crowded = per_host and any(self._on_host.get(host, 0) >= per_host for host in group.hosts)
        return not self.wave.services or (len(self.wave.services) + len(group.services) <= self._most and not crowded)

    def take(self, group: _Group, *, check: bool) -> None:
        """Adds a group. With ``check`` a declared limit that cannot be kept is an error."""
        count = len(self.wave.services) + len(group.services)
        if check and self._limits.most_moves and count > self._limits.most_moves:
            names = ", ".join(service.id for service in group.services)
            what = f"{names} move together, {count} moves in wave {self.wave.name!r}, and plan_waves.most_moves is {self._limits.most_moves}"
            raise LotseError(what, "plan_waves.most_moves", f"raise it to {count}, or undo what ties them to each other")
        self.wave.services = sorted([*self.wave.services, *(service.id for service in group.services)])
        for host in group.hosts:
            self._on_host[host] = self._on_host.get(host, 0) + 1


def _name(bucket: tuple[int, int, int], taken: Iterable[str]) -> str:
    """``data``, ``data 2``, ``data canary``: a name that stays when other waves come and go."""
    stem = STAGE_NAMES[bucket[0]] + (" canary" if bucket[2] == 0 else "")
    known = set(taken)
    return next(name for number in range(1, len(known) + 2) if (name := stem if number == 1 else f"{stem} {number}") not in known)


def _check_pins(found: Sequence[Wave], groups: Mapping[str, _Group], graph: Any, former: Former) -> None:
    """Raises LotseError where a person's word breaks the order."""
    if not former.pinned:
        return
    position = {service: number for number, wave in enumerate(found) for service in wave.services}
    stage = {service.id: group.stage for group in groups.values() for service in group.services}
    names = [wave.name for wave in found]
    of_service = {service.id: name for name, group in groups.items() for service in group.services}
    highest = [max(stage[service] for service in wave.services) for wave in found]
    lowest = [min(stage[service] for service in wave.services) for wave in found]
    for service, wish in sorted(former.pinned.items()):
        at = position[service]
        group = of_service[service]
        where = f"plan.yml: overrides.moves, wave {wish!r}"
        for before in sorted(graph.predecessors(group)):
            first = groups[before].services[0].id
            if position[first] >= at:
                raise LotseError(f"{service} needs {first}, which moves in wave {names[position[first]]!r}", where, "choose a later wave")
        for after in sorted(graph.successors(group)):
            second = groups[after].services[0].id
            if position[second] <= at:
                raise LotseError(f"{second} needs {service}, and moves in wave {names[position[second]]!r}", where, "choose an earlier wave")
        if any(number > stage[service] for number in highest[: at + 1]) or any(number < stage[service] for number in lowest[at:]):
            what = f"{service} would not move with the {STAGE_NAMES[stage[service]]}: {STAGE_REASONS[stage[service]]}"
            raise LotseError(what, where, "choose a wave of its own stage")


def _explain(wave: Wave, of_service: Mapping[str, _Group], why: Mapping[str, str], limits: Limits) -> None:
    own = {group.id: group for group in (of_service[service] for service in wave.services)}
    wave.reasons.append(STAGE_REASONS[wave.bucket[0]])
    if wave.bucket[1] > 1:
        wave.reasons.append("what they need, or their canary, goes before them")
    wave.reasons += [why[name] for name in sorted(own) if name in why]
    for _, group in sorted(own.items()):
        if len({_seat(service) for service in group.services}) > 1:
            wave.reasons.append(f"{', '.join(service.id for service in group.services)} need each other")
    if len(wave.services) > (limits.most_moves or MOST_MOVES):
        wave.reasons.append(f"more than {limits.most_moves or MOST_MOVES} moves, for they cannot be parted")
