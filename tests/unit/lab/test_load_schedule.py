# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule of the live users: steady, mixed, made of visits that end."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice, pairwise

import pytest

from tests.lab.load.schedule import LONGEST, MIX, SHORTEST, Action, actions, seats

RATE = 25


@pytest.fixture(scope="module")
def ten_minutes() -> list[Action]:
    return list(islice(actions(RATE, seed=1), RATE * 600))


def by_visit(found: list[Action]) -> dict[int, list[Action]]:
    visits: dict[int, list[Action]] = defaultdict(list)
    for action in found:
        visits[action.visit].append(action)
    return visits


def test_the_rate_is_steady(ten_minutes: list[Action]) -> None:
    assert ten_minutes[0].at == 0
    assert all(later.at - earlier.at == pytest.approx(1 / RATE) for earlier, later in pairwise(ten_minutes))


def test_the_same_seed_gives_the_same_actions() -> None:
    assert list(islice(actions(7, 3), 500)) == list(islice(actions(7, 3), 500)) != list(islice(actions(7, 4), 500))


def test_visits_are_short_and_end(ten_minutes: list[Action]) -> None:
    visits = by_visit(ten_minutes)
    newcomers = [visit for number, visit in visits.items() if number >= seats(RATE)]
    ended = [visit for visit in newcomers if visit[-1].last]
    assert len(newcomers) - len(ended) <= seats(RATE), "only those of the last seconds are still there"
    assert {len(visit) for visit in ended} == set(range(SHORTEST, LONGEST + 1))
    assert max(visit[-1].at - visit[0].at for visit in ended) < 12
    for visit in ended:
        assert [action.first for action in visit] == [True, *[False] * (len(visit) - 1)]
        assert [action.last for action in visit] == [*[False] * (len(visit) - 1), True]


def test_a_visit_that_has_ended_does_not_come_back(ten_minutes: list[Action]) -> None:
    gone: set[int] = set()
    for action in ten_minutes:
        assert action.visit not in gone
        if action.last:
            gone.add(action.visit)


def test_the_seats_do_not_empty_together(ten_minutes: list[Action]) -> None:
    leaving = Counter(int(action.at) for action in ten_minutes if action.last)
    assert max(leaving.values()) <= seats(RATE) / 2


def test_everything_of_the_mix_happens(ten_minutes: list[Action]) -> None:
    seen = Counter(action.op for action in ten_minutes)
    assert set(seen) == {*MIX, "arrive"}
    total = sum(seen[op] for op in MIX)
    for op, weight in MIX.items():
        assert seen[op] / total == pytest.approx(weight / sum(MIX.values()), rel=0.15)


@pytest.mark.parametrize("rate", [1, 0.5, 200])
def test_slow_and_fast_loads_have_visits_too(rate: float) -> None:
    found = list(islice(actions(rate, 1), 400))
    assert any(action.last for action in found)
    assert found[-1].at == pytest.approx(399 / rate)
