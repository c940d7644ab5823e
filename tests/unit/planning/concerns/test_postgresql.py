# SPDX-License-Identifier: GPL-3.0-or-later
"""Concerns about PostgreSQL. The cluster has the form that the survey gave of PostgreSQL 17.12 (tests/unit/survey)."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning import debian13
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns import postgresql

from ..cases import added, assessed, check, has_both, quiet, silent
from ..estates import concerns

LISTENS = [{"protocol": "tcp", "address": "127.0.0.1", "port": 5432, "process": "postgres", "unit": "postgresql@17-main.service"}]
DATABASE = {
    "name": "shop", "size_mib": 9, "encoding": "UTF8", "collate": "de_DE.UTF-8", "ctype": "de_DE.UTF-8", "provider": "libc", "locale": None,
    "collation_version": "2.41", "collation_version_now": "2.41", "connections_allowed": True, "template": False, "tables": 5, "sequences": 0,
    "large_objects": 0, "text_indexes": 2, "without_identity": [], "unlogged": [], "extensions": {"plpgsql": "1.0"}, "removed_types": [],
    "with_oids": [], "collations_changed": [], "publications": [], "foreign": [],
}  # fmt: skip
CLUSTER = {
    "port": 5432, "version": "17.2", "major": "17", "standby": False, "socket": "/run/postgresql", "not_answered": [], "clients": [], "prepared": [],
}  # fmt: skip
LIBC = {"name": "glibc", "version": "2.31", "locales": ["de_DE.utf8"], "order": {"de_DE.utf8": debian13.SORTED["de_DE.utf8"]}}
CLIENT = {"user": "app", "database": "shop", "address": "10.0.0.9", "state": "idle in transaction", "count": 1, "oldest_transaction_s": 70}
PREPARED = {"name": "forgotten", "owner": "app", "database": "shop", "age_s": 90_000}

ICU = {"name": "de-x-icu", "provider": "i", "recorded": "153.14", "now": "153.120"}


def server(cluster: dict[str, Any] | None = None, libc: dict[str, Any] | None = None, **database: Any) -> Any:
    """A host with one PostgreSQL that has no surprise but for these."""
    row = {**CLUSTER, "databases": [{**DATABASE, **database}], **(cluster or {})}
    return added("pg1", 40, listening=LISTENS, postgresql={"version": row["version"], "clusters": [row]}, libc={**LIBC, **(libc or {})})


CASES: list[tuple[str, Any, str, bool]] = [
    ("collation-version", server(libc={"version": "2.24", "order": {}}), "critical", False),
    ("collation-version", server(libc={"name": "musl", "version": "1.2.5", "order": {}}), "critical", False),
    ("collation-version", server(libc={"order": {"de_DE.utf8": "0123456789abcdef"}}), "critical", False),
    ("collation-version", server(libc={"order": {}}), "warning", False),
    ("collation-version", server(collation_version="2.36"), "warning", False),
    ("collation-version", server(collations_changed=[ICU]), "warning", False),
    ("postgresql-version", server({"version": "13.16", "major": "13"}), "warning", False),
    ("postgresql-version", server({"version": "9.6.3", "major": "9.6"}), "warning", False),
    ("postgresql-version", server({"version": "18.0", "major": "18"}), "critical", False),
    ("postgresql-removed", server(with_oids=["public.old"]), "critical", False),
    ("postgresql-removed", server(removed_types=["public.log (abstime)"]), "critical", False),
    ("not-replicated", server(large_objects=3), "critical", False),
    ("not-replicated", server(sequences=1), "warning", False),
    ("not-replicated", server(unlogged=["public.cached"]), "warning", False),
    ("replica-identity", server(without_identity=[{"table": "public.audit", "size_mib": 1}]), "critical", False),
    ("replica-identity", server({"version": "9.6.3", "major": "9.6"}, without_identity=[{"table": "public.audit", "size_mib": 1}]), "warning", False),
    ("postgresql-transaction", server({"clients": [CLIENT]}), "warning", False),
    ("postgresql-transaction", server({"prepared": [PREPARED]}), "critical", False),
]  # fmt: skip

SILENT: list[tuple[str, Any]] = [
    ("collation-version", server()),
    ("collation-version", server(libc={"version": "2.24", "order": {}}, collate="C")),
    ("collation-version", server(libc={"version": "2.24", "order": {}}, provider="icu")),
    ("collation-version", server(libc={"version": "2.24", "order": {}}, text_indexes=0)),
    ("collation-version", server(libc={"version": debian13.GLIBC, "order": {}})),
    ("collation-version", server(collation_version=None)),
    ("postgresql-version", server()),
    ("postgresql-removed", server()),
    ("not-replicated", server()),
    ("replica-identity", server()),
    ("postgresql-transaction", server({"clients": [{**CLIENT, "oldest_transaction_s": 5}], "prepared": [{**PREPARED, "age_s": 2}]})),
]

test_it_speaks = check(CASES, service="postgresql@pg1")
test_it_is_silent = silent(SILENT, service="postgresql@pg1")
test_every_detector_has_both = has_both(postgresql.DETECTORS, CASES, SILENT)


def test_what_the_survey_could_not_ask_is_left_to_not_assessed() -> None:
    surveys = quiet()
    added("pg1", 40, listening=LISTENS)(surveys)
    reasons = [{"section": "postgresql", "reason": "the server runs, and there is no client (psql)"}]
    del surveys["pg1"]["postgresql"]
    surveys["pg1"]["not_assessed"] = reasons
    found = assessed(surveys)
    assert not {row["id"] for row in found["concerns"]} & {detector.id for detector in postgresql.DETECTORS}
    assert [row["old"] for row in concerns(found, "not-assessed")] == [reasons[0]["reason"]]


def test_growing_counts_do_not_move_the_plan() -> None:
    plans = []
    for count, age in ((3, 4000), (9, 5000)):
        surveys = quiet()
        server({"clients": [{**CLIENT, "oldest_transaction_s": age}]}, large_objects=count)(surveys)
        plans.append(assessed(surveys)["concerns"])
    assert plans[0] == plans[1]
