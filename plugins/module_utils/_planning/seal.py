# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of a plan: one over all of it, which people sign, and one for each part, which shows what was edited by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .model import Row

SEAL = "seal"
SHORT = 16  # hexadecimal digits: enough against a slip; the digest that people sign is whole


def canonical(content: Any) -> bytes:
    """The same bytes for the same content, whatever the order of its keys."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def digest(plan: Mapping[str, Any]) -> str:
    """SHA-256 of the whole plan, decisions of people included, without its own seal."""
    return hashlib.sha256(canonical({name: part for name, part in plan.items() if name != SEAL})).hexdigest()


def seal(plan: Mapping[str, Any]) -> dict[str, str]:
    """A digest for each part."""
    return {name: hashlib.sha256(canonical(part)).hexdigest()[:SHORT] for name, part in plan.items() if name != SEAL}


def broken(plan: Mapping[str, Any]) -> list[str]:
    """Parts that are not what was sealed, in the plan's order; added and removed ones too."""
    sealed, now = plan.get(SEAL), seal(plan)
    if not isinstance(sealed, Mapping):
        return list(now)
    return [name for name in dict.fromkeys([*now, *sealed]) if now.get(name) != sealed.get(name)]


def differences(before: Any, after: Any, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Fields that differ, as ``guests[db-01].cores``: rows of lists by their id or name where they have one."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys([*before, *after]):
            yield from differences(before.get(name), after.get(name), f"{where}.{name}" if where else str(name))
    elif isinstance(before, list) and isinstance(after, list):
        old, new = _rows(before), _rows(after)
        for name in dict.fromkeys([*old, *new]):
            yield from differences(old.get(name), new.get(name), f"{where}[{name}]")
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield where, before, after


def _rows(rows: list[Any]) -> Row:
    names = [str(row.get("name") or row.get("id")) if isinstance(row, Mapping) and (row.get("name") or row.get("id")) else None for row in rows]
    if None in names or len(set(names)) != len(names):
        return {str(number): row for number, row in enumerate(rows)}
    return dict(zip((str(name) for name in names), rows, strict=True))
