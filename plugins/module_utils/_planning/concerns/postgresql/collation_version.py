# SPDX-License-Identifier: GPL-3.0-or-later
"""Another order of text below PostgreSQL's indexes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ... import debian13
from ...model import Draft, Finding, Row
from ..detector import detector, listed
from ._shared import Cluster, clusters, numbers

BYTES = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})  # sorted by code point, whatever the library
REWRITTEN = (2, 28)  # glibc took over ISO 14651_t1 of 2016


@detector(
    "collation-version",
    "Another order of text below the indexes",
    severity="critical where the order is another (glibc before 2.28, musl, or measured), warning where nobody compared it",
    compares="glibc, and how it sorts a list of words in the databases' locales, with Debian 13's, measured; recorded versions of collations",
    remedy="Dump, or replicate logically; never copy or stream the data files. Then amcheck, and REINDEX what it finds.",
    reference="wiki.postgresql.org/wiki/Locale_data_changes; postgresql.org: ALTER DATABASE … REFRESH COLLATION VERSION",
    surprise=(1,),
    needs=("postgresql", "libc"),
    only_lifted=True,
)
def collation_version(draft: Draft) -> Iterator[Finding]:
    for cluster in clusters(draft):
        library = cluster.host.part("libc")
        sorted_by = [row for row in cluster.databases() if row["provider"] == "libc" and row["collate"] not in BYTES and row.get("text_indexes") != 0]
        if library.get("version") and sorted_by and (finding := _compare(cluster, library, sorted_by)):
            yield finding
        stale = [row["name"] for row in cluster.databases() if row.get("collation_version") not in {None, row.get("collation_version_now")}]
        stale += [f"{row['name']}: {other['name']}" for row in cluster.databases() for other in row.get("collations_changed") or ()]
        if stale:
            yield Finding(
                host=cluster.host.name,
                severity="warning",
                service=cluster.service,
                title="Indexes were built by another version of a collation",
                old=f"{cluster.name}: {listed(sorted(set(map(str, stale))))}",
                new="they may be wrong already, and a dump of rows that break a unique index does not restore",
                remedy="Run amcheck on the old side, REINDEX, and ALTER DATABASE (or COLLATION) … REFRESH VERSION before the seed.",
            )


def _compare(cluster: Cluster, library: Mapping[str, Any], rows: list[Row]) -> Finding | None:
    orders = {_key(name): str(value) for name, value in (library.get("order") or {}).items()}
    locales = {_key(str(row["collate"])) for row in rows}
    other = sorted(name for name in locales if name in orders and orders[name] != debian13.SORTED.get(name, orders[name]))
    untried = sorted(name for name in locales if name not in orders or name not in debian13.SORTED)
    old = numbers(str(library["version"]))
    rewritten = library.get("name") != "glibc" or old < REWRITTEN
    if not (rewritten or other) and (not untried or old == numbers(debian13.GLIBC)):
        return None
    means = f"was not compared for {listed(untried)}"
    if rewritten or other:
        means = "sorts otherwise: indexes in copied data files would miss rows and take duplicates"
    where = listed(sorted(f"{row['name']} ({row['collate']})" for row in rows))
    return Finding(
        host=cluster.host.name,
        severity="critical" if rewritten or other else "warning",
        service=cluster.service,
        old=f"{library.get('name')} {library['version']}; {cluster.name}: {where}",
        new=f"glibc {debian13.GLIBC} {means}",
        remedy="Move by dump or logical replication, never by data files or streaming; run amcheck on the new side.",
    )


def _key(locale: str) -> str:
    """de_DE.UTF-8 and de_DE.utf8 are one."""
    name, _, encoding = locale.partition(".")
    return f"{name}.utf8" if encoding.lower().replace("-", "") == "utf8" else locale


DETECTOR = collation_version
