# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of a host's life was seen, and how far that can be trusted."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from .samples import DAY, FINE_S, Sample

EPOCH = datetime.date(1970, 1, 1)
SEEN_S = DAY // 2  # half of a day is a day
WEEK = 7
MONTH = 28


@dataclass(frozen=True)
class Coverage:
    """``fine``: days seen by averages of an hour and less, ``rough``: by longer ones (days since 1970); first and last moment."""

    fine: frozenset[int]
    rough: frozenset[int]
    samples: int
    first: int
    last: int

    @property
    def days(self) -> int:
        return len(self.fine | self.rough)

    @property
    def month_end(self) -> bool:
        return month_end(self.fine)

    @property
    def week(self) -> bool:
        return longest_run(self.fine) >= WEEK


NOTHING = Coverage(frozenset(), frozenset(), 0, 0, 0)


def coverage(samples: Iterable[Sample]) -> Coverage:
    """What one source saw. A day counts when half of it was seen."""
    fine: dict[int, int] = {}
    rough: dict[int, int] = {}
    count, first, last = 0, 0, 0
    for one in samples:
        start = one.end - one.seconds
        first = start if not count else min(first, start)
        last = max(last, one.end)
        count += 1
        target = fine if one.seconds <= FINE_S else rough
        for day in range(start // DAY, (one.end - 1) // DAY + 1):
            target[day] = target.get(day, 0) + min(one.end, (day + 1) * DAY) - max(start, day * DAY)
    days = [frozenset(day for day, seconds in found.items() if seconds >= SEEN_S) for found in (fine, rough)]
    return Coverage(days[0], days[1], count, first, last)


def together(sources: Sequence[Coverage]) -> Coverage:
    """What all sources saw: a day that two of them saw is one."""
    seen = [one for one in sources if one.samples]
    if not seen:
        return NOTHING
    fine = frozenset(day for one in seen for day in one.fine)
    rough = frozenset(day for one in seen for day in one.rough)
    return Coverage(fine, rough, sum(one.samples for one in seen), min(one.first for one in seen), max(one.last for one in seen))


def month_end(days: Collection[int]) -> bool:
    """Whether the last two and the first two days around the turn of some month are all there."""
    there = set(days)
    turns = (day for day in there if (EPOCH + datetime.timedelta(days=day)).day == 1)
    return any({turn - 2, turn - 1, turn, turn + 1} <= there for turn in turns)


def longest_run(days: Collection[int]) -> int:
    """Of days without a gap."""
    there, best = set(days), 0
    for first in there:
        if first - 1 not in there:
            run = 1
            while first + run in there:
                run += 1
            best = max(best, run)
    return best


def confidence(seen: Coverage) -> tuple[str, list[str]]:
    """high, medium, low or none, and why it is no better. Without numbers that every survey changes."""
    if not seen.samples:
        return "none", ["nothing was seen over time"]
    reasons = []
    if seen.rough - seen.fine:
        reasons.append("some days are known by averages over more than an hour only, which hide peaks")
    if not seen.week:
        reasons.append("no whole week was seen")
    if not seen.month_end:
        reasons.append("month's end was never seen")
    if len(seen.fine) < MONTH:
        reasons.append(f"fewer than {MONTH} days were seen")
    level = "low" if not seen.week else "high" if seen.month_end and len(seen.fine) >= MONTH else "medium"
    return level, reasons
