# SPDX-License-Identifier: GPL-3.0-or-later
"""What a detector is. How to add one: docs/guides/plan.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..model import Draft, Finding


@dataclass(frozen=True)
class Detector:
    """``id`` is what waivers and tests name; ``title`` says the surprise in one line; ``find`` yields what it saw."""

    id: str
    title: str
    find: Callable[[Draft], Iterator[Finding]]


def detector(name: str, title: str) -> Callable[[Callable[[Draft], Iterator[Finding]]], Detector]:
    """Makes a detector of a generator of findings."""

    def wrap(find: Callable[[Draft], Iterator[Finding]]) -> Detector:
        return Detector(name, title, find)

    return wrap


def listed(items: list[str], most: int = 8) -> str:
    """Evidence that stays readable: the first ones, and how many more."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f", and {more} more" if more > 0 else "")
