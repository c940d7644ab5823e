# SPDX-License-Identifier: GPL-3.0-or-later
"""The concerns of a plan: all readable without a script; with one, filtered and sorted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .shell import badge, empty, escape, fold, plural

Row = Mapping[str, Any]
WEIGHT = {"critical": 0, "warning": 1, "info": 2}
TOLD = {"applied": "cured by the plan", "waived": "waived", "open": "open"}

SCRIPT = """
const list = document.getElementById('concern-list');
const cards = [...list.querySelectorAll('details')];
const field = (name) => document.getElementById('concern-' + name);
function show() {
  const words = field('text').value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const card of cards) {
    const seen = ['severity', 'state', 'host'].every((key) => !field(key).value || card.dataset[key] === field(key).value)
      && words.every((word) => card.textContent.toLowerCase().includes(word));
    card.hidden = !seen;
    count += seen;
  }
  document.getElementById('concern-count').textContent = count + ' of ' + cards.length + ' shown';
}
function sort() {
  const key = field('sort').value;
  const number = new Map(cards.map((card, index) => [card, index]));
  const text = (card) => key === 'severity' ? '' : card.dataset[key];
  [...cards].sort((a, b) => text(a).localeCompare(text(b)) || number.get(a) - number.get(b)).forEach((card) => list.append(card));
}
for (const key of ['severity', 'state', 'host']) field(key).addEventListener('change', show);
field('text').addEventListener('input', show);
field('sort').addEventListener('change', sort);
document.getElementById('concern-all').addEventListener('click', () => {
  const open = cards.some((card) => !card.hidden && !card.open);
  for (const card of cards) if (!card.hidden) card.open = open;
});
show();
"""


def standing(row: Row) -> str:
    """``applied``, ``waived`` or ``open``."""
    return "applied" if row["applied"] else "waived" if row["waived"] else "open"


def concerns(rows: Sequence[Row]) -> str:
    """Open ones first, the gravest of them at the top."""
    if not rows:
        return empty("None was found.") + '<div id="concern-list"></div>' + _controls([], hidden=True)
    ordered = sorted(rows, key=lambda row: (standing(row) != "open", WEIGHT[row["severity"]]))
    return f'{_controls(ordered)}<div id="concern-list">{"".join(_card(row) for row in ordered)}</div>'


def _controls(rows: Sequence[Row], *, hidden: bool = False) -> str:
    hosts = sorted({str(row["host"]) for row in rows})
    parts = [
        _select("severity", "Severity", [("", "all"), *((name, name) for name in WEIGHT)]),
        _select("state", "State", [("", "all"), *TOLD.items()]),
        _select("host", "Host", [("", "all"), *((host, host) for host in hosts)]),
        _select("sort", "Sort by", [("severity", "severity"), ("host", "host"), ("id", "kind"), ("state", "state")]),
        '<label>Search <input id="concern-text" type="search" placeholder="sql_mode, web1 …"></label>',
        '<button type="button" id="concern-all">Open or close all</button>',
        f'<span id="concern-count" class="muted small" role="status">{plural(len(rows), "concern")}</span>',
    ]
    return f'<form class="controls"{" hidden" if hidden else ""} onsubmit="return false">{"".join(parts)}</form>'


def _select(name: str, label: str, options: Sequence[tuple[str, str]]) -> str:
    inner = "".join(f'<option value="{escape(value)}">{escape(text)}</option>' for value, text in options)
    return f'<label>{escape(label)} <select id="concern-{name}">{inner}</select></label>'


def _card(row: Row) -> str:
    state = standing(row)
    summary = (
        f'{badge(row["severity"])} <span class="title">{escape(row["title"])}</span>'
        f'<span class="push"><span class="muted small">{escape(row["host"])}</span> {badge(state, TOLD[state])}</span>'
    )
    sides = (
        f'<div class="sides"><div><h4>Old side</h4><p>{escape(row["old"])}</p></div>'
        f"<div><h4>New side, by itself</h4><p>{escape(row['new'])}</p></div></div>"
    )
    remedy = f'<p class="remedy"><strong>{"Remedy, applied" if row["applied"] else "Remedy"}:</strong> {escape(row["remedy"])}</p>'
    waived = row["waived"]
    waiver = (
        f'<p class="small">Waived by {escape(waived["approver"])} until {escape(waived["expires"])}: {escape(waived["reason"])}</p>' if waived else ""
    )
    about = f'<p class="muted small"><code>{escape(row["id"])}</code>{" on " + escape(row["service"]) if row["service"] else ""}</p>'
    card = fold(summary, sides + remedy + waiver + about, shown=state == "open")
    data = f'data-severity="{escape(row["severity"])}" data-state="{state}" data-host="{escape(row["host"])}" data-id="{escape(row["id"])}"'
    return card.replace("<details ", f"<details {data} ", 1)
