# SPDX-License-Identifier: GPL-3.0-or-later
"""``overrides:`` at the top of plan.yml: what people decide while they review. They survive every re-plan, and none may be meaningless.

``{guests: {db-01: {cores, memory_mib, disk_gib, node, storage, bridge, tags}}, moves: {mariadb: {wave: "data 2"} or {window: {start, end}}},
waves: {"data canary": {window: {start, end}}}}``
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from .._domain.errors import LotseError
from .calendars import Window, window
from .model import Row
from .policy import Policy, decisions

PARTS = ("guests", "moves", "waves")
WHERE = "plan.yml: overrides"
EMPTY: Row = {part: {} for part in PARTS}


@dataclass(frozen=True)
class Overrides:
    """``rows`` are what people wrote; the rest is the same, understood. ``pinned`` maps a move's id to a wave."""

    rows: Row
    guests: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    pinned: Mapping[str, str] = field(default_factory=dict)
    move_windows: Mapping[str, Window] = field(default_factory=dict)
    wave_windows: Mapping[str, Window] = field(default_factory=dict)


def parse(given: object, policy: Policy) -> Overrides:
    """Raises LotseError that names the field."""
    rows = plain(given)
    guests = decisions(rows["guests"], f"{WHERE}.guests")
    pinned: dict[str, str] = {}
    move_windows: dict[str, Window] = {}
    for name, row in rows["moves"].items():
        where = f"{WHERE}.moves.{name}"
        _fields(row, ("wave", "window"), where)
        if len(row) == 2:
            raise LotseError("a move has a wave or a window, not both", where, "give the window to the wave, in overrides.waves")
        if "wave" in row:
            if not isinstance(row["wave"], str):
                raise LotseError(f"{row['wave']!r} is no name of a wave: numbers change from plan to plan", f"{where}.wave", "write its name")
            pinned[name] = row["wave"]
        if "window" in row:
            move_windows[name] = window(row["window"], f"{where}.window", policy.calendar)
    wave_windows = {}
    for name, row in rows["waves"].items():
        where = f"{WHERE}.waves.{name}"
        _fields(row, ("window",), where)
        if "window" in row:
            wave_windows[name] = window(row["window"], f"{where}.window", policy.calendar)
    return Overrides(rows, guests, pinned, move_windows, wave_windows)


def plain(given: object) -> Row:
    """What people wrote with texts only: a date that YAML understood becomes its text again."""
    if given is None:
        return {part: {} for part in PARTS}
    if not isinstance(given, Mapping):
        raise LotseError("overrides are not {guests, moves, waves}", WHERE, "see docs/guides/plan.md")
    if strange := sorted(str(name) for name in set(given) - set(PARTS)):
        raise LotseError(f"overrides know no {', '.join(strange)}", WHERE, f"they have {', '.join(PARTS)}")
    found: Row = {}
    for part in PARTS:
        rows = given.get(part) or {}
        if not isinstance(rows, Mapping):
            raise LotseError("this is not a mapping of names", f"{WHERE}.{part}", "see docs/guides/plan.md")
        found[part] = {str(name): _text(row) for name, row in rows.items()}
        for name, row in found[part].items():
            if not isinstance(row, dict):
                raise LotseError("this decides nothing", f"{WHERE}.{part}.{name}", "say what shall be different, or remove it")
    return found


def _text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _text(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_text(entry) for entry in value]
    return value.isoformat() if isinstance(value, (datetime, date)) else value


def _fields(row: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    if strange := sorted(set(row) - set(known)):
        raise LotseError(f"nobody knows {', '.join(strange)} here", where, f"it takes {' or '.join(known)}")


def merged(policy: Policy, overrides: Overrides) -> Policy:
    """The policy with what plan.yml says of guests. Two places that say different things are one error."""
    both = {guest: dict(row) for guest, row in policy.overrides.items()}
    for guest, row in overrides.guests.items():
        own = both.setdefault(guest, {})
        for name, value in row.items():
            if name in own and own[name] != value:
                what = f"plan_guests.{guest}.{name} in the inventory is {own[name]!r}, and overrides.guests.{guest}.{name} in plan.yml is {value!r}"
                raise LotseError(what, "plan_guests and plan.yml", "remove one of them")
            own[name] = value
    return replace(policy, overrides=both)


def check_names(overrides: Overrides, moves: Iterable[str], waves: Iterable[str]) -> None:
    """Raises LotseError for a move or a wave that the plan does not have. (Guests are checked where they are made.)"""
    for part, named, known in (("moves", overrides.rows["moves"], set(moves)), ("waves", overrides.rows["waves"], set(waves))):
        for name in named:
            if name not in known:
                raise LotseError(f"the plan has no {part[:-1]} {name!r}", f"{WHERE}.{part}", f"it has {_listed(sorted(known))}")


def check_pins(overrides: Overrides, waves: Iterable[str]) -> None:
    known = set(waves)
    for move, wave in overrides.pinned.items():
        if wave not in known:
            where = f"{WHERE}.moves.{move}.wave"
            raise LotseError(f"the plan has no wave {wave!r}", where, f"it has {_listed(sorted(known))}" if known else "plan once without it")


def window_of(wave: str, moves: Sequence[str], overrides: Overrides) -> tuple[Window | None, str]:
    """The window that people gave a wave, by its own name or by one of its moves, and where they said so."""
    said = {f"{WHERE}.moves.{move}": overrides.move_windows[move] for move in moves if move in overrides.move_windows}
    if wave in overrides.wave_windows:
        said[f"{WHERE}.waves.{wave}"] = overrides.wave_windows[wave]
    if not said:
        return None, ""
    (first, found), *others = said.items()
    for place, other in others:
        if other != found:
            what = f"wave {wave!r} has two windows: {found.start.isoformat()} and {other.start.isoformat()}"
            raise LotseError(what, f"{first} and {place}", "remove one of them, or give the move a wave of its own")
    return found, first


def _listed(names: Sequence[str], most: int = 20) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
