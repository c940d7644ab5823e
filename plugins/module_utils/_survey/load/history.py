# SPDX-License-Identifier: GPL-3.0-or-later
"""``load/samples/<host>.json``: every sample that is kept, the last reading of the counters, and how connections came and went."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema

from ..._domain.errors import LotseError
from ..part import COUNT, PORT, TEXT, WORDS, record, rows
from ..parts.counters import PART as COUNTERS
from .connections import Key
from .samples import MEASURES, SOURCES, Sample, Source

NAME = "lotse/load-samples/1"
REMEDY = "restore it from your version control, or remove it: the history begins anew then"
_BITS = {"type": "string", "pattern": "^[0-9a-f]{1,100}$"}
_SOURCE = record(unseen=TEXT, machine=WORDS, peaks={"type": "object", "additionalProperties": {"type": "number"}}, samples={"type": "array"})
_SCHEMA = record(
    schema={"const": NAME}, host=TEXT, reading={**COUNTERS.shape, "type": ["object", "null"]},
    sources={"type": "object", "properties": dict.fromkeys(SOURCES, _SOURCE), "additionalProperties": False},
    disks={"type": "object", "additionalProperties": {"type": "array", "items": {"type": "array", "items": COUNT, "minItems": 3, "maxItems": 3}}},
    surveys=COUNT, connections=rows(peer_address=TEXT, peer_port=PORT, process=TEXT, unit=TEXT, seen=_BITS),
)  # fmt: skip
_VALIDATOR = jsonschema.Draft202012Validator(_SCHEMA)


@dataclass(frozen=True)
class History:
    """``disks``: by mount and day (since 1970) what was used and how large it is, in MiB. ``connections``: a bit for each of ``surveys``."""

    host: str
    reading: Mapping[str, Any] | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)
    disks: Mapping[str, Mapping[int, tuple[int, int]]] = field(default_factory=dict)
    surveys: int = 0
    connections: Mapping[Key, int] = field(default_factory=dict)


def load(text: str, where: str) -> History:
    """Raises LotseError naming file and field."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LotseError(f"this is not JSON: {error}", where, REMEDY) from None
    wrong = jsonschema.exceptions.best_match(_VALIDATOR.iter_errors(data))
    if wrong is not None:
        at = ".".join(str(step) for step in wrong.absolute_path) or "the file"
        raise LotseError(f"{at}: {wrong.message[:300]}", where, REMEDY)
    sources = {
        name: Source(
            tuple(_sample(row, f"sources.{name}.samples[{place}]", where) for place, row in enumerate(source["samples"])),
            source["peaks"], tuple(source["machine"]), source["unseen"],
        )
        for name, source in data["sources"].items()
    }  # fmt: skip
    try:
        disks = {target: {day: (used, size) for day, used, size in points} for target, points in data["disks"].items()}
    except ValueError as error:
        raise LotseError(f"disks: {error}", where, REMEDY) from None
    connections = {(row["peer_address"], row["peer_port"], row["process"], row["unit"]): int(row["seen"], 16) for row in data["connections"]}
    return History(data["host"], data["reading"], sources, disks, data["surveys"], connections)


def _sample(row: Any, at: str, where: str) -> Sample:
    """Checked by hand: there are thousands, and jsonschema would take seconds for them."""
    if isinstance(row, list) and len(row) == 2 + len(MEASURES):
        end, seconds, *values = row
        if type(end) is int and type(seconds) is int and seconds > 0 and all(_is_value(value) for value in values):
            return Sample(end, seconds, tuple(values))
    raise LotseError(f"{at}: this is no sample: {str(row)[:100]}", where, REMEDY)


def _is_value(value: Any) -> bool:
    return value is None or (type(value) in (int, float) and 0 <= value < 1e15)


def dump(history: History) -> str:
    """One sample a line, so that a version control stores what is new and nothing else."""
    head = {
        "schema": NAME, "host": history.host, "reading": history.reading, "surveys": history.surveys,
        "disks": {target: [[day, *points[day]] for day in sorted(points)] for target, points in sorted(history.disks.items())},
        "connections": [
            {"peer_address": address, "peer_port": port, "process": process, "unit": unit, "seen": f"{bits:x}"}
            for (address, port, process, unit), bits in sorted(history.connections.items())
        ],
    }  # fmt: skip
    sources = []
    for name, source in sorted(history.sources.items()):
        about = json.dumps({"unseen": source.unseen, "machine": list(source.machine), "peaks": source.peaks}, sort_keys=True)
        lines = ",\n".join(json.dumps([one.end, one.seconds, *one.values], separators=(",", ":")) for one in source.samples)
        sources.append(f'{json.dumps(name)}: {about[:-1]}, "samples": [\n{lines}\n]}}')
    text = json.dumps(head, indent=1, sort_keys=True, ensure_ascii=False)
    return f'{text[:-2]},\n "sources": {{\n' + ",\n".join(sources) + "\n}}\n"
