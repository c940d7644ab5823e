# SPDX-License-Identifier: GPL-3.0-or-later
"""The concerns of a plan, and the waivers that do not count."""

from __future__ import annotations

from ..shell import escape, table
from .cells import Column, Grid
from .facts import STATES, WEIGHT, Facts, Row, gravity, standing

COLUMNS = (
    Column("title", "Surprise", "strong"),
    Column("severity", "Severity", "badge", order=tuple(WEIGHT), filters=True),
    Column("state", "State", "badge", order=tuple(STATES), labels=STATES, filters=True),
    Column("host", "Host", filters=True),
    Column("service", "Service", none="the whole host"),
    Column("id", "Id", "code", filters=True),
    Column("old", "Old side", detail=True),
    Column("new", "New side, by itself", detail=True),
    Column("remedy", "Remedy", detail=True),
    Column("waiver", "Waiver", detail=True),
)


def grid(facts: Facts) -> Grid:
    rows = [_row(row) for row in sorted(facts.plan["concerns"], key=gravity)]
    return Grid("concerns", COLUMNS, rows, "Open ones first, the gravest at the top. Each opens to what was seen on both sides.", "concern",
                empty="None was found.")  # fmt: skip


def _row(row: Row) -> Row:
    waived = row["waived"]
    told = f"{waived['approver']} until {waived['expires']}: {waived['reason']}" if waived else ""
    return {**row, "state": standing(row), "waiver": told}


def idle_waivers(rows: list[Row]) -> str:
    """Waivers that do not count, each with the reason. They leave their concern standing, and somebody believes that they do not."""
    fields = (("id", "?"), ("scope", "nothing"), ("approver", "nobody"), ("expires", "no date"), ("why", "not said"))
    scoped = [{**row, "scope": ", ".join(f"{part} {row[part]}" for part in ("host", "guest", "service") if row.get(part))} for row in rows]
    cells = [[escape(row.get(key) or other) for key, other in fields] for row in scoped]
    return f'<div class="card"><h3>Waivers that do not count</h3>{table(("Concern", "Scope", "Approver", "Expires", "Why not"), cells)}</div>'
