# SPDX-License-Identifier: GPL-3.0-or-later
"""What a placement must keep, checked without the placement's own code: every death is tried, every guest counted."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.lotse.estate.plugins.module_utils._planning.placement import Bin, Item, Reservation, Rules

Where = Mapping[str, str]


def rooms(bins: Sequence[Bin], reservations: Sequence[Reservation] = ()) -> dict[str, Counter[str]]:
    """What each node has for guests: memory, cores, and GiB of each local storage."""
    found = {}
    for node in bins:
        room = Counter({"memory": node.memory, "cores": node.cores, **{name: node.storages[name] for name in set(node.storages) - node.shared}})
        for row in reservations:
            if row.bin == node.name:
                room.subtract({"memory": row.memory, "cores": row.cores})
        found[node.name] = room
    return found


def needs(item: Item, node: Bin, *, restored: bool = False) -> Counter[str]:
    there = item.exists and item.current == node.name and not restored
    disks = {} if there else {name: size for name, size in item.disks.items() if name not in node.shared}
    return Counter({"memory": item.memory, "cores": item.cores, **disks})


def has_everything(item: Item, node: Bin) -> bool:
    return set(item.disks) <= set(node.storages) and item.bridges <= node.bridges and (item.allowed is None or node.name in item.allowed)


def left(items: Sequence[Item], bins: Sequence[Bin], where: Where, reservations: Sequence[Reservation] = ()) -> dict[str, Counter[str]]:
    found = rooms(bins, reservations)
    by_name = {node.name: node for node in bins}
    for item in items:
        found[where[item.name]].subtract(needs(item, by_name[where[item.name]]))
    return found


def fits(items: Sequence[Item], bins: Sequence[Bin], where: Where, reservations: Sequence[Reservation] = ()) -> bool:
    by_name = {node.name: node for node in bins}
    return all(has_everything(item, by_name[where[item.name]]) and where[item.name] not in item.barred for item in items) and all(
        amount >= 0 for room in left(items, bins, where, reservations).values() for amount in room.values()
    )


def apart(items: Sequence[Item], where: Where, rules: Rules) -> bool:
    held = Counter((tag, where[item.name]) for item in items for tag in item.tags & set(rules.anti_affinity))
    return all(count == 1 for count in held.values())


def deaths(bins: Sequence[Bin], rules: Rules) -> list[set[str]]:
    if rules.spare_domains:
        names = {node.domain or f"alone {node.name}" for node in bins}
        return [{node.name for node in bins if (node.domain or f"alone {node.name}") == name} for name in sorted(names)]
    return [{node.name} for node in bins] if rules.spare_nodes else []


def survives(items: Sequence[Item], bins: Sequence[Bin], where: Where, dead: set[str], reservations: Sequence[Reservation] = ()) -> bool:
    """Whether the guests of the dead nodes fit onto the others by any of all combinations."""
    room = {name: amount for name, amount in left(items, bins, where, reservations).items() if name not in dead}
    by_name = {node.name: node for node in bins}

    def rest(lost: list[Item]) -> bool:
        if not lost:
            return True
        for name in room:
            need = needs(lost[0], by_name[name], restored=True)
            if has_everything(lost[0], by_name[name]) and all(room[name][what] >= amount for what, amount in need.items()):
                room[name].subtract(need)
                if rest(lost[1:]):
                    return True
                room[name].update(need)
        return False

    return rest(sorted((item for item in items if where[item.name] in dead), key=lambda item: -item.memory))


def keeps(items: Sequence[Item], bins: Sequence[Bin], rules: Rules, where: Where, reservations: Sequence[Reservation] = ()) -> bool:
    return (
        fits(items, bins, where, reservations)
        and apart(items, where, rules)
        and all(survives(items, bins, where, dead, reservations) for dead in deaths(bins, rules))
    )


def every(items: Sequence[Item], bins: Sequence[Bin]) -> Iterator[dict[str, str]]:
    names = [node.name for node in bins]
    for choice in itertools.product(names, repeat=len(items)):
        yield {item.name: name for item, name in zip(items, choice, strict=True)}
