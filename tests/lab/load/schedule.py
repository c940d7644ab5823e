# SPDX-License-Identifier: GPL-3.0-or-later
"""When which visit does what. Pure: the same rate and seed give the same actions.

The rate is steady and open-loop: action k is due at k / rate seconds, whether the platform has answered the earlier ones or not.
Actions are dealt to seats; on each seat sits one visitor after the other, each for 5 to 15 actions, about 0.7 s apart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

PAUSE_S = 0.7
SHORTEST, LONGEST = 5, 15
MIX = {
    "front": 18,
    "profile": 20,
    "profile_write": 8,
    "message": 14,
    "messages": 6,
    "upload": 8,
    "file": 10,
    "draft": 8,
    "guestbook": 4,
    "guestbook_write": 4,
}


@dataclass(frozen=True)
class Action:
    """One request that is due. ``at`` counts seconds from the start of the load."""

    at: float
    visit: int
    op: str
    first: bool
    last: bool


def seats(rate: float) -> int:
    """How many visitors are there at any time."""
    return max(1, round(rate * PAUSE_S))


def actions(rate: float, seed: int) -> Iterator[Action]:
    """All actions of a load of ``rate`` requests a second, in order of time, without an end."""
    chance = random.Random(seed)
    names, weights = list(MIX), list(MIX.values())
    count = seats(rate)
    # Whoever sits there at the start is somewhere in the middle of a visit: else all would come and go together.
    left = [chance.randint(1, LONGEST) for _ in range(count)]
    visit = list(range(count))
    fresh = [True] * count
    started, number = count, 0
    while True:
        for seat in chance.sample(range(count), count):
            op = "arrive" if fresh[seat] else chance.choices(names, weights)[0]
            left[seat] -= 1
            yield Action(number / rate, visit[seat], op, fresh[seat], left[seat] == 0)
            number += 1
            fresh[seat] = left[seat] == 0
            if fresh[seat]:
                left[seat], visit[seat] = chance.randint(SHORTEST, LONGEST), started
                started += 1
