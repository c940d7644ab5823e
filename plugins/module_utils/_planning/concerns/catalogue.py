# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of concerns as a page: docs/concerns.md is made of the detectors themselves."""

from __future__ import annotations

from collections.abc import Sequence

from .detector import Detector

HEAD = """# Concerns

What could surprise people after the move, and how the plan sees it beforehand. This page is made of the detectors (`scripts/catalogue`);
a test compares it with them. A **critical** concern stops the crossing until the plan carries its remedy or somebody waives it. The numbers
are those of [surprises.md](surprises.md). How an incident becomes one more detector: [guides/concerns.md](guides/concerns.md).

"""


def page(detectors: Sequence[Detector]) -> str:
    """All concerns, by id: a table to look things up in, then one paragraph for each."""
    ordered = sorted(detectors, key=lambda one: one.id)
    rows = [f"| [`{one.id}`](#{one.id}) | {one.title} | {', '.join(map(str, one.surprise)) or '-'} |" for one in ordered]
    table = "\n".join(["| id | what | surprise |", "|---|---|---|", *rows])
    return HEAD + table + "\n\n" + "\n".join(_paragraph(one) for one in ordered)


def _paragraph(one: Detector) -> str:
    parts = [
        ("Severity", one.severity), ("Compares", one.compares), ("Remedy", one.remedy), ("Reference", one.reference),
        ("Needs", ", ".join(f"`{name}`" for name in one.needs)),
    ]  # fmt: skip
    lines = [f"- *{name}:* {text}" for name, text in parts if text]
    return f"## {one.id}\n\n{one.title}.\n\n" + "\n".join(lines) + "\n"
