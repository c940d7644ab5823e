# SPDX-License-Identifier: GPL-3.0-or-later
"""``load/<host>.json``: what the plan reads of a host's load over time. Its shape, how it is made, written and checked."""

from __future__ import annotations

import datetime
import json
from typing import Any

import jsonschema

from ..._domain.errors import LotseError
from ..part import COUNT, FLAG, MAYBE, NUMBER, NUMBER_OR_NULL, TEXT, WORDS, or_null, record, rows
from . import connections
from .coverage import Coverage, confidence, coverage, together
from .history import History
from .percentiles import growth, percentiles
from .samples import MEASURES, Source, combined

NAME = "lotse/load/1"
REMEDY = "run the playbook survey again"
COVERAGE = {"days": COUNT, "samples": COUNT, "first": MAYBE, "last": MAYBE, "month_end": FLAG, "week": FLAG}
_FIGURES = or_null(record(p50=NUMBER, p95=NUMBER, p99=NUMBER, max=NUMBER))
SCHEMA: dict[str, Any] = record(
    schema={"const": NAME}, host={"type": "string", "minLength": 1}, coverage=record(**COVERAGE),
    confidence={"enum": ["high", "medium", "low", "none"]}, reasons=WORDS,
    sources={"type": "object", "additionalProperties": record(**COVERAGE, unseen=TEXT, machine=WORDS)},
    measures=record(**dict.fromkeys(MEASURES, _FIGURES)),
    disks=rows(target=TEXT, size_mib=COUNT, used_mib=COUNT, most_mib=COUNT, growth_mib_per_day=NUMBER_OR_NULL, days=COUNT),
    surveys=COUNT, connections={"type": "array"},
)  # fmt: skip
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def summary(history: History) -> dict[str, Any]:
    """Percentiles are those of all samples together, weighted by the time that each stands for."""
    by_source = {name: coverage(source.samples) for name, source in sorted(history.sources.items())}
    seen = together(list(by_source.values()))
    level, reasons = confidence(seen)
    samples = combined(history.sources)
    figures = {name: _figures(name, samples[name], history) for name in MEASURES}
    for name in ("cpu_cores", "memory_mib"):
        if figures[name] is None and any(name in source.machine for source in history.sources.values()):
            reasons.append(f"{name} of the whole machine only was seen")
    reasons += [f"{name}: {source.unseen}" for name, source in sorted(history.sources.items()) if source.unseen]
    return {
        "schema": NAME,
        "host": history.host,
        "coverage": _coverage(seen),
        "confidence": level if figures["cpu_cores"] or figures["memory_mib"] else "none",
        "reasons": reasons,
        "sources": {name: {**_coverage(by_source[name]), **_about(source)} for name, source in sorted(history.sources.items())},
        "measures": figures,
        "disks": [_disk(target, points) for target, points in sorted(history.disks.items()) if points],
        "surveys": history.surveys,
        "connections": connections.rows(history.surveys, history.connections),
    }


def _figures(name: str, samples: list[tuple[float, int]], history: History) -> dict[str, float] | None:
    found = percentiles(samples)
    peaks = [source.peaks[name] for source in history.sources.values() if name in source.peaks and name not in source.machine]
    return {**found, "max": max(found["max"], *peaks)} if found and peaks else found


def _about(source: Source) -> dict[str, Any]:
    return {"unseen": source.unseen, "machine": list(source.machine)}


def _coverage(seen: Coverage) -> dict[str, Any]:
    first, last = (_moment(moment) if seen.samples else None for moment in (seen.first, seen.last))
    return {"days": seen.days, "samples": seen.samples, "first": first, "last": last, "month_end": seen.month_end, "week": seen.week}


def _moment(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat().replace("+00:00", "Z")


def _disk(target: str, points: Any) -> dict[str, Any]:
    used, size = points[max(points)]
    slope = growth([(day, float(value)) for day, (value, _) in points.items()])
    return {
        "target": target, "size_mib": size, "used_mib": used, "most_mib": max(value for value, _ in points.values()),
        "growth_mib_per_day": None if slope is None else round(slope, 1), "days": len(points),
    }  # fmt: skip


def load(text: str, where: str) -> dict[str, Any]:
    """A summary from its file's text. Raises LotseError naming file and field."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LotseError(f"this is not JSON: {error}", where, REMEDY) from None
    wrong = jsonschema.exceptions.best_match(_VALIDATOR.iter_errors(data))
    if wrong is not None:
        at = ".".join(str(step) for step in wrong.absolute_path) or "the file"
        raise LotseError(f"{at}: {wrong.message[:300]}", where, REMEDY)
    assert isinstance(data, dict)  # noqa: S101 - the schema says so
    for place, row in enumerate(data["connections"]):
        if not _is_connection(row):
            raise LotseError(f"connections.{place}: this is no connection: {str(row)[:100]}", where, REMEDY)
    for name, found in data["measures"].items():
        if found and not found["p50"] <= found["p95"] <= found["p99"] <= found["max"]:
            raise LotseError(f"measures.{name}: the percentiles are not in order", where, REMEDY)
    return data


def _is_connection(row: Any) -> bool:
    """Checked by hand: hosts have hundreds, and jsonschema would take most of a plan's reading for them."""
    if not isinstance(row, dict) or set(row) != {"peer_address", "peer_port", "process", "unit", "seen", "of"}:
        return False
    counted = all(type(row[name]) is int and row[name] >= 0 for name in ("peer_port", "seen", "of"))
    told = isinstance(row["peer_address"], str) and all(row[name] is None or isinstance(row[name], str) for name in ("process", "unit"))
    return counted and told and row["peer_port"] <= 65535


def dump(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
