# SPDX-License-Identifier: GPL-3.0-or-later
"""Another version of the database."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ...moves import rollback, version
from ..detector import detector
from ._shared import of_kind


@detector(
    "database-version",
    "Another version of the database",
    severity="critical for MySQL, and for a MariaDB newer than the guest's; else warning",
    compares="version and flavour of the old server with MariaDB of the guest",
    remedy="newer: replicate, and decide what the way back may lose; MySQL or a newer one: by hand",
    reference="mariadb.com: replication between MariaDB and MySQL; measured pairs in docs/guides/migrate-databases.md",
    surprise=(5,),
    needs=("mariadb",),
)
def database_version(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        old = version(service.version)
        if str(host.part("mariadb").get("flavour") or "mariadb") != "mariadb":
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                title="The old database is MySQL, not MariaDB",
                old=service.name,
                new=f"MariaDB {debian13.VERSIONS['mariadb']}: GTIDs and the binary log differ, nothing replicates back",
                remedy="Move it by hand with a dump in a maintenance window.",
            )
        elif old and old != version(debian13.VERSIONS["mariadb"]):
            newer = old > version(debian13.VERSIONS["mariadb"])
            lossless = rollback(service) == "lossless"
            yield Finding(
                host=host.name,
                severity="critical" if newer else "warning",
                service=service.id,
                old=f"MariaDB {service.version}",
                new=f"MariaDB {debian13.VERSIONS['mariadb']}" + ("" if not newer else ": older, it cannot follow the old side"),
                remedy="The way back is replication with character sets that the old side knows: it loses nothing."
                if lossless
                else "The way back was not proven from this version: writes made on the new side may be lost. Decide before the wave.",
                applied=lossless and not newer,
            )


DETECTOR = database_version
