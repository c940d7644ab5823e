# SPDX-License-Identifier: GPL-3.0-or-later
"""Waves: order, canaries, limits, what people pinned, and that many services are no trouble."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning.model import Dependency, Service
from ansible_collections.lotse.estate.plugins.module_utils._planning.waves import STAGES, Former, Limits, Wave, rings, waves
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = ("mariadb", "redis", "http", "cron", "postgresql", "nodejs")


def service(name: str) -> Service:
    kind, host = name.split("@")
    return Service(kind, host, name, 1)


def needs(*pairs: tuple[str, str]) -> list[Dependency]:
    return [Dependency(source, target, 1, "tcp", "seen") for source, target in pairs]


def order(
    names: list[str], pairs: list[tuple[str, str]] | None = None, limits: Limits | None = None, former: Former | None = None, **volumes: int
) -> list[Wave]:
    sizes: dict[str, int | None] = {name: volumes.get(name.split("@")[1]) for name in names}
    return waves([service(name) for name in names], needs(*(pairs or [])), limits or Limits(), former or Former(), sizes)


def shown(found: list[Wave]) -> dict[str, list[str]]:
    return {wave.name: wave.services for wave in found}


def test_the_canary_is_the_least_depended_on_and_smallest() -> None:
    names = ["mariadb@a", "mariadb@b", "mariadb@c", "redis@r"]
    found = order(names, [("mariadb@c", "mariadb@a")], a=1, b=900, c=1)
    assert shown(found) == {"data canary": ["mariadb@b"], "data": ["redis@r"], "data 2": ["mariadb@a"], "data 3": ["mariadb@c"]}
    assert [wave.canary for wave in found] == [True, False, False, False]
    assert "canary of mariadb: 0 of its stage need it, it has 900 MiB" in found[0].reasons


def test_one_of_a_kind_is_no_canary() -> None:
    assert not any(wave.canary for wave in order(["mariadb@a", "redis@r", "http@w"]))


def test_a_declared_canary() -> None:
    names = ["mariadb@a", "mariadb@b"]
    assert order(names, limits=Limits(canaries=("mariadb@b",)), a=1, b=900)[0].services == ["mariadb@b"]
    with pytest.raises(LotseError, match="declared a canary, but the plan has no such service"):
        order(names, limits=Limits(canaries=("mariadb@x",)))
    with pytest.raises(LotseError, match="mariadb@b is declared the canary of mariadb, but it needs mariadb@a"):
        order(names, [("mariadb@b", "mariadb@a")], Limits(canaries=("mariadb@b",)))


def test_declared_canaries_that_wait_for_each_other() -> None:
    names = ["mariadb@a", "mariadb@b", "redis@a", "redis@b"]
    pairs = [("mariadb@a", "redis@b"), ("redis@a", "mariadb@b")]
    with pytest.raises(LotseError, match="the declared canaries contradict the dependencies"):
        order(names, pairs, Limits(canaries=("mariadb@a", "redis@a")))


def test_a_canary_stays_the_canary() -> None:
    names = ["mariadb@a", "mariadb@b"]
    former = Former(waves={"mariadb@b": "data canary"}, order=("data canary",), canaries=frozenset({"mariadb@b"}))
    assert order(names, former=former, a=1, b=900)[0].services == ["mariadb@b"]


def test_no_more_than_so_many_and_not_two_from_one_host() -> None:
    names = [f"nodejs@h{number}" for number in range(7)]
    assert [len(wave.services) for wave in order(names, limits=Limits(most_moves=3))] == [1, 3, 3]
    crowded = order(["mariadb@h", "redis@h", "postgresql@h"], limits=Limits(most_per_host=1))
    assert [wave.services for wave in crowded] == [["mariadb@h"], ["postgresql@h"], ["redis@h"]]


def test_who_needs_each_other_moves_together_or_says_why_not() -> None:
    names, pairs = ["nodejs@a", "nodejs@b", "nodejs@c"], [("nodejs@a", "nodejs@b"), ("nodejs@b", "nodejs@c"), ("nodejs@c", "nodejs@a")]
    assert [wave.services for wave in order(names, pairs)] == [names]
    assert rings([service(name) for name in names], needs(*pairs)) == [names]
    with pytest.raises(LotseError, match=r"nodejs@a, nodejs@b, nodejs@c move together, 3 moves .* plan_waves.most_moves is 2"):
        order(names, pairs, Limits(most_moves=2))


def former_of(found: list[Wave], **pinned: str) -> Former:
    return Former(
        waves={name: wave.name for wave in found for name in wave.services},
        pinned={name.replace("_", "@"): wave for name, wave in pinned.items()},
        order=tuple(wave.name for wave in found),
        canaries=frozenset(name for wave in found if wave.canary for name in wave.services),
    )


def test_people_move_a_service_to_another_wave() -> None:
    names = [f"nodejs@h{number}" for number in range(7)]
    first = order(names, limits=Limits(most_moves=3))
    assert shown(first)["web 2"] == ["nodejs@h4", "nodejs@h5", "nodejs@h6"]
    pinned = order(names, limits=Limits(most_moves=4), former=former_of(first, nodejs_h1="web 2"))
    assert shown(pinned)["web 2"] == ["nodejs@h1", "nodejs@h4", "nodejs@h5", "nodejs@h6"]
    full = order(names, limits=Limits(most_moves=3), former=former_of(first, nodejs_h1="web 2"))
    assert shown(full)["web 2"] == ["nodejs@h1", "nodejs@h4", "nodejs@h5"], "where there is no room, somebody else leaves"


@pytest.mark.parametrize(("service_", "wave", "says"), [
    ("nodejs_b", "web", "nodejs@b needs nodejs@a, which moves in wave 'web'"), ("mariadb_d", "web", "would not move with the data"),
    ("nodejs_a", "data", "would not move with the web"),
])  # fmt: skip
def test_people_cannot_break_the_order(service_: str, wave: str, says: str) -> None:
    names, pairs = ["mariadb@d", "nodejs@a", "nodejs@b", "nodejs@x"], [("nodejs@b", "nodejs@a")]
    first = order(names, pairs)
    assert set(shown(first)) == {"data", "web canary", "web", "web 2"}
    with pytest.raises(LotseError, match=says):
        order(names, pairs, former=former_of(first, **{service_: wave}))


@st.composite
def estates(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]], Limits]:
    names = sorted({f"{draw(st.sampled_from(KINDS))}@h{draw(st.integers(0, 5))}" for _ in range(draw(st.integers(1, 14)))})
    pairs = draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=14))
    return names, [pair for pair in pairs if pair[0] != pair[1]], Limits(0, draw(st.integers(0, 2)))


@settings(max_examples=60, deadline=None)
@given(estates(), st.randoms(use_true_random=False))
def test_what_holds_for_every_estate(estate: tuple[list[str], list[tuple[str, str]], Limits], chance: Any) -> None:
    names, pairs, limits = estate
    found = order(names, pairs, limits)
    shuffled, turned = list(names), list(pairs)
    chance.shuffle(shuffled)
    chance.shuffle(turned)
    assert shown(order(shuffled, turned, limits)) == shown(found), "the order of the input does not matter"
    assert shown(order(names, pairs, limits, former_of(found))) == shown(found), "planned again, nothing moves"
    at = {name: wave.number for wave in found for name in wave.services}
    assert sorted(at) == names
    assert [wave.number for wave in found] == list(range(1, len(found) + 1))
    together = [set(ring) for ring in rings([service(name) for name in names], needs(*pairs))]
    for source, target in pairs:
        stages = [STAGES[name.split("@")[0]] for name in (source, target)]
        if stages[0] == stages[1]:
            assert at[target] < at[source] or any({source, target} <= ring for ring in together)
    assert all(len({at[name] for name in ring}) == 1 for ring in together)
    assert [at[name] for name in sorted(names, key=lambda name: (STAGES[name.split("@")[0]], at[name]))] == sorted(at.values())
    canaries = {name for wave in found if wave.canary for name in wave.services}
    for kind, count in Counter(name.split("@")[0] for name in names).items():
        own = {name for name in names if name.startswith(f"{kind}@")}
        if count > 1 and own & canaries:
            assert max(at[name] for name in own & canaries) < min((at[name] for name in own - canaries), default=10**9)


def test_steps_grow_with_services_not_with_their_square() -> None:
    """Counted in lines of code that run, not in seconds."""

    def lines(hosts: int) -> int:
        names = [f"{kind}@h{number}" for number in range(hosts) for kind in ("mariadb", "nodejs", "cron")]
        pairs = [(f"nodejs@h{number}", f"mariadb@h{(number * 7) % hosts}") for number in range(hosts)]
        counted = 0

        def tracer(frame: Any, event: str, _: Any) -> Any:
            nonlocal counted
            counted += event == "call"
            return tracer if event == "call" and frame.f_code.co_filename.endswith("waves.py") else None

        given_ = [service(name) for name in names], needs(*pairs), Limits(), Former(), dict.fromkeys(names)
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            waves(*given_)
        finally:
            sys.settrace(before)
        return counted

    assert lines(400) < 2.6 * lines(200)
