# SPDX-License-Identifier: GPL-3.0-or-later
"""One survey more: what it adds to a host's history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from . import connections, counters
from .history import History
from .samples import DAY, KEPT_DAYS, MEASURES, Sample, Source, add

# Of a container, what the kernel tells is the whole machine's; its cards are its own.
MACHINES = tuple(name for name in MEASURES if name != "network_mib_s")
MOST_MOUNTS = 200
Fill = tuple[int, int]  # MiB used, MiB of the file system


def observe(history: History, survey: Mapping[str, Any], now: int) -> History:
    """With the survey's counters, disks and connections. ``now`` is when it was made, in seconds since 1970."""
    found = connections.outgoing(survey)
    if found is not None:
        surveys, seen = connections.add(history.surveys, history.connections, found)
        history = replace(history, surveys=surveys, connections=seen)
    history = replace(history, disks=disks(history.disks, survey.get("mounts") or (), now))
    reading, source = survey.get("counters"), history.sources.get("surveys", Source())
    if reading is None:
        reasons = [row["reason"] for row in survey["not_assessed"] if row["section"] == "counters"]
        return _with(history, "surveys", replace(source, unseen="; ".join(reasons) or "the counters were not seen"))
    memory = reading["memory_mib"]
    if memory is None and reading["container"]:
        memory = (survey.get("measured") or {}).get("memory_used_mib")
    one = counters.between(history.reading, reading, now, memory)
    machine = tuple(name for name in MACHINES if reading["container"] and _missing(name, reading, memory))
    source = add(replace(source, unseen="", machine=machine), [one] if one else [], now)
    kept = history.reading if counters.too_soon(history.reading, reading) else reading
    return _with(replace(history, reading=kept), "surveys", source)


def told(history: History, name: str, samples: Iterable[Sample], now: int, machine: tuple[str, ...] = (), unseen: str = "") -> History:
    """With the samples of another source."""
    source = history.sources.get(name, Source())
    return _with(history, name, add(replace(source, machine=machine, unseen=unseen), samples, now))


def disks(before: Mapping[str, Mapping[int, Fill]], mounts: Iterable[Mapping[str, Any]], now: int) -> dict[str, dict[int, Fill]]:
    """One value a day and mount, the last one. What is no longer mounted is forgotten with its days."""
    today, oldest = now // DAY, now // DAY - KEPT_DAYS
    found = {target: dict(points) for target, points in before.items()}
    for row in mounts:
        found.setdefault(str(row["target"]), {})[today] = (int(row["used_mib"]), int(row["size_mib"]))
    kept = {target: {day: value for day, value in points.items() if oldest < day <= today} for target, points in found.items()}
    return dict(sorted((target, points) for target, points in kept.items() if points)[:MOST_MOUNTS])


def _missing(name: str, reading: Mapping[str, Any], memory: float | None) -> bool:
    return memory is None if name == "memory_mib" else reading[counters.RATES[name]] is None


def _with(history: History, name: str, source: Source) -> History:
    return replace(history, sources={**history.sources, name: source})


def archives(history: History, survey: Mapping[str, Any], found: Sequence[Sample], now: int) -> History:
    """With what sysstat's archives hold. A container's archives count the whole machine; a host that never had sysstat is not mentioned."""
    about = survey.get("sysstat")
    reasons = [row["reason"] for row in survey["not_assessed"] if row["section"] == "sysstat"]
    if about:
        reasons += [f"some archives are {what}" for what, name in (("packed", "packed"), ("of another format", "unreadable")) if about[name]]
    if not (about or reasons or "sysstat" in history.sources):
        return history
    contained = bool((survey.get("counters") or {}).get("container"))
    return told(history, "sysstat", found, now, MACHINES if contained else (), "; ".join(reasons))
