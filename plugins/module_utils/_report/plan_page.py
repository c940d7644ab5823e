# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.html: the whole plan on one page for the people who approve it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .shell import page

Row = Mapping[str, Any]


def render(plan: Row, surveys: Sequence[Row]) -> str:
    return page(f"plan of {plan['environment']}", f"<p>{len(surveys)}</p>")
