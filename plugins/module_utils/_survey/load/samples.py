# SPDX-License-Identifier: GPL-3.0-or-later
"""What a sample is, and how the many of a year are kept within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

MEASURES = ("cpu_cores", "memory_mib", "disk_read_mib_s", "disk_write_mib_s", "disk_iops", "network_mib_s")
DIGITS = (3, 0, 2, 2, 1, 3)
DAY = 86400
FINE_S = 3600  # averages over more than an hour hide every peak
FINE_DAYS = 35  # a month and its ends in full; older hours keep one sample each
KEPT_DAYS = 400
SOURCES = ("prometheus", "surveys", "sysstat")


class Sample(NamedTuple):
    """Averages over ``seconds`` that ended at ``end`` (seconds since 1970, UTC), in the order of MEASURES; None for what was not seen."""

    end: int
    seconds: int
    values: tuple[float | None, ...]


def sample(end: int, seconds: int, values: Mapping[str, float | None]) -> Sample:
    """Rounded: more digits than these say nothing."""
    given = (values.get(name) for name in MEASURES)
    return Sample(end, seconds, tuple(None if value is None else round(value, digits) for value, digits in zip(given, DIGITS, strict=True)))


@dataclass(frozen=True)
class Source:
    """Samples of one source, the oldest first. ``machine``: measures that are the whole machine's. ``peaks``: highest values of dropped samples.

    ``unseen`` says why the source did not answer this time; what it said before stays.
    """

    samples: tuple[Sample, ...] = ()
    peaks: Mapping[str, float] = field(default_factory=dict)
    machine: tuple[str, ...] = ()
    unseen: str = ""


def add(source: Source, more: Iterable[Sample], now: int) -> Source:
    """With new samples. Those of the same moment are replaced, those of the future come from a wrong clock and are dropped, old ones are thinned."""
    by_end = {one.end: one for one in source.samples} | {one.end: one for one in more if one.seconds > 0}
    ordered = [by_end[end] for end in sorted(by_end) if now - KEPT_DAYS * DAY < end <= now]
    kept, dropped = thin(ordered, now)
    peaks = dict(source.peaks)
    for name, value in ((name, value) for one in dropped for name, value in zip(MEASURES, one.values, strict=True)):
        if value is not None:
            peaks[name] = max(value, peaks.get(name, value))
    return replace(source, samples=tuple(kept), peaks=dict(sorted(peaks.items())))


def thin(ordered: Sequence[Sample], now: int) -> tuple[list[Sample], list[Sample]]:
    """Of each hour older than FINE_DAYS its first sample, for all of the hour's time: picked, not averaged, so that percentiles stay true."""
    kept: list[Sample] = []
    dropped: list[Sample] = []
    for one in ordered:
        old = one.end < now - FINE_DAYS * DAY
        if old and kept and one.end // FINE_S == kept[-1].end // FINE_S:
            kept[-1] = kept[-1]._replace(seconds=kept[-1].seconds + one.seconds)
            dropped.append(one)
        else:
            kept.append(one)
    return kept, dropped


def combined(sources: Mapping[str, Source]) -> dict[str, list[tuple[float, int]]]:
    """``(value, seconds)`` by measure. Of each day the source counts that has most samples of it; a day is not counted twice."""
    found: dict[str, list[tuple[float, int]]] = {}
    for place, name in enumerate(MEASURES):
        days: dict[int, dict[str, list[tuple[float, int]]]] = {}
        for source_name, source in sorted(sources.items()):
            if name not in source.machine:
                for one in source.samples:
                    if (value := one.values[place]) is not None:
                        days.setdefault((one.end - 1) // DAY, {}).setdefault(source_name, []).append((value, one.seconds))
        found[name] = [pair for _, by_source in sorted(days.items()) for pair in max(by_source.values(), key=len)]
    return found
