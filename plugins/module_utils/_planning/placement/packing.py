# SPDX-License-Identifier: GPL-3.0-or-later
"""Who fits beside whom: a board of nodes, a greedy first answer, and the proof that a dead node's guests find room on the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ortools.sat.python import cp_model

from .problem import Problem, Stay, Where

REFUGE_EFFORT = 2.0  # deterministic seconds of the solver for one death
ROUNDS = 30  # how often holes are added to a greedy answer


def solve(model: Any, effort: float, gap: float = 0.0) -> tuple[Any, int]:
    """(solver, status). One worker, one seed and deterministic time: the same model gives the same answer on every machine."""
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = 1
    solver.parameters.max_deterministic_time = effort
    solver.parameters.relative_gap_limit = gap
    return solver, solver.solve(model)


class Board:
    """Nodes with the guests put on them so far: what is left of each, and how many of each tag it and its domain hold."""

    def __init__(self, problem: Problem, placed: Mapping[int, int]) -> None:
        self.problem = problem
        self.left = [list(room) for room in problem.room]
        self.held = list(problem.used)
        self.tags: list[Counter[str]] = [Counter() for _ in problem.bins]
        self.domains: list[Counter[str]] = [Counter() for _ in problem.domain_names]
        for i, b in placed.items():
            self.put(i, b)

    def put(self, i: int, b: int) -> None:
        self.take(i, b)
        self.tag(i, b)

    def take(self, i: int, b: int) -> None:
        self.left[b] = [has - need for has, need in zip(self.left[b], self.problem.need(i, b), strict=True)]
        self.held[b] += self.problem.items[i].memory

    def tag(self, i: int, b: int) -> None:
        for tag in self.problem.tags[i]:
            self.tags[b][tag] += 1
            self.domains[self.problem.domain[b]][tag] += 1

    def has_room(self, i: int, b: int) -> bool:
        return all(has >= need for has, need in zip(self.left[b], self.problem.need(i, b), strict=True))

    def fits(self, i: int, b: int) -> bool:
        problem, domain = self.problem, self.problem.domain[b]
        return self.has_room(i, b) and all(
            self.tags[b][tag] < problem.tag_cap[b][tag] and self.domains[domain][tag] < problem.domain_cap[domain][tag] for tag in problem.tags[i]
        )

    def keeps_all(self) -> bool:
        """Whether no promise is broken, whoever was put where."""
        problem = self.problem
        return (
            all(has >= 0 for left in self.left for has in left)
            and all(count <= problem.tag_cap[b][tag] for b, tags in enumerate(self.tags) for tag, count in tags.items())
            and all(count <= problem.domain_cap[d][tag] for d, tags in enumerate(self.domains) for tag, count in tags.items())
        )


def first_answer(problem: Problem, stay: Stay, *, loosen: bool = False) -> list[int] | None:
    """A greedy answer that survives every death. Whoever would be stranded gets a hole of its size kept free, and it is tried anew.

    Spreading guests evenly leaves no room for a large one anywhere; a few holes cost little, and are what a dead node's guests need.
    With ``loosen`` the fewest guests that make room for one without may leave their node.
    """
    holes: list[int] = []
    for _ in range(ROUNDS):
        where, homeless = greedy(problem, stay, holes)
        if homeless is not None:
            looser = _loosened(problem, stay, homeless) if loosen else None
            if looser is None:
                return None
            stay = looser
            continue
        stranded = [_stranded(problem, where, dead) for dead in problem.failures.values()]
        worst = max(stranded, key=lambda lost: sum(problem.items[i].memory for i in lost), default=[])
        if not worst:
            return where
        holes += worst
    return None


def _loosened(problem: Problem, stay: Stay, homeless: int) -> dict[int, int] | None:
    """Who stays when the node that has to send the fewest away makes room for one guest. None when no node can."""
    board = Board(problem, stay)
    ways = []
    for b in problem.could[homeless]:
        free, leave = list(board.left[b]), list[int]()
        for i in sorted((i for i, at in stay.items() if at == b and i not in problem.pinned), key=lambda i: _size(problem, i)):
            if all(has >= need for has, need in zip(free, problem.full[homeless], strict=True)):
                break
            leave.append(i)
            free = [has + need for has, need in zip(free, problem.need(i, b), strict=True)]
        if leave and all(has >= need for has, need in zip(free, problem.full[homeless], strict=True)):
            ways.append((len(leave), sum(problem.items[i].memory for i in leave), b, leave))
    return {i: at for i, at in stay.items() if i not in min(ways)[3]} if ways else None


def greedy(problem: Problem, stay: Stay, holes: Sequence[int] = ()) -> tuple[list[int], int | None]:
    """(where, the first guest that found no room): the large ones first, each onto the node that is then the least full.

    ``holes`` are guests whose like must find room once more, each hole on a node of its own.
    """
    board = Board(problem, stay)
    where = [stay.get(i, -1) for i in range(len(problem.items))]
    count = len(problem.bins)
    hollow: set[int] = set()
    rest = [(i, False) for i, at in enumerate(where) if at < 0] + [(i, True) for i in holes]

    def emptiest(i: int, able: Sequence[int]) -> int:
        return min(able, key=lambda b: (problem.level(b, board.held[b] + problem.items[i].memory), (b - i) % count))

    for i, hole in sorted(rest, key=lambda one: (not _tight(problem, one[0]), *_size(problem, one[0]), not one[1], one[0])):
        able = [b for b in problem.could[i] if b not in hollow and board.has_room(i, b)] if hole else [b for b in problem.can[i] if board.fits(i, b)]
        if not able:
            return where, i
        b = emptiest(i, able)
        board.take(i, b)
        if hole:
            hollow.add(b)
        else:
            where[i] = b
            board.tag(i, b)
    return where, None


def _tight(problem: Problem, i: int) -> bool:
    """Guests that need most of the nodes that can take them: by room (few nodes), or by their tags (many siblings)."""
    return 2 * max([1, *(len(problem.members[tag]) for tag in problem.tags[i])]) > len(problem.can[i])


def recover(problem: Problem, where: Where, dead: frozenset[int], *, apart: bool) -> dict[int, int] | None:
    """Nodes for the guests of those that died, while all others stay. None when there is no room, or none was found.

    Disks that were local are restored and need room again. ``apart`` keeps guests of an anti-affinity tag on different nodes, or as few
    together as there are nodes left.
    """
    refuge = Refuge(problem, where, dead, apart=apart)
    if not all(refuge.homes.values()):
        return None
    found, stranded = refuge.search()
    return refuge.solve() if stranded else found


def _stranded(problem: Problem, where: Where, dead: frozenset[int]) -> list[int]:
    return Refuge(problem, where, dead, apart=False).search()[1]


def _size(problem: Problem, i: int) -> tuple[int, int]:
    """Large ones first."""
    return -problem.items[i].memory, -problem.items[i].cores


class Refuge:
    """One death: the guests of the ``dead`` nodes, and what is left on the others."""

    def __init__(self, problem: Problem, where: Where, dead: frozenset[int], *, apart: bool) -> None:
        self.problem = problem
        self.board = Board(problem, {i: b for i, b in enumerate(where) if b not in dead})
        alive = len(problem.bins) - len(dead)
        self.most = {tag: -(-len(members) // max(1, alive)) for tag, members in problem.members.items()} if apart else {}
        lost = [i for i, b in enumerate(where) if b in dead]
        self.homes = {i: [b for b in problem.could[i] if b not in dead and self._fits(self.board.left[b], self.board.tags[b], i)] for i in lost}

    def _fits(self, left: Sequence[int], tags: Counter[str], i: int) -> bool:
        return all(has >= need for has, need in zip(left, self.problem.full[i], strict=True)) and not (
            self.most and any(tags[tag] >= self.most[tag] for tag in self.problem.tags[i])
        )

    def search(self) -> tuple[dict[int, int], list[int]]:
        """(ways out, who was stranded): onto the fullest node that has room, else onto the emptiest."""
        found, stranded = self._search(fullest=True)
        return (found, stranded) if not stranded else self._search(fullest=False)

    def _search(self, *, fullest: bool) -> tuple[dict[int, int], list[int]]:
        left, tags = [list(row) for row in self.board.left], [Counter(row) for row in self.board.tags]
        found: dict[int, int] = {}
        stranded = []
        for i in sorted(self.homes, key=lambda i: (len(self.homes[i]) > 1, *_size(self.problem, i), i)):
            able = [b for b in self.homes[i] if self._fits(left[b], tags[b], i)]
            if not able:
                stranded.append(i)
                continue
            found[i] = min(able, key=lambda b: (left[b][0] if fullest else -left[b][0], b))
            left[found[i]] = [has - need for has, need in zip(left[found[i]], self.problem.full[i], strict=True)]
            tags[found[i]].update(self.problem.tags[i])
        return found, stranded

    def solve(self) -> dict[int, int] | None:
        model = cp_model.CpModel()
        to = {(i, b): model.new_bool_var("") for i in self.homes for b in self.homes[i]}
        for i, able in self.homes.items():
            model.add_exactly_one(to[i, b] for b in able)
        for b in sorted({b for _, b in to}):
            here = [i for i in self.homes if (i, b) in to]
            for d, has in enumerate(self.board.left[b]):
                model.add(sum(self.problem.full[i][d] * to[i, b] for i in here) <= has)
            for tag, limit in self.most.items():
                if tagged := [to[i, b] for i in here if tag in self.problem.tags[i]]:
                    model.add(sum(tagged) <= limit - self.board.tags[b][tag])
        solver, status = solve(model, REFUGE_EFFORT)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            return None
        return {i: b for (i, b), variable in to.items() if solver.boolean_value(variable)}
