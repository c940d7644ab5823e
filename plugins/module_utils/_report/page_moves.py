# SPDX-License-Identifier: GPL-3.0-or-later
"""The moves one by one, each with what its journal says. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .chart import short
from .figures import STATEFUL
from .shell import NOT_PROVEN, badge, empty, escape, fold, pairs, plural, table
from .timeline import Entry, clock_time, seconds

Row = Mapping[str, Any]

MOST_LINES = 60  # of one journal; the file itself has them all
MOST_DATA = 260  # characters of an entry's data


def moves(figures: Row, journals: Mapping[str, Sequence[Entry]]) -> str:
    if not figures["moves"]:
        return empty("The plan has no moves.")
    controls = ""
    if len(figures["moves"]) > 8:
        controls = (
            '<p class="controls"><label>Show moves that contain <input id="filter" type="search" autocomplete="off"></label> '
            '<button type="button" data-folds="open">Open all</button> <button type="button" data-folds="close">Close all</button> '
            '<output id="shown" class="muted small"></output></p>'
        )
    return f'{controls}<div id="moves">{"".join(_move(move, journals.get(str(move["id"]), ())) for move in figures["moves"])}</div>'


def _move(move: Row, entries: Sequence[Entry]) -> str:
    pause = "" if move["write_pause_ms"] is None else f'<span class="small">pause <strong>{escape(move["write_pause_ms"])} ms</strong></span>'
    summary = (
        f'<span class="title">{escape(move["id"])}</span><span class="muted">{escape(move["from"])} to {escape(move["to"])}</span>'
        f'<span class="push"></span>{pause}<span class="muted small">wave {escape(move["wave"])}</span>{badge(move["state"])}'
    )
    facts = [
        ("Service", f"{escape(move['service'])}, {escape(move['kind'])}"),
        ("Began, ended", f"{_time(move['started_at'])}, {_time(move['ended_at'])}"),
        ("Users' requests waited", _pause(move["write_pause_ms"])),
        ("Writes on the fenced side", _fenced(move)),
        ("Way back", escape(move["rollback"])),
        ("Run by", ", ".join(f"<code>{escape(run)}</code>" for run in move["runs"]) or '<span class="muted">nobody yet</span>'),
    ]
    if any(cut["back"] for cut in move["cuts"]):
        facts.insert(3, ("On the way back they waited", _pause(move["rollback_pause_ms"])))
    return fold(summary, pairs(facts) + journal(entries))


def journal(entries: Sequence[Entry]) -> str:
    """The journal, without intents that were followed by their result."""
    if not entries:
        return empty("It has no journal: nothing was done yet.")
    told = [entry for entry, after in zip(entries, [*entries[1:], None], strict=True) if not _answered(entry, after)]
    left_out = len(told) - MOST_LINES
    kept = told if left_out <= 0 else told[: MOST_LINES // 3] + told[-2 * MOST_LINES // 3 :]
    rows = [(f'<span class="nowrap mono">{_time(entry["at"])}</span>', _what(entry), f'<span class="small">{_data(entry)}</span>') for entry in kept]
    note = f"; {plural(left_out, 'entry')} left out, see the journal's file" if left_out > 0 else ""
    told_rows = table(("UTC", "What", "Seen"), rows, caption=f"Journal: {plural(len(entries), 'entry')}{note}")
    return f'<div class="journal">{told_rows}</div>'


def _answered(entry: Entry, after: Entry | None) -> bool:
    return entry["event"] == "intent" and after is not None and after["step"] == entry["step"] and after["event"] in {"result", "failed"}


def _what(entry: Entry) -> str:
    if entry["event"] == "state":
        return badge(str(entry["step"]))
    word = {"failed": '<span class="badge bad">failed</span> ', "intent": '<span class="badge warn">begun</span> '}.get(str(entry["event"]), "")
    return word + escape(entry["step"])


def _data(entry: Entry) -> str:
    data = {key: value for key, value in entry["data"].items() if key != "undo"}
    told = {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True) for key, value in data.items()}
    parts = [f"{key.replace('_', ' ')}: {value}" for key, value in told.items()]
    if entry["event"] == "intent" and entry["data"].get("undo"):
        parts.append(f"undo: {entry['data']['undo']}")
    return escape(short("; ".join(parts), MOST_DATA))


def _time(at: Any) -> str:
    return '<span class="muted">not yet</span>' if at is None else escape(clock_time(seconds(at)))


def _pause(milliseconds: Any) -> str:
    return '<span class="muted">no pause measured</span>' if milliseconds is None else f"{escape(milliseconds)} ms"


def _fenced(move: Row) -> str:
    if move["fenced_writes"] is not None:
        return escape(move["fenced_writes"])
    if not move["cuts"]:
        return '<span class="muted">no cutover yet</span>'
    if move["kind"] not in STATEFUL:
        return '<span class="muted">it holds no data</span>'
    if all(cut["outcome"] == "undone" for cut in move["cuts"]):
        return '<span class="muted">the cutover was undone, the old side serves</span>'
    return badge("not_assessed", NOT_PROVEN)


SCRIPT = """
const moves = document.getElementById('moves');
const folds = moves ? [...moves.querySelectorAll('details')] : [];
const filter = document.getElementById('filter');
if (filter) {
  const show = () => {
    const words = filter.value.toLowerCase();
    let count = 0;
    for (const fold of folds) { fold.hidden = !fold.querySelector('summary').textContent.toLowerCase().includes(words); count += !fold.hidden; }
    document.getElementById('shown').textContent = words ? `${count} of ${folds.length}` : '';
  };
  filter.addEventListener('input', show);
  show();
}
for (const button of document.querySelectorAll('[data-folds]')) {
  button.addEventListener('click', () => folds.forEach((fold) => { if (!fold.hidden) fold.open = button.dataset.folds === 'open'; }));
}
"""
