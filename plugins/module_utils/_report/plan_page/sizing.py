# SPDX-License-Identifier: GPL-3.0-or-later
"""What was observed on the old host beside what the guest gets, outliers first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .cells import Column, Grid, bullet, number, words
from .facts import Facts, Row

CONFIDENCE = ("none", "low", "medium", "high")  # the least first: that is what people should look at
TONES = {"none": "unknown", "low": "warn", "medium": "info", "high": "good"}
GIB = 1024
COLUMNS = (
    Column("guest", "Guest", "strong"),
    Column("role", "Role", filters=True),
    Column("cores", "Cores", "bullet", unit="cores"),
    Column("memory", "Memory, GiB", "bullet", unit="GiB"),
    Column("disk", "Disk, GiB", "bullet", unit="GiB"),
    Column("confidence", "Confidence", "badge", order=CONFIDENCE, tones=TONES, filters=True),
    Column("outlier", "Times apart", "number", none="not measured"),
    Column("node", "Node", filters=True),
    Column("os", "System", filters=True, detail=True),
    Column("why", "Size because of", detail=True),
    Column("seen", "Seen", detail=True),
    Column("numbers", "Percentiles", detail=True),
    Column("services", "Services", detail=True),
    Column("where", "Address, disks", detail=True),
    Column("identity", "Identity", "code", detail=True),
)


def grid(facts: Facts) -> Grid:
    caption = (
        "Pale bar: from the median to p95. Ticks: p99 and the highest. Strong line: what the guest gets, red where the highest was above it. "
        "In numbers: p95, then what was chosen. Times apart: how far what was chosen is from p95, above or below it."
    )
    rows = sorted((_row(facts, guest) for guest in facts.plan["guests"]), key=lambda row: (not row["over"], -(row["outlier"] or 0), row["guest"]))
    return Grid("sizing", COLUMNS, rows, caption, "guest")


def _row(facts: Facts, guest: Row) -> dict[str, Any]:
    sizing = guest.get("sizing") or {}
    observed = sizing.get("observed") or {}
    disk = sum(int(entry["size_gib"]) for entry in guest["disks"].values())
    charts = {
        "cores": bullet(observed.get("cpu_cores"), guest["cores"]),
        "memory": bullet(observed.get("memory_mib"), round(guest["memory_mib"] / GIB, 2), GIB),
        "disk": bullet(_disk(observed.get("disk_mib")), disk, GIB),
    }
    apart = [factor for factor in map(_apart, charts.values()) if factor is not None]
    told = "; ".join(f"{name}: {words(value, unit)}" for (name, value), unit in zip(charts.items(), ("cores", "GiB", "GiB"), strict=True) if value)
    growth = (observed.get("disk_mib") or {}).get("growth_mib_per_day")
    disks = "; ".join(f"{key} {row['size_gib']} GiB on {row['storage']}" for key, row in guest["disks"].items())
    return {
        "guest": guest["name"], "role": guest["role"], "node": guest["node"], **charts,
        "confidence": sizing.get("confidence") or "none", "outlier": round(max(apart), 1) if apart else None,
        "over": any(value and value[3] is not None and value[4] is not None and value[3] > value[4] for value in charts.values()),
        "os": _system(guest.get("os")), "why": "; ".join(str(reason) for reason in sizing.get("reasons") or ()),
        "seen": _seen(facts, guest, sizing),
        "numbers": told + (f"; the disk grows by {number(growth)} MiB a day" if isinstance(growth, (int, float)) else "") if observed else "",
        "services": ", ".join(guest["services"]), "where": f"{guest['address']} on {guest['nics']['net0']['bridge']}; {disks}",
            "identity": guest["uuid"],
    }  # fmt: skip


def _disk(row: Row | None) -> Row | None:
    """How full a disk is has no percentiles: it is one number, and the highest."""
    return {"max": row["used"], **row} if row and row.get("used") is not None else row


def _apart(value: Sequence[float | None] | None) -> float | None:
    """How many times what was chosen is above or below p95; None where one of them is unknown or nothing was used."""
    if not value or not value[1] or not value[4]:
        return None
    return math.exp(abs(math.log(value[4] / value[1])))


def _system(row: Mapping[str, Any] | None) -> str:
    if not row:
        return ""
    return f"{row.get('choice')}: {row.get('from')} to {row.get('to')}" + (f", because {row['reason']}" if row.get("reason") else "")


def _seen(facts: Facts, guest: Row, sizing: Row) -> str:
    """Where the numbers come from, how much of a business cycle they cover; without them what one survey saw."""
    if sizing.get("source"):
        cover = sizing.get("coverage") or {}
        days = [f"{number(cover[name])} {name}" if isinstance(cover.get(name), (int, float)) and cover[name] else "" for name in ("days", "samples")]
        end = "month's end included" if cover.get("month_end") else "without a month's end" if any(days) else _once(facts, guest)
        return ", ".join(part for part in (str(sizing["source"]), *days, end) if part)
    return _once(facts, guest)


def _once(facts: Facts, guest: Row) -> str:
    """What one survey saw of the old host."""
    host = str(guest["services"][0]).rsplit("@", 1)[-1] if guest["services"] else ""
    survey = facts.surveys.get(host) or {}
    measured, hardware = survey.get("measured") or {}, survey.get("hardware") or {}
    if not isinstance(measured, Mapping) or not isinstance(hardware, Mapping):
        return ""
    load = measured.get("load") or ()
    parts = [f"load {load[-1]:g}" if load else "", f"{hardware['cpus']} CPUs" if hardware.get("cpus") else "",
             f"{measured['memory_used_mib']} of {hardware.get('memory_mib', '?')} MiB in use" if measured.get("memory_used_mib") else ""]  # fmt: skip
    return f"one survey of {host}: " + ", ".join(part for part in parts if part) if any(parts) else ""
