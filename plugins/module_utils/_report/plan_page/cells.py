# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that sort, filter, search and turn pages, at any number of rows.

A grid is written twice from the same rows: its first rows as plain HTML, for paper and for browsers without scripts, and all of them
column by column in the page's data, from which ``script_grid`` draws what is looked at. Neither ever makes markup out of a value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..chart import num
from ..shell import TONES, empty, escape

Row = Mapping[str, Any]
STATIC, FIRST = 200, 60  # of a table that has more than STATIC rows, only the FIRST stand there as HTML
BULLET = (104.0, 18.0)  # width and height of a small chart, as in script_grid
PERCENTILES = ("p50", "p95", "p99", "max")


@dataclass(frozen=True)
class Column:
    """``kind``: text, nowrap, strong, code, number, badge, wave, or bullet (observed against chosen). With ``detail`` it stands below its row."""

    key: str
    head: str
    kind: str = "text"
    unit: str = ""
    none: str = "not planned"
    labels: Mapping[str, str] = field(default_factory=dict)
    order: Sequence[str] = ()  # of a badge's states, gravest first
    tones: Mapping[str, str] = field(default_factory=lambda: TONES)
    filters: bool = False
    detail: bool = False


@dataclass(frozen=True)
class Grid:
    """``sort`` is a column's key, with ``-`` before it for the largest first; without it rows stay in their order. ``noun`` is one row."""

    name: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    caption: str
    noun: str
    sort: str = ""
    empty: str = "There is none."
    page: int = 25

    def html(self) -> str:
        if not self.rows:
            return empty(self.empty)
        count = len(self.rows)
        most = STATIC if count <= STATIC else FIRST
        shown = [column for column in self.columns if not column.detail]
        heads = "".join(f'<th scope="col"{_side(column)}>{escape(column.head)}</th>' for column in shown)
        body = "".join(self._entry(row, shown) for row in self._ordered()[:most])
        note = f"{most:,} of {count:,} are printed here. All of them stand in plan.yml." if count > most else ""
        return (
            f'<div class="card grid" id="grid-{self.name}" data-grid="{self.name}"><div class="scroll" tabindex="0"><table>'
            f'<caption>{escape(self.caption)}</caption><thead><tr>{heads}</tr></thead>{body}</table></div>'
            f'<p class="note small muted">{note}</p></div>'
        )

    def data(self) -> dict[str, Any]:
        return {"noun": self.noun, "sort": self.sort, "page": self.page, "columns": [_encoded(column, self.rows) for column in self.columns]}

    def _ordered(self) -> list[Row]:
        if not self.sort:
            return list(self.rows)
        column = next(column for column in self.columns if column.key == self.sort.lstrip("-"))
        return sorted(self.rows, key=lambda row: _rank(column, row.get(column.key)), reverse=self.sort.startswith("-"))

    def _entry(self, row: Row, shown: Sequence[Column]) -> str:
        cells = "".join(f'<td data-label="{escape(column.head)}"{_side(column)}>{cell(column, row.get(column.key))}</td>' for column in shown)
        below = [column for column in self.columns if column.detail and row.get(column.key) not in (None, "")]
        told = "".join(f"<div><h4>{escape(column.head)}</h4><p>{cell(column, row[column.key])}</p></div>" for column in below)
        detail = f'<tr class="detail"><td colspan="{len(shown)}"><div class="sides">{told}</div></td></tr>' if told else ""
        return f"<tbody><tr>{cells}</tr>{detail}</tbody>"


def cell(column: Column, value: Any) -> str:
    """One value as HTML. What is missing is said in words, never shown as 0."""
    if column.kind == "bullet":
        return _bullet(column, value)
    if value is None or value == "":
        return f'<span class="muted">{escape(column.none)}</span>'
    if column.kind == "number":
        return escape(f"{number(value)} {column.unit}".rstrip())
    if column.kind == "badge":
        return f'<span class="badge {column.tones.get(str(value), "")}">{escape(column.labels.get(str(value), str(value)))}</span>'
    if column.kind == "nowrap":
        return f'<span class="nowrap">{escape(value)}</span>'
    tag = {"strong": "strong", "code": "code"}.get(column.kind)
    return f'<span class="wave">{escape(value)}</span>' if column.kind == "wave" else f"<{tag}>{escape(value)}</{tag}>" if tag else escape(value)


def number(value: float) -> str:
    """``1,234``, ``0.5``: two decimals at most."""
    text = f"{value:,.2f}"
    return text.rstrip("0").rstrip(".")


def finite(value: Any) -> float | None:
    """A number that a chart can show, or None: true and false are none, and neither is what JSON cannot say."""
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) else None


def bullet(observed: Row | None, chosen: Any, scale: float = 1.0) -> list[float | None] | None:
    """``[p50, p95, p99, max, chosen]`` in the chart's unit, or None where neither is known. ``scale`` divides the observed values."""
    values = [finite((observed or {}).get(name)) for name in PERCENTILES]
    known = [None if value is None else round(value / scale, 2) for value in values]
    return [*known, finite(chosen)] if finite(chosen) is not None or any(value is not None for value in known) else None


def _bullet(column: Column, value: Sequence[float | None] | None) -> str:
    if value is None:
        return '<span class="muted">not measured</span>'
    *observed, chosen = value
    told = words(value, column.unit)
    if all(part is None for part in observed):
        return f'<span class="bullet"><span class="muted">not measured</span> <strong>{number(chosen or 0)}</strong></span>'
    width, height = BULLET
    most = max(part for part in value if part is not None) or 1
    p50, p95, p99, top = (None if part is None else num(width * part / most) for part in observed)
    over = chosen is not None and observed[3] is not None and observed[3] > chosen
    parts = [f'<rect class="lane" width="{num(width)}" height="8" y="5" rx="4"/>']
    if p50 and p95:
        parts.append(f'<rect class="observed" x="{p50}" width="{num(max(2, float(p95) - float(p50)))}" height="8" y="5" rx="2"/>')
    parts += [f'<rect class="{css}" x="{num(max(0, float(x) - 2))}" width="2" height="{tall}" y="{y}"/>' for css, x, tall, y in
              (("tick", p99, 8, 5), ("peak", top, 8, 5)) if x]  # fmt: skip
    if chosen is not None:
        parts.append(f'<rect class="chosen{" over" if over else ""}" x="{num(max(0, width * chosen / most - 3))}" width="3" height="18"/>')
    base = observed[1] if observed[1] is not None else observed[3]
    text = f"{'?' if base is None else number(base)} <b>{'?' if chosen is None else number(chosen)}</b>"
    return (
        f'<span class="bullet"><svg width="{num(width)}" height="{num(height)}" viewBox="0 0 {num(width)} {num(height)}" role="img" '
        f'aria-label="{escape(told)}"><title>{escape(told)}</title>{"".join(parts)}</svg><span class="small" aria-hidden="true">{text}</span></span>'
    )


def words(value: Sequence[float | None], unit: str) -> str:
    """``p50 0.4, p95 1.2, p99 1.5, max 3 of 4 cores``."""
    parts = [f"{name} {number(part)}" for name, part in zip(PERCENTILES, value, strict=False) if part is not None]
    chosen = value[len(PERCENTILES)]
    return f"{', '.join(parts) or 'not measured'}; chosen {'?' if chosen is None else number(chosen)} {unit}".rstrip()


def _side(column: Column) -> str:
    return ' class="number"' if column.kind == "number" else ""


def _rank(column: Column, value: Any) -> tuple[int, Any]:
    """What is missing goes last when the largest is first, as in script_grid."""
    if column.kind in {"number", "wave"}:
        return (value is not None, value or 0)
    if column.kind == "badge":
        return (0, list(column.order).index(value) if value in column.order else len(column.order))
    return (0, str(value))


def _encoded(column: Column, rows: Sequence[Row]) -> dict[str, Any]:
    """A column with each of its texts once."""
    told: dict[str, Any] = {"key": column.key, "head": column.head, "kind": column.kind, "none": column.none}
    if column.unit:
        told["unit"] = column.unit
    if column.filters:
        told["filters"] = True
    if column.detail:
        told["detail"] = True
    values = [row.get(column.key) for row in rows]
    if column.kind in {"number", "wave", "bullet"}:
        return {**told, "values": values}
    numbers: dict[str, int] = {state: place for place, state in enumerate(column.order)}
    places = [-1 if value in (None, "") else numbers.setdefault(str(value), len(numbers)) for value in values]
    texts = list(numbers)
    if column.kind == "badge":
        told |= {"labels": [column.labels.get(text, text) for text in texts], "tones": [column.tones.get(text, "") for text in texts]}
    return {**told, "texts": texts, "values": places}
