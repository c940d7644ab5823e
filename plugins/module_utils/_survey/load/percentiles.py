# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of samples: percentiles weighted by duration, and the growth of something that is now and then emptied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

PERCENTILES = (50, 95, 99)
SLOPE_POINTS = 120  # more say nothing new, and all pairs are looked at
SLOPE_DAYS = 14


def percentiles(samples: Iterable[tuple[float, int]]) -> dict[str, float] | None:
    """p50, p95, p99 and max of ``(value, seconds)``: the least value that was not exceeded during that share of the time. None for none."""
    ranked = sorted((value, seconds) for value, seconds in samples if seconds > 0)
    if not ranked:
        return None
    total = sum(seconds for _, seconds in ranked)
    found: dict[str, float] = {}
    passed, wanted = 0, list(PERCENTILES)
    for value, seconds in ranked:
        passed += seconds
        while wanted and passed * 100 >= wanted[0] * total:
            found[f"p{wanted.pop(0)}"] = value
    return {**found, "max": ranked[-1][0]}


def growth(points: Sequence[tuple[int, float]]) -> float | None:
    """Growth a day of ``(day, value)``: the median of the slopes between all pairs (Theil and Sen), so that a clean-up does not count as shrinking.

    None when fewer than two weeks were seen, or fewer than four days of them.
    """
    ordered = sorted(dict(points).items())
    if len(ordered) < 4 or ordered[-1][0] - ordered[0][0] < SLOPE_DAYS:
        return None
    if len(ordered) > SLOPE_POINTS:
        last = len(ordered) - 1
        ordered = [ordered[place * last // (SLOPE_POINTS - 1)] for place in range(SLOPE_POINTS)]
    return median((y2 - y1) / (x2 - x1) for place, (x1, y1) in enumerate(ordered) for x2, y2 in ordered[place + 1 :])
