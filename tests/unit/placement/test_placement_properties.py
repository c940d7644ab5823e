# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every placement, whatever guests and nodes look like. The checker tries every death by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning.placement import Bin, Item, Reservation, Result, Rules, place
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from . import checker

GENTLE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
NODES = ("n1", "n2", "n3", "n4", "n5")
TAGS = ("red", "blue")


@dataclass(frozen=True)
class Case:
    items: list[Item]
    bins: list[Bin]
    rules: Rules
    reservations: list[Reservation]

    def place(self) -> Result:
        return place(self.items, self.bins, self.rules, self.reservations)

    def settled(self, result: Result) -> Case:
        return replace(self, items=[replace(item, current=result.assignment[item.name], exists=True) for item in self.items])


@st.composite
def cases(draw: st.DrawFn, guests: int = 8, nodes: int = 5, currents: bool = False, domains: bool = False) -> Case:
    bins = [
        Bin(
            name, draw(st.sampled_from((8, 12, 16))) * 1024, draw(st.sampled_from((6, 8))), {"ceph": 1000, "disk": draw(st.sampled_from((40, 80)))},
            frozenset({"ceph"}), frozenset({"b0"} | ({"b1"} if draw(st.booleans()) else set())),
            f"rack{number % 3}" if domains else None,
        )
        for number, name in enumerate(NODES[: draw(st.integers(2, nodes))])
    ]  # fmt: skip
    names = [node.name for node in bins]
    items = [
        Item(
            f"g{number}", draw(st.integers(1, 6)) * 1024, draw(st.integers(1, 3)), {draw(st.sampled_from(("ceph", "ceph", "disk"))): 10},
            frozenset({draw(st.sampled_from(("b0", "b0", "b1")))}), frozenset(draw(st.sets(st.sampled_from(TAGS), max_size=1))),
            current=draw(st.sampled_from((None, *names, "gone"))) if currents else None,
        )
        for number in range(draw(st.integers(1, guests)))
    ]  # fmt: skip
    rules = Rules(draw(st.integers(0, 1)), int(domains and draw(st.booleans())), tuple(draw(st.sets(st.sampled_from(TAGS)))))
    return Case(items, bins, rules, [Reservation(names[0], 2048, 1)] if draw(st.booleans()) else [])


def placed(case: Case) -> Result:
    try:
        return case.place()
    except LotseError as refusal:
        assert refusal.remedy, "an error without a remedy helps nobody"
        assume(False)
        raise


@GENTLE
@given(cases(currents=True, domains=True))
def test_every_promise_is_kept(case: Case) -> None:
    result = placed(case)
    assert checker.keeps(case.items, case.bins, case.rules, result.assignment, case.reservations)
    assert result.spare_proven == bool(case.rules.spare_nodes or case.rules.spare_domains)
    assert 0 <= result.bound <= result.peak <= 1
    left = {item.name for item in case.items if item.current not in (None, result.assignment[item.name])}
    assert set(result.moves) == left


@GENTLE
@given(cases(domains=True))
def test_the_recovery_is_a_proof_by_itself(case: Case) -> None:
    result = placed(case)
    for recovered in (result.recovery or {}).values():
        after = [replace(item, exists=item.name not in recovered, current=result.assignment[item.name]) for item in case.items]
        where = {**result.assignment, **recovered}
        survivors = checker.left(after, case.bins, where, case.reservations)
        taken = {name: room for name, room in survivors.items() if name in set(recovered.values())}
        assert all(room[what] >= 0 for room in taken.values() for what in ("memory", "cores"))
    gone = [set(result.recovery[name]) for name in result.recovery] if result.recovery else []
    assert sum(len(names) for names in gone) == (len(case.items) if gone else 0), "each guest is recovered from exactly one death"


@GENTLE
@given(cases(currents=True))
def test_the_next_run_moves_nobody(case: Case) -> None:
    result = placed(case)
    settled = case.settled(result)
    again = settled.place()
    assert again.assignment == result.assignment
    assert not again.moves


@GENTLE
@given(cases())
def test_the_same_input_gives_the_same_answer(case: Case) -> None:
    assert placed(case) == case.place()


@GENTLE
@given(cases(guests=6, nodes=4))
def test_a_node_that_goes_moves_its_guests_only(case: Case) -> None:
    """If the others can stay, they do; whether they can is tried by hand."""
    result = placed(case)
    assume(len(case.bins) > 2)
    gone = case.bins[-1].name
    without = replace(case.settled(result), bins=case.bins[:-1])
    after = placed(without)
    must = {name for name, node in result.assignment.items() if node == gone}
    assert must <= set(after.moves)
    stay = [
        where
        for where in checker.every(without.items, without.bins)
        if all(where[name] == node for name, node in result.assignment.items() if node != gone)
        and checker.keeps(without.items, without.bins, case.rules, where, case.reservations)
    ]
    assert not stay or set(after.moves) == must


@settings(GENTLE, max_examples=80)
@given(cases(guests=5, nodes=3, currents=True))
def test_no_other_answer_moves_fewer(case: Case) -> None:
    """All answers of tiny cases are tried. One without an answer is refused, and one with an answer is not."""
    moves = [
        sum(item.current not in (None, where[item.name]) for item in case.items)
        for where in checker.every(case.items, case.bins)
        if checker.keeps(case.items, case.bins, case.rules, where, case.reservations)
    ]
    try:
        result = case.place()
    except LotseError:
        assert not moves
        return
    assert len(result.moves) == min(moves)
    assert result.fewest_proven


@settings(GENTLE, max_examples=80)
@given(cases(guests=5, nodes=3))
def test_no_other_answer_is_more_even(case: Case) -> None:
    result = placed(case)
    memory = {node.name: node.memory for node in case.bins}
    held = {node.name: sum(row.memory for row in case.reservations if row.bin == node.name) for node in case.bins}

    def peak(where: dict[str, str]) -> float:
        taking = set(where.values())
        return max((held[n] + sum(item.memory for item in case.items if where[item.name] == n)) / memory[n] for n in taking)

    best = min(peak(w) for w in checker.every(case.items, case.bins) if checker.keeps(case.items, case.bins, case.rules, w, case.reservations))
    assert abs(result.peak - best) <= 1 / 1000, "the checker counts in fractions, the placement in parts of the largest node's MiB"
