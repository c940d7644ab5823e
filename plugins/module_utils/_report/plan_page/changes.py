# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different from the plan before this one, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..shell import empty, escape, section, table

MOST = 500


def section_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row is ``{what, from, to, why}``; what a row lacks is left empty."""
    if not rows:
        body = empty("Nothing changed since the last plan.")
    else:
        cells = [[f"<strong>{escape(row.get('what', ''))}</strong>", *(escape(_said(row.get(key))) for key in ("from", "to", "why"))]
                 for row in rows[:MOST]]  # fmt: skip
        more = f'<p class="note small muted">{MOST} of {len(rows):,} are shown; --diff shows all.</p>' if len(rows) > MOST else ""
        body = f'<div class="card">{table(("What", "Before", "Now", "Why"), cells)}{more}</div>'
    return section("changes", "Changed since the last plan", body)


def _said(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(_said(entry) for entry in value) if isinstance(value, (list, tuple)) else str(value)
