# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that the configurations of web servers, balancers, databases and mail name. Private keys are never read."""

from __future__ import annotations

from typing import Any

from .. import certificates
from ..part import TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section


def parse(section: Section) -> dict[str, Any]:
    """``purpose`` is server, client or ca; ``named_by`` are the files whose setting it is."""
    named: dict[str, set[tuple[str, str]]] = {}
    for line in section.lines("named"):
        words = line.rstrip().split("\t")
        if len(words) == 3:
            named.setdefault(words[2].rstrip("/"), set()).add((words[0], words[1]))
    found = []
    for row in certificates.read(section.blocks.get("certificates", [])):
        file = str(row["file"])
        uses = named.get(file) or named.get(file.rpartition("/")[0]) or set()
        found.append({**row, "purpose": _purpose({purpose for purpose, _ in uses}), "named_by": sorted({by for _, by in uses})})
    return {"certificates": found, "missing": sorted({line.strip() for line in section.blocks.get("missing", []) if line.strip().startswith("/")})}


def _purpose(uses: set[str]) -> str:
    return next((purpose for purpose in ("server", "client", "ca") if purpose in uses), "server")


PART = Part(
    "tls",
    Limits(30, 1_000_000),
    parse,
    record(certificates=rows(**certificates.SHAPE, purpose=TEXT, named_by=WORDS), missing=WORDS),
    empty={"certificates": [], "missing": []},
)
