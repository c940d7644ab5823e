# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every estate, whatever it looks like."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning.waves import STAGES
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from .estates import bare, cluster, haproxy, job, mariadb, plan, redis, web

GENTLE = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@st.composite
def estates(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """An edge, up to three web hosts, two databases, two caches, connections between any of them, jobs, and dropped services."""
    counts = {name: draw(st.integers(low, high)) for name, low, high in (("web", 1, 3), ("db", 0, 2), ("cache", 0, 2))}
    numbers = {f"{kind}{index}": 20 + 10 * place + index for place, kind in enumerate(counts) for index in range(1, counts[kind] + 1)}
    ports = {"web": 80, "db": 3306, "cache": 6379}
    surveys = {}
    for name, number in numbers.items():
        kind = name.rstrip("0123456789")
        own = web(name) if kind == "web" else mariadb() if kind == "db" else redis()
        process = {"web": "php-fpm7.4", "db": "mariadbd", "cache": "redis-server"}[kind]
        peers = draw(st.lists(st.sampled_from(sorted(numbers)), max_size=3, unique=True))
        own["connections"] = [
            {"local_address": f"10.77.0.{number}", "local_port": 40000 + place, "peer_address": f"10.77.0.{numbers[peer]}",
             "peer_port": ports[peer.rstrip("0123456789")], "process": process, "unit": None}
            for place, peer in enumerate(peers)
            if peer != name
        ]  # fmt: skip
        if kind == "web" and draw(st.booleans()):
            own["cron"] = [job("app", f"php /srv/{name}/job.php")]
        own["measured"] = {"load": [draw(st.floats(0, 6))] * 3, "memory_used_mib": draw(st.integers(30, 3000)), "uptime_s": 10}
        surveys[name] = bare(name, number, **own)
    webs = [(name, number) for name, number in numbers.items() if name.startswith("web")]
    surveys["edge1"] = bare("edge1", 11, addresses=["10.77.0.11/24", "10.77.0.10/24"], **haproxy(*webs))
    services = sorted(f"{kind}@{name}" for name in numbers for kind in {"db": ["mariadb"], "cache": ["redis"]}.get(name.rstrip("0123456789"), []))
    dropped = draw(st.lists(st.sampled_from(services), max_size=1, unique=True)) if services else []
    return surveys, [{"service": name, "reason": "r", "approver": "a"} for name in dropped]


@GENTLE
@given(estates(), st.randoms(use_true_random=False))
def test_the_same_input_in_any_order_gives_the_same_plan(estate: tuple[dict[str, Any], list[dict[str, str]]], chance: Any) -> None:
    surveys, dropped = estate
    facts = cluster(memory_gib=64, cores=64)
    first = plan(surveys, facts, dropped_services=dropped)
    names = list(surveys)
    chance.shuffle(names)
    facts["nodes"].reverse()
    assert plan({name: surveys[name] for name in names}, facts, dropped_services=dropped) == first
    assert plan(surveys, facts, first, dropped_services=dropped) == first


@GENTLE
@given(estates())
def test_every_service_moves_once_or_is_dropped(estate: tuple[dict[str, Any], list[dict[str, str]]]) -> None:
    surveys, dropped = estate
    found = plan(surveys, cluster(memory_gib=64, cores=64), dropped_services=dropped)
    moved = [move["service"] for move in found["moves"]]
    assert sorted(moved) == sorted(service["id"] for service in found["services"])
    assert not set(moved) & {row["id"] for row in found["dropped"]}
    assert {row["id"] for row in found["dropped"]} == {row["service"] for row in dropped}
    assert len({move["id"] for move in found["moves"]}) == len(moved)
    assert sorted(service for guest in found["guests"] for service in guest["services"]) == sorted(moved)
    assert len({guest["address"] for guest in found["guests"]}) == len(found["guests"])
    assert sorted(name for wave in found["waves"] for name in wave["moves"]) == sorted(move["id"] for move in found["moves"])


@GENTLE
@given(estates())
def test_waves_respect_dependencies_and_movers(estate: tuple[dict[str, Any], list[dict[str, str]]]) -> None:
    surveys, dropped = estate
    found = plan(surveys, cluster(memory_gib=64, cores=64), dropped_services=dropped)
    wave = {move["service"]: move["wave"] for move in found["moves"]}
    kinds = {service["id"]: service["kind"] for service in found["services"]}
    for first in wave:
        for second in wave:
            if STAGES[kinds[first]] < STAGES[kinds[second]]:
                assert wave[first] < wave[second]
    against = {row["service"] for row in found["concerns"] if row["id"] == "dependency-against-order"}
    for edge in found["dependencies"]:
        source, target = edge["from"], edge["to"]
        if kinds[source] == "edge" or STAGES[kinds[source]] < STAGES[kinds[target]]:
            assert kinds[source] == "edge" or source in against, "an order that is turned round must be a concern"
        else:
            assert wave[target] <= wave[source]
    sections = {
        section: {move["wave"] for move in found["moves"] if move["section"] == section} for section in {move["section"] for move in found["moves"]}
    }
    assert all(len(waves) == 1 for waves in sections.values()), "a section is cut in one wave"


@GENTLE
@given(estates(), st.integers(2, 5), st.integers(4, 12), st.integers(2, 8))
def test_no_node_is_ever_too_full_whichever_dies(
    estate: tuple[dict[str, Any], list[dict[str, str]]], nodes: int, memory_gib: int, cores: int
) -> None:
    surveys, dropped = estate
    try:
        found = plan(surveys, cluster(nodes, memory_gib, cores), dropped_services=dropped)
    except LotseError:
        assume(False)
    room = memory_gib * 1024 - 2048
    homes: dict[str, list[dict[str, Any]]] = {row["name"]: [] for row in found["capacity"]["nodes"]}
    for guest in found["guests"]:
        homes[guest["node"]].append(guest)
    for row in found["capacity"]["nodes"]:
        assert row["guests"] == [guest["name"] for guest in homes[row["name"]]]
        assert row["planned_memory_mib"] == sum(guest["memory_mib"] for guest in homes[row["name"]])
    assert all(fits(guests, room, cores) for guests in homes.values())
    for failed, orphans in homes.items():
        assert refuge(orphans, [list(guests) for name, guests in homes.items() if name != failed], room, cores), failed


def fits(guests: list[dict[str, Any]], room: int, cores: int) -> bool:
    memory, needed = (sum(int(guest[name]) for guest in guests) for name in ("memory_mib", "cores"))
    return memory <= room and needed <= cores


def refuge(orphans: list[dict[str, Any]], left: list[list[dict[str, Any]]], room: int, cores: int) -> bool:
    """Whether the guests of a dead node find places, by trying all."""
    if not orphans:
        return True
    for guests in left:
        guests.append(orphans[0])
        if fits(guests, room, cores) and refuge(orphans[1:], left, room, cores):
            return True
        guests.pop()
    return False
