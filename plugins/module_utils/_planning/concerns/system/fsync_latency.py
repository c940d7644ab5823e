# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits that wait for another disk."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding, Row
from ..detector import detector, listed
from ._shared import stores

ENOUGH = 1000  # fewer flushes tell nothing
FAST_MS, SLOW_MS = 1.0, 20.0


@detector(
    "fsync-latency", "Commits would wait for another disk",
    severity="warning where a battery-backed cache answered so far, or where it seems lost; else info",
    compares="average time of flushes (before kernel 5.5: of writes) since boot, and the disks' caches, with the guest's storage, which the plan"
    " cannot see",
    remedy="Measure fsync on the guest's storage in the rehearsal (fio --fdatasync=1); never cure it with the cache mode unsafe.",
    reference="Documentation/admin-guide/iostats.rst; qm.conf(5), cache=: writeback and none honour flushes, unsafe drops them",
    surprise=(39,), needs=("storage", "machine"),
)  # fmt: skip
def fsync_latency(draft: Draft) -> Iterator[Finding]:
    for host, service in stores(draft):
        rows = [row for row in host.part("storage").get("devices") or () if _time(row) is not None]
        if not rows:
            continue
        physical = host.part("machine").get("virtual") == "none"  # what a virtual disk says of its plates means nothing
        cached = [row for row in rows if physical and row.get("rotational") and float(_time(row) or 0) < FAST_MS]
        slow = [row for row in rows if float(_time(row) or 0) > SLOW_MS]
        why = "; a spinning disk is that fast only behind a cache with a battery" if cached else "; a cache may have lost its battery" if slow else ""
        yield Finding(
            host=host.name,
            severity="warning" if cached or slow else "info",
            service=service,
            old=listed([f"{row['name']}: {_time(row)} ms ({_words(row)})" for row in rows]) + why,
            new="the guest's storage over the network or of its node: unknown to the plan",
            remedy="Measure fsync on the guest in the rehearsal and compare; leave the disk's cache mode at none or writeback, never unsafe.",
        )


def _time(row: Row) -> float | None:
    flushes, time = row.get("flushes"), row.get("flush_ms")
    if flushes is not None:
        return float(time) if time is not None and int(flushes) >= ENOUGH else None
    written = row.get("write_ms")
    return float(written) if written is not None and int(row.get("writes") or 0) >= ENOUGH else None


def _words(row: Row) -> str:
    what = "writes, flushes are not counted" if row.get("flushes") is None else "flushes"
    return f"average of {what}, {'rotating' if row.get('rotational') else 'solid state'}, cache {row.get('write_cache') or 'unknown'}"


DETECTOR = fsync_latency
