# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a placement is impossible, as one error: the promise, for whom, and what to do. Each promise is dropped in turn to see whose fault it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from ..._domain.errors import LotseError
from .packing import greedy, recover
from .problem import Problem
from .words import Rules

MOST_TAGS = 8  # that a refusal names
SMALLER = "add memory or a node, or make guests smaller"


def refuse_homeless(problem: Problem) -> None:
    """Guests that no node can take were it theirs alone, and shared storages that cannot take all disks."""
    for i, item in enumerate(problem.items):
        if item.pinned and i not in problem.pinned:
            what = f"{item.name} is to stay on {item.current}, which is no node that is there"
            raise LotseError(what, "", "bring the node back, or let the guest move")
        lacks: dict[str, list[str]] = {}
        for b, node in enumerate(problem.bins):
            if i in problem.pinned and problem.pinned[i] != b:
                continue
            lacks.setdefault("" if i in problem.pinned and b in problem.could[i] else problem.lack(i, b), []).append(node.name)
        if "" not in lacks:
            what = f"node {item.current} cannot keep {item.name} as it is planned" if item.pinned else f"no node can take {item.name}"
            where = "; ".join(f"{', '.join(names)}: {lack}" for lack, names in lacks.items())
            raise LotseError(what, where, "ask for less, or give the cluster what is missing")
    for storage in sorted({name for node in problem.bins for name in node.shared}):
        free = min(node.storages[storage] for node in problem.bins if storage in node.storages)
        need = sum(item.disks.get(storage, 0) for item in problem.items if not item.exists)
        if need > free:
            raise LotseError(f"storage {storage} is too full: {need} GiB are needed, {free} are free", "", "free space, or choose another storage")


def refuse(problem: Problem, solve: Callable[[Problem], object | None]) -> NoReturn:
    """Raises the LotseError for guests that do not fit together."""
    rules, items = problem.rules, problem.items
    need = f"{len(items)} guests need {sum(item.memory for item in items)} MiB and {sum(item.cores for item in items)} cores"
    each = (f"{node.name} {has[0]} MiB and {has[1]} cores" for node, has in zip(problem.bins, problem.room, strict=True))
    room = f"{'no answer was found with the effort allowed, though there may be one; ' if problem.gave_up else ''}room: {', '.join(each)}"

    def possible(rules: Rules) -> bool:
        return solve(problem.under(rules)) is not None

    if not possible(replace(rules, spare_nodes=0, spare_domains=0, anti_affinity=())):
        raise LotseError(f"the cluster has no room for the guests: {need}", room, SMALLER)
    if not possible(replace(rules, spare_nodes=0, spare_domains=0)):
        tags = [tag for tag in rules.anti_affinity[:MOST_TAGS] if not possible(Rules(anti_affinity=(tag,)))] or rules.anti_affinity[:MOST_TAGS]
        raise LotseError(
            f"the guests fit the cluster, but not with those apart that have a tag in common ({', '.join(tags)}): {need}",
            room, f"{SMALLER}, or take a tag out of anti_affinity",
        )  # fmt: skip
    dies, option = ("failure domain", "spare_domains") if rules.spare_domains else ("node", "spare_nodes")
    what = f"the guests fit the cluster, but not when any one {dies} dies: {need}"
    raise LotseError(what, f"{_victims(problem)}{room}", f"{SMALLER}, or go without ({option}: 0)")


def _victims(problem: Problem) -> str:
    """The first death that the even answer does not survive, and whom it would strand."""
    where, homeless = greedy(problem, problem.pinned)
    for name, dead in problem.failures.items() if homeless is None else ():
        if recover(problem, where, dead, apart=False) is None:
            lost = [problem.items[i].name for i, b in enumerate(where) if b in dead]
            return f"when {name} dies, there is no room for all of {', '.join(lost[:8])}{' and others' if len(lost) > 8 else ''}; "
    return ""


def why_moved(problem: Problem, i: int) -> str:
    item, at = problem.items[i], problem.current[i]
    if at is None:
        return f"{item.current} is no node that can be used"
    return problem.lack(i, at) or "a rule could not be kept otherwise"
