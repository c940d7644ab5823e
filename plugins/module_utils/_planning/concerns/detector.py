# SPDX-License-Identifier: GPL-3.0-or-later
"""What a detector is. How to add one: docs/guides/plan.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..model import Draft, Finding


@dataclass(frozen=True)
class Detector:
    """``id`` is what waivers and tests name; ``title`` says the surprise in one line; ``find`` yields what it saw.

    The rest is its page in the catalogue: ``severity`` is the rule in words ("critical where …, else warning"), ``compares`` what is held
    against what, ``remedy`` what to do, ``reference`` where the knowledge comes from (a manual, an incident), ``surprise`` its numbers in
    docs/surprises.md, and ``needs`` the sections of the survey without which it can say nothing (``not-assessed`` tells that then).
    ``only_lifted``: it compares the old version with the new one, so it says nothing about guests that carry the old system on.
    """

    id: str
    title: str
    find: Callable[[Draft], Iterator[Finding]]
    severity: str = ""
    compares: str = ""
    remedy: str = ""
    reference: str = ""
    surprise: tuple[int, ...] = ()
    needs: tuple[str, ...] = ()
    only_lifted: bool = False


def detector(
    name: str, title: str, *, severity: str = "", compares: str = "", remedy: str = "", reference: str = "", surprise: tuple[int, ...] = (),
    needs: tuple[str, ...] = (), only_lifted: bool = False,
) -> Callable[[Callable[[Draft], Iterator[Finding]]], Detector]:  # fmt: skip
    """Makes a detector of a generator of findings."""

    def wrap(find: Callable[[Draft], Iterator[Finding]]) -> Detector:
        return Detector(name, title, find, severity, compares, remedy, reference, surprise, needs, only_lifted)

    return wrap


def listed(items: list[str], most: int = 8) -> str:
    """Evidence that stays readable: the first ones, and how many more."""
    more = len(items) - most
    return ", ".join(items[:most]) + (f", and {more} more" if more > 0 else "")
