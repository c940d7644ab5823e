# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of every page, and the small pieces that all pages share. Pure; the classes are those of style.py.

A page is one file that needs nothing else: no font, script, image or style is loaded, and its policy forbids to load any. Whatever comes
from outside goes through ``escape``, in text and in attributes alike.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from .style import CSS

# Words for states, and the meaning that colours them. A state that is not here is shown as it is, without colour.
TONES = {
    "critical": "bad", "warning": "warn", "info": "info",
    "passed": "good", "failed": "bad", "not_assessed": "unknown",
    "committed": "good", "observing": "info", "cutting": "warn", "ready": "info", "replicating": "info", "preparing": "info",
    "rolled_back": "warn", "rolling_back": "warn", "planned": "",
    "applied": "good", "waived": "warn", "open": "bad",
}  # fmt: skip
NOT_PROVEN = "not proven"
# On paper nobody can open what is folded away.
PAPER = "addEventListener('beforeprint', () => document.querySelectorAll('details').forEach((fold) => { fold.open = true; }));"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def escape(value: object) -> str:
    """``value`` as text that is safe inside an element and inside a quoted attribute. Control characters become a visible sign."""
    text = "".join(character if character in "\n\t" or character.isprintable() or character == " " else "\ufffd" for character in str(value))
    return html.escape(text, quote=True)


def page(title: str, body: str, *, script: str = "", links: Sequence[tuple[str, str]] = ()) -> str:
    """A whole page. ``title`` is plain text, ``body`` and ``script`` are ours and already safe; ``links`` are (fragment id, plain text)."""
    navigation = "".join(f'<a href="#{escape(target)}">{escape(text)}</a>' for target, text in links)
    tail = f"<script>\n{PAPER}\n{script.strip()}\n</script>\n"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#content">Skip to the content</a>\n'
        f'<div class="bar"><div class="wrap"><span class="brand">Lotse <span>{escape(title)}</span></span>'
        f'<nav aria-label="On this page">{navigation}</nav></div></div>\n'
        f'<main class="wrap" id="content">\n{body.strip()}\n</main>\n{tail}</body>\n</html>\n'
    )


def badge(state: str, text: str = "") -> str:
    """A state in words: ``badge("critical")``, ``badge("applied", "applied by the plan")``."""
    return f'<span class="badge {TONES.get(state, "")}">{escape(text or state.replace("_", " "))}</span>'


def figure(label: str, value: object, note: str = "", *, tone: str = "", unit: str = "") -> str:
    """One key figure for a ``<dl class="figures">``. None is shown as not proven, never as 0. ``tone`` is good, bad, warn or unknown."""
    if value is None:
        tone, shown = "unknown", NOT_PROVEN
    else:
        shown = escape(value) + (f" <small>{escape(unit)}</small>" if unit else "")
    below = f'<span class="note">{escape(note)}</span>' if note else ""
    return f'<div class="figure {tone}"><dt>{escape(label)}</dt><dd><span class="value">{shown}</span>{below}</dd></div>'


def figures(items: Iterable[str]) -> str:
    return f'<dl class="figures">{"".join(items)}</dl>'


def section(identity: str, heading: str, body: str, about: str = "") -> str:
    """A part of the page with a heading. ``body`` is HTML, the rest plain text."""
    told = f'<p class="about">{escape(about)}</p>' if about else ""
    return f'<section id="{identity}" aria-labelledby="{identity}-h"><h2 id="{identity}-h">{escape(heading)}</h2>{told}\n{body}\n</section>\n'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: frozenset[int] = frozenset(), caption: str = "") -> str:
    """A table that scrolls in its own box. ``heads`` are plain text, cells are HTML; columns in ``numbers`` (from 0) are set right."""

    def cell(tag: str, index: int, content: str, extra: str = "") -> str:
        return f"<{tag}{extra}{' class="number"' if index in numbers else ''}>{content}</{tag}>"

    head = "".join(cell("th", index, escape(text), ' scope="col"') for index, text in enumerate(heads))
    body = "".join(f"<tr>{''.join(cell('td', index, content) for index, content in enumerate(row))}</tr>" for row in rows)
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f'<div class="scroll" tabindex="0"><table>{told}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def pairs(items: Iterable[tuple[str, str]]) -> str:
    """Names (plain text) and values (HTML)."""
    return f'<dl class="pairs">{"".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in items)}</dl>'


def fold(summary: str, body: str, *, shown: bool = False) -> str:
    """A card that opens and closes, by keyboard too, and is open on paper. Both are HTML."""
    return f'<details class="card"{" open" if shown else ""}><summary>{summary}</summary>{body}</details>'


def empty(text: str) -> str:
    return f'<p class="empty">{escape(text)}</p>'


def plural(count: int, noun: str) -> str:
    """``1 host``, ``2 hosts``, ``1 entry``, ``2 entries``."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun[:-1]}ies" if noun.endswith("y") else f"{count:,} {noun}s"
