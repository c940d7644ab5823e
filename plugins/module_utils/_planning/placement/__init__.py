# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node takes which guest: fewest moves, then the fullest node as empty as can be, and any one node (or domain) may die.

A greedy answer goes first; a constraint model improves it, and proves how good it is (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .master import Answer, Master
from .packing import Board, first_answer, recover
from .problem import Problem, Stay
from .reasons import refuse, refuse_homeless, why_moved
from .words import Bin, Item, Reservation, Result, Rules

__all__ = ["Bin", "Item", "Reservation", "Result", "Rules", "place"]

SMALL = 60  # guests times nodes up to which the best answer is proven, and names decide between equal ones; above it that takes seconds
GOOD = 0.05  # beyond that: how far the level may be above its bound
NO_WAYS: Mapping[str, Mapping[int, int]] = {}
EFFORT = 10.0  # deterministic seconds of the solver for each goal


def place(items: Sequence[Item], bins: Sequence[Bin], rules: Rules, reservations: Sequence[Reservation] = ()) -> Result:
    """A node for each guest. Raises LotseError that says which promise cannot be kept, for whom, and what to do."""
    problem = Problem(items, bins, rules, reservations)
    refuse_homeless(problem)
    found = _fewest_moves(problem)
    if found is None:
        refuse(problem, lambda relaxed: _fewest_moves(relaxed))
    answer, stay, proven = found
    return _result(problem, answer, stay, proven)


def _fewest_moves(problem: Problem) -> tuple[Answer, Stay, bool] | None:
    """(answer, who stays, whether fewer moves are impossible)."""
    if problem.hopeless:
        return None
    stay = {i: at for i, at in enumerate(problem.current) if at is not None and at in problem.can[i]}
    if not _is_small(problem) and Board(problem, stay).keeps_all() and (loose := first_answer(problem, stay, loosen=True)) is not None:
        kept = {i: at for i, at in stay.items() if at == loose[i]}
        return settle(problem, kept) or _as_it_is(problem, loose, kept), kept, len(kept) == len(stay)
    if (answer := settle(problem, stay)) is not None:
        return answer, stay, True  # nobody moves but who must
    master = Master(problem, problem.pinned, one_by_one=_is_small(problem))
    moves = master.moves()
    fewest = master.minimise(moves, EFFORT)
    if fewest is None:
        return None
    master.model.add(moves <= fewest.value)
    level = master.level(problem.level_bound(problem.pinned), problem.scale)
    even = master.minimise(level, EFFORT, 0.0 if master.one_by_one else GOOD) or fewest
    stay = {i: b for i, b in enumerate(even.where) if b == problem.current[i]}
    return settle(problem, stay) or _as_it_is(problem, even.where, stay, even.recovery), stay, fewest.value <= fewest.bound


def _as_it_is(problem: Problem, where: list[int], stay: Stay, recovery: Mapping[str, Mapping[int, int]] = NO_WAYS) -> Answer:
    """An answer that nobody improved, with its level and what that cannot be below."""
    level = problem.level_of(where, stay)
    return Answer(where, level, min(level, problem.level_bound(stay)) if len(stay) < len(where) else level, recovery)


def settle(problem: Problem, stay: Stay) -> Answer | None:
    """The others around those who stay: the fullest node that takes one as empty as can be, then as names decide."""
    if not Board(problem, stay).keeps_all():
        return None
    guess = first_answer(problem, stay)
    bound, small = problem.level_bound(stay), _is_small(problem)
    fallback = None if guess is None else _as_it_is(problem, guess, stay)
    level = problem.scale if fallback is None else fallback.value
    if fallback is not None and (len(stay) == len(problem.items) or (not small and level - bound <= GOOD * level)):
        return fallback
    master = Master(problem, stay, one_by_one=small)
    if guess is not None:
        master.hint(guess)
    goal = master.level(bound, level)
    best = master.minimise(goal, EFFORT, 0.0 if small else GOOD)
    if best is None or not small:
        return best or fallback
    master.model.add(goal <= best.value)
    named = master.minimise(master.names(), EFFORT) or best
    return Answer(named.where, best.value, best.bound, named.recovery)


def _is_small(problem: Problem) -> bool:
    return len(problem.items) * len(problem.bins) <= SMALL


def _result(problem: Problem, answer: Answer, stay: Stay, proven: bool) -> Result:
    names = [node.name for node in problem.bins]
    recovery: dict[str, dict[str, str]] = {}
    together = []
    for name, dead in problem.failures.items():
        ways = recover(problem, answer.where, dead, apart=True)
        if ways is None:
            together.append(name)
            ways = recover(problem, answer.where, dead, apart=False)
        proof = answer.recovery[name] if ways is None else ways
        recovery[name] = {problem.items[i].name: names[b] for i, b in sorted(proof.items())}
    return Result(
        assignment={item.name: names[b] for item, b in zip(problem.items, answer.where, strict=True)},
        moves={
            item.name: why_moved(problem, i)
            for i, item in enumerate(problem.items)
            if item.current is not None and problem.current[i] != answer.where[i]
        },
        peak=problem.level_of(answer.where, stay) / problem.scale,
        bound=answer.bound / problem.scale,
        fewest_proven=proven,
        recovery=recovery if problem.failures else None,
        together=tuple(together),
        broken=problem.broken,
    )
