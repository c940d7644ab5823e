# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache that starts cold."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind, variables

GIB = 1024**3
LARGE_GIB = 4


@detector(
    "cold-cache",
    "A cache that starts cold",
    severity="warning; for a database from 4 GiB of buffer pool on. That somebody has to move memcached blocks by itself (no-mover)",
    compares="hit rates of caches and buffer pools with what the guest begins with",
    remedy="warm it before the wave, and look whether the database bears a hit rate of zero",
    reference="incident reports: restarts of cache tiers; mariadb.com: innodb_buffer_pool_dump_at_shutdown",
    surprise=(42,),
    needs=("mariadb",),
)
def cold_cache(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "memcached"):
        statistics = host.part("memcached").get("statistics") or {}
        hits, misses = (int(statistics.get(name) or 0) for name in ("get_hits", "get_misses"))
        rate = f"hit rate {100 * hits // (hits + misses) // 10 * 10} % and more" if hits + misses else "its hit rate is not known"
        yield Finding(
            host=host.name,
            severity="warning",
            service=service.id,
            old=rate,
            new="it starts empty: every reader goes to the database until it is warm",
            remedy="Shift its clients by parts, and prove before that the database bears them; then waive no-mover with that figure.",
        )
    for service, host in of_kind(draft, "mariadb"):
        pool = int(variables(host).get("innodb_buffer_pool_size") or 0) // GIB
        status = host.part("mariadb").get("status") or {}
        asked, missed = (int(status.get(f"innodb_buffer_pool_{name}") or 0) for name in ("read_requests", "reads"))
        if pool >= LARGE_GIB and asked and missed / asked < 0.05:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"a buffer pool of {pool} GiB answers nearly everything from memory",
                new="the guest's pool holds what replication wrote, not what users read",
                remedy="Run the usual reads on the guest before its wave, and cut at a quiet hour.",
            )


DETECTOR = cold_cache
