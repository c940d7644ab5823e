# SPDX-License-Identifier: GPL-3.0-or-later
"""The assignment as a constraint model. A death enters it only when the cheap proof fails: then with all of its guests' ways out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from .packing import recover, solve
from .problem import Problem, Stay, Where

LARGEST = 250_000  # variables of a model that is still worth a try


@dataclass(frozen=True)
class Answer:
    """The node of each guest, the goal's value and what it cannot be below, and ways out that only the model found."""

    where: list[int]
    value: int
    bound: int
    recovery: Mapping[str, Mapping[int, int]]


@dataclass(frozen=True)
class Group:
    """Guests that nothing tells apart. ``stay``: their node, when that is settled."""

    members: tuple[int, ...]
    stay: int | None

    @property
    def first(self) -> int:
        return self.members[0]


class Master:
    """``on[g][b]`` guests of group g are on node b. With ``one_by_one`` every guest is a group of its own, so that names can decide."""

    def __init__(self, problem: Problem, stay: Stay, *, one_by_one: bool) -> None:
        self.problem, self.stay, self.one_by_one = problem, stay, one_by_one
        self.model, self.size = cp_model.CpModel(), 0
        self.groups = _groups(problem, stay, one_by_one)
        self.on: list[dict[int, Any]] = []
        self.ways: dict[str, list[dict[int, Any]]] = {}
        for group in self.groups:
            size = len(group.members)
            if group.stay is not None:
                self.on.append({group.stay: size})
                continue
            self.on.append({b: self._count(size) for b in problem.can[group.first]})
            self.model.add(sum(self.on[-1].values()) == size)
        self._capacity({})
        self._apart()

    def _count(self, most: int) -> Any:
        self.size += 1
        return self.model.new_int_var(0, most, "")

    def _capacity(self, ways: Mapping[int, Mapping[int, Any]], dead: frozenset[int] = frozenset()) -> None:
        """Guests of every living node, and those that come to it, fit it."""
        problem = self.problem
        for b in range(len(problem.bins)):
            here = [(g, counts[b]) for g, counts in enumerate(self.on) if b in counts]
            come = [(g, counts[b]) for g, counts in ways.items() if b in counts]
            for d, has in enumerate(problem.room[b]):
                needs = [problem.need(self.groups[g].first, b)[d] * count for g, count in here]
                needs += [problem.full[self.groups[g].first][d] * count for g, count in come]
                if b not in dead and needs:
                    self.model.add(sum(needs) <= has)

    def _apart(self) -> None:
        problem = self.problem
        for tag in problem.members:
            tagged = [counts for group, counts in zip(self.groups, self.on, strict=True) if tag in problem.tags[group.first]]
            for b in range(len(problem.bins)):
                if here := [counts[b] for counts in tagged if b in counts]:
                    self.model.add(sum(here) <= problem.tag_cap[b][tag])
            for domain, cap in enumerate(problem.domain_cap):
                if here := [count for counts in tagged for b, count in counts.items() if problem.domain[b] == domain]:
                    self.model.add(sum(here) <= cap[tag])

    def survive(self, name: str, dead: frozenset[int]) -> None:
        """Every guest of the dead nodes has a way out, while all others stay."""
        ways: list[dict[int, Any]] = []
        for group, counts in zip(self.groups, self.on, strict=True):
            lost = [count for b, count in counts.items() if b in dead]
            ways.append({b: self._count(len(group.members)) for b in self.problem.could[group.first] if b not in dead} if lost else {})
            if lost:
                self.model.add(sum(ways[-1].values()) == sum(lost))
        self._capacity(dict(enumerate(ways)), dead)
        self.ways[name] = ways

    def moves(self) -> Any:
        """How many guests leave their node (those whose node is gone always do)."""
        current = [self.problem.current[group.first] for group in self.groups]
        staying = [counts[at] for at, counts in zip(current, self.on, strict=True) if at is not None and at in counts]
        return sum(item.current is not None for item in self.problem.items) - sum(staying)

    def level(self, low: int, high: int) -> Any:
        """How full the fullest node is that takes a guest which is not settled."""
        problem = self.problem
        level = self.model.new_int_var(low, max(low, high), "level")
        base = problem.base(self.stay)
        for b, node in enumerate(problem.bins):
            comes = [(group.first, counts[b]) for group, counts in zip(self.groups, self.on, strict=True) if group.stay is None and b in counts]
            full = (base[b] + sum(problem.items[i].memory * count for i, count in comes)) * problem.scale <= level * max(1, node.memory)
            if not comes:
                continue
            if problem.level(b, base[b]) <= low:
                self.model.add(full)
                continue
            takes = self.model.new_bool_var("")
            for _, count in comes:
                self.model.add(count == 0).only_enforce_if(takes.negated())
            self.model.add(full).only_enforce_if(takes)
        return level

    def names(self) -> Any:
        """A goal that has few ties: each guest has nodes that it likes better, by its and their place in the lists."""
        count = len(self.problem.bins)
        return sum((b - group.first) % count * here for group, counts in zip(self.groups, self.on, strict=True) for b, here in counts.items())

    def hint(self, where: Where) -> None:
        self.model.clear_hints()
        for group, counts in zip(self.groups, self.on, strict=True):
            if group.stay is None:
                for b, count in counts.items():
                    self.model.add_hint(count, sum(where[i] == b for i in group.members))

    def minimise(self, goal: Any, effort: float, gap: float = 0.0) -> Answer | None:
        """The best answer with a way out of every death; deaths without one are added to the model until none is left.

        None when there is no answer, or none was found with so much effort.
        """
        failures = self.problem.failures
        self.model.minimize(goal)
        while effort > 0 and self.size <= LARGEST:
            solver, status = solve(self.model, effort, gap)
            effort -= solver.response_proto.deterministic_time
            if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
                self.problem.gave_up |= status != cp_model.INFEASIBLE
                return None
            where = self._read(solver)
            self.hint(where)
            stuck = [name for name in failures if name not in self.ways and recover(self.problem, where, failures[name], apart=False) is None]
            if not stuck:
                value, bound = round(solver.objective_value), round(solver.best_objective_bound)
                return Answer(where, value, bound, {name: self._ways_out(solver, where, name, failures[name]) for name in self.ways})
            for name in stuck:
                self.survive(name, failures[name])
        self.problem.gave_up = True
        return None

    def _read(self, solver: Any) -> list[int]:
        """Names for the numbers: of a group those whose node takes some stay, then in the order of the lists."""
        where = [-1] * len(self.problem.items)
        for group, counts in zip(self.groups, self.on, strict=True):
            seats = [b for b, count in sorted(counts.items()) for _ in range(solver.value(count))]
            for i, b in zip(group.members, seats, strict=True):
                where[i] = b
        return where

    def _ways_out(self, solver: Any, where: Where, name: str, dead: frozenset[int]) -> dict[int, int]:
        found: dict[int, int] = {}
        for group, counts in zip(self.groups, self.ways[name], strict=True):
            seats = [b for b, count in sorted(counts.items()) for _ in range(solver.value(count))]
            found |= dict(zip((i for i in group.members if where[i] in dead), seats, strict=True))
        return found


def _groups(problem: Problem, stay: Stay, one_by_one: bool) -> list[Group]:
    found: dict[tuple[Any, ...], list[int]] = {}
    for i, item in enumerate(problem.items):
        alike = (problem.full[i], item.exists, item.current, tuple(problem.can[i]), tuple(problem.could[i]), tuple(problem.tags[i]))
        found.setdefault((stay.get(i), alike, i if one_by_one else None), []).append(i)
    return [Group(tuple(members), key[0]) for key, members in found.items()]
