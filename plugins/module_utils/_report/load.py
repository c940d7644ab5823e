# SPDX-License-Identifier: GPL-3.0-or-later
"""What the live users' records say, in a form that is small enough to keep: evidence/load.json (schema lotse/load/1). Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

SCHEMA = "lotse/load/1"
SLOW_MS = 2000.0
MOST_BUCKETS = 1200  # of the strip: more than a screen has pixels
MOST_FAILURES = 1000
CLOSE_UP_S = 4.0  # seconds before and after a cutover in which each single request is kept
MOST_CLOSE_UPS, MOST_POINTS = 60, 400


def summarize(requests: Sequence[Row], meta: Row, audit: Row | None, writes: int | None, cuts: Iterable[tuple[str, float, float]]) -> dict[str, Any]:
    """One load as figures.

    ``requests`` are rows of requests.jsonl (``at`` in epoch seconds, ``ms``, ``op``, ``method``, ``status``, ``ok``, ``error``), ``meta`` and
    ``audit`` the files of these names, ``writes`` the number of acknowledged writes, ``cuts`` the cutovers as (name, start, end) in epoch
    seconds. What has no evidence is None: an empty load has not failed, it has proven nothing.
    """
    rows = sorted(requests, key=lambda row: float(row["at"]))
    bad = [row for row in rows if not row["ok"] or float(row["ms"]) > SLOW_MS]
    started = _number(meta.get("started_at"), rows[0]["at"] if rows else None)
    ended = _number(meta.get("ended_at"), rows[-1]["at"] + rows[-1]["ms"] / 1000 if rows else None)
    audit = audit or {}
    return {
        "schema": SCHEMA,
        "started_at": started,
        "ended_at": ended,
        "rate": meta.get("rate"),
        "requests_total": len(rows),
        "requests_failed": sum(not row["ok"] for row in rows) if rows else None,
        "requests_over_2s": sum(float(row["ms"]) > SLOW_MS for row in rows) if rows else None,
        "latency_ms": latency([float(row["ms"]) for row in rows if float(row["ms"]) > 0]),
        "writes_acknowledged": audit.get("writes_acknowledged", writes),
        "writes_lost": audit.get("writes_lost"),
        "writes_duplicated": audit.get("writes_duplicated"),
        "lost": list(audit.get("lost", ())),
        "duplicated": list(audit.get("duplicated", ())),
        "audit_error": str(audit.get("error", "")) if audit else "the writes were not looked for (audit.json is missing)",
        "failures": [_failure(row) for row in bad[:MOST_FAILURES]],
        "failures_omitted": max(0, len(bad) - MOST_FAILURES),
        "strip": strip(rows, started, ended),
        "close_ups": [_close_up(rows, *cut) for cut in sorted(cuts, key=lambda cut: cut[1])[:MOST_CLOSE_UPS]],
    }


def latency(milliseconds: Sequence[float]) -> dict[str, float | None]:
    """Median, 99th percentile (nearest rank) and maximum in ms; None without a request."""
    ordered = sorted(milliseconds)
    return {"p50": _rank(ordered, 0.5), "p99": _rank(ordered, 0.99), "max": _rank(ordered, 1.0)}


def _rank(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else None


def strip(rows: Sequence[Row], started: float | None, ended: float | None) -> dict[str, Any]:
    """Requests by second (by more in a load of more than 20 minutes): ``rows`` of [requests, failed, p50, p99, max] in ms, by start."""
    if started is None or ended is None or ended <= started:
        return {"start": started, "bucket_s": 1, "rows": []}
    bucket = max(1, math.ceil((ended - started) / MOST_BUCKETS))
    buckets: list[list[Row]] = [[] for _ in range(math.ceil((ended - started) / bucket))]
    for row in rows:
        index = int((float(row["at"]) - started) // bucket)
        if 0 <= index < len(buckets):
            buckets[index].append(row)
    return {"start": started, "bucket_s": bucket, "rows": [_bucket(rows) for rows in buckets]}


def _bucket(rows: Sequence[Row]) -> list[float | None]:
    times = latency([float(row["ms"]) for row in rows if float(row["ms"]) > 0])
    return [len(rows), sum(not row["ok"] for row in rows), times["p50"], times["p99"], times["max"]]


def _close_up(rows: Sequence[Row], name: str, start: float, end: float) -> dict[str, Any]:
    """Every single request around a cutover: ``points`` of [seconds from its start, ms, ok]."""
    near = [row for row in rows if start - CLOSE_UP_S <= float(row["at"]) <= end + CLOSE_UP_S]
    near.sort(key=lambda row: abs(float(row["at"]) - start))
    points = [[round(float(row["at"]) - start, 4), round(float(row["ms"]), 2), bool(row["ok"])] for row in near[:MOST_POINTS]]
    return {"cut": name, "start": start, "end": end, "points": sorted(points)}


def _failure(row: Row) -> dict[str, Any]:
    names = ("at", "ms", "op", "method", "status", "error")
    return {**{name: row.get(name) for name in names}, "failed": not row["ok"]}


def _number(value: Any, otherwise: Any) -> float | None:
    chosen = value if isinstance(value, int | float) and not isinstance(value, bool) else otherwise
    return None if chosen is None else float(chosen)
