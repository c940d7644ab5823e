# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement of 1,000 guests on 40 nodes: any node may die, guests of one tag are apart. ``python -m tests.bench.placement [GUESTS NODES]``"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning.placement import Bin, Item, Rules, place

GIB = 1024
SIZES = ((2, 1), (4, 2), (8, 2), (8, 4), (16, 4), (16, 8), (32, 8), (64, 16))  # memory in GiB, cores
WEIGHTS = (20, 25, 20, 10, 10, 8, 5, 2)


def estate(guests: int = 1000, nodes: int = 40, fill: float = 0.85, seed: int = 20261124) -> tuple[list[Item], list[Bin], Rules]:
    """Guests of eight sizes with odd megabytes; four fifths are in groups of 2 to 8 that stay apart. Nodes are as large as makes them ``fill`` full.

    Four racks, one storage that all nodes share, one local to each. A tenth of the guests has a disk on the local one.
    """
    chance = random.Random(seed)
    items: list[Item] = []
    group, left = 0, 0
    for number in range(guests):
        if left == 0:
            group, left = group + 1, chance.randint(2, 8)
        left -= 1
        memory, cores = chance.choices(SIZES, WEIGHTS)[0]
        storage = "local" if chance.random() < 0.1 else "ceph"
        tag = f"group-{group}" if chance.random() < 0.8 else "alone"
        items.append(
            Item(
                f"guest-{number:04}", memory * GIB + chance.choice((0, 0, 128, 512)), cores, {storage: chance.choice((16, 32, 100))},
                frozenset({f"vmbr{chance.choice((0, 0, 1))}"}), frozenset({tag}),
            )
        )  # fmt: skip
    memory = round(sum(item.memory for item in items) / nodes / fill)
    cores = round(sum(item.cores for item in items) / nodes / fill)
    bins = [
        Bin(
            f"pve{number + 1:02}", memory, cores, {"ceph": 10**6, "local": 2000}, frozenset({"ceph"}), frozenset({"vmbr0", "vmbr1"}),
            f"rack{number % 4 + 1}",
        )
        for number in range(nodes)
    ]  # fmt: skip
    return items, bins, Rules(spare_nodes=1, anti_affinity=tuple(f"group-{number}" for number in range(1, group + 1)))


def settled(items: Sequence[Item], assignment: dict[str, str]) -> list[Item]:
    """The guests after they were made."""
    return [replace(item, current=assignment[item.name], exists=True) for item in items]


def measure(guests: int = 1000, nodes: int = 40) -> dict[str, Any]:
    """Seconds and quality of a first placement, and of the next run."""
    items, bins, rules = estate(guests, nodes)
    begun = time.perf_counter()
    first = place(items, bins, rules)
    between = time.perf_counter()
    second = place(settled(items, dict(first.assignment)), bins, rules)
    ended = time.perf_counter()
    return {
        "guests": guests, "nodes": nodes, "seconds": round(between - begun, 2), "gap": round(first.gap, 5), "peak": round(first.peak, 4),
        "bound": round(first.bound, 4), "spare_proven": first.spare_proven, "together_after_a_death": len(first.together),
        "seconds_again": round(ended - between, 2), "moves_again": len(second.moves),
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(*map(int, sys.argv[1:]))))
