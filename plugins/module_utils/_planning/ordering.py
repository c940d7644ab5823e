# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's waves with their windows: the order of the moves, what an earlier plan and people said of it, and the calendar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from . import calendars, overriding, waves
from .calendars import Window, Wish
from .efforts import Reckoned
from .model import Dependency, Move, Row, Service
from .overriding import Overrides
from .policy import Policy
from .waves import Former, Wave


def order(
    services: Sequence[Service], dependencies: Sequence[Dependency], ids: Mapping[str, str], reckoned: Mapping[str, Reckoned], policy: Policy,
    overrides: Overrides, previous: Mapping[str, Any], begun: Iterable[str],
) -> list[Wave]:  # fmt: skip
    """The waves. Raises LotseError where people said what cannot be."""
    former = _former(ids, overrides, previous, set(begun))
    volumes = {service: effort.volume_mib for service, (effort, _) in reckoned.items()}
    found = waves.waves(services, dependencies, policy.limits, former, volumes)
    overriding.check_names(overrides, ids.values(), [wave.name for wave in found])
    return found


def _former(ids: Mapping[str, str], overrides: Overrides, previous: Mapping[str, Any], begun: set[str]) -> Former:
    rows = [row for row in previous.get("waves", ()) if "name" in row]
    service_of = {move: service for service, move in ids.items()}
    wave_of = {service_of[move]: str(row["name"]) for row in rows for move in row["moves"] if move in service_of}
    overriding.check_names(overrides, ids.values(), overrides.rows["waves"])
    overriding.check_pins(overrides, (str(row["name"]) for row in rows))
    return Former(
        waves=wave_of,
        pinned={service_of[move]: wave for move, wave in overrides.pinned.items()},
        order=tuple(str(row["name"]) for row in rows),
        canaries=frozenset(service_of[move] for row in rows if row.get("canary") for move in row["moves"] if move in service_of),
        begun=frozenset(str(row["name"]) for row in rows if begun & set(row["moves"])),
    )


def rows(
    found: Sequence[Wave], moves: Sequence[Move], policy: Policy, overrides: Overrides, previous: Mapping[str, Any], begun: Iterable[str]
) -> list[Row]:
    """The waves as plan.yml has them. Raises LotseError where a wave finds no window."""
    by_wave: dict[int, list[Move]] = {}
    for move in moves:
        by_wave.setdefault(move.wave, []).append(move)
    former = {str(row["name"]): row["window"] for row in previous.get("waves", ()) if row.get("window")}
    started = set(begun)
    wishes = [_wish(wave, by_wave[wave.number], overrides, former.get(wave.name), started) for wave in found]
    windows = calendars.windows(wishes, policy.calendar, policy.day)
    return [
        {
            "number": wave.number, "name": wave.name, "moves": [move.id for move in by_wave[wave.number]], "window": window.row() if window else None,
            "canary": wave.canary, "reasons": [*wave.reasons, *_pins(by_wave[wave.number], overrides), *reasons],
        }
        for wave, (window, reasons) in zip(found, windows, strict=True)
    ]  # fmt: skip


def _wish(wave: Wave, moves: Sequence[Move], overrides: Overrides, kept: Mapping[str, str] | None, begun: set[str]) -> Wish:
    given, said = overriding.window_of(wave.name, [move.id for move in moves], overrides)
    before = Window(datetime.fromisoformat(kept["start"]), datetime.fromisoformat(kept["end"])) if kept else None
    return Wish(wave.name, _seconds(moves), wave.canary, given, said, before, any(move.id in begun for move in moves))


def _seconds(moves: Sequence[Move]) -> int:
    """How long the cutovers of a wave take: sections one after the other, each as long as its longest."""
    longest: dict[str, int] = {}
    for move in moves:
        seconds = calendars.BY_HAND_S if move.effort.cut_s is None else move.effort.cut_s
        longest[move.section] = max(seconds, longest.get(move.section, 0))
    return sum(longest.values())


def _pins(moves: Sequence[Move], overrides: Overrides) -> list[str]:
    return [f"{move.id} is here because of {overriding.WHERE}.moves.{move.id}" for move in moves if move.id in overrides.pinned]
