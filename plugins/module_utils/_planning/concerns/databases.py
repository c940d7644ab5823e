# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB and Redis: versions, modes, tables that replicate badly, writers that no fence stops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import debian13
from ..carried.mariadb import modes
from ..model import Draft, Finding, LegacyHost, Service
from ..moves import rollback, version
from .detector import detector, listed

LARGE_MIB = 2048  # above it a table without a key may hold replication back for minutes
OTHER_PLUGINS = frozenset({"caching_sha2_password", "sha256_password", "auth_gssapi", "gssapi", "pam", "auth_socket"})
TRANSACTIONAL = frozenset({"innodb"})


def _of(draft: Draft, kind: str) -> Iterator[tuple[Service, LegacyHost]]:
    return ((service, draft.hosts[service.host]) for service in draft.services if service.kind == kind)


def _variables(host: LegacyHost) -> Mapping[str, str]:
    found: Mapping[str, str] = host.part("mariadb").get("variables") or {}
    return found


@detector("database-version", "Another version of the database")
def database_version(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
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


@detector("cache-version", "Redis becomes Valkey")
def cache_version(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "redis"):
        newer = version(service.version) >= (8,)
        yield Finding(
            host=host.name,
            severity="critical" if newer else "warning",
            service=service.id,
            old=f"Redis {service.version}",
            new=f"{debian13.VERSIONS['redis']}" + (" cannot follow a Redis 8" if newer else " follows the old side; the old side never follows it"),
            remedy="Move by hand." if newer else "The way back copies keys one by one: replication back would flush the old side and then fail.",
            applied=not newer,
        )


@detector("sql-mode", "Another SQL mode")
def sql_mode(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        text = _variables(host).get("sql_mode")
        if text is None or frozenset(modes(text)) == frozenset(modes(debian13.MARIADB["sql_mode"])):
            continue
        carried = draft.settings_of(service.id).get("mariadb_settings", {}).get("sql_mode")
        lost = sorted({mode for mode in text.split(",") if mode} - set(modes(text)))
        yield Finding(
            host=host.name,
            severity="critical",
            service=service.id,
            old=f"sql_mode = {text or 'empty'}",
            new=f"sql_mode = {debian13.MARIADB['sql_mode']}: statements that were cut or rounded silently would fail",
            remedy=f"MariaDB on the guest gets the old mode{' without ' + ', '.join(lost) + ', which it does not know' if lost else ''}.",
            applied=carried is not None and not lost,
        )


@detector("collation", "Another default collation")
def collation(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        old = _variables(host).get("collation_server")
        if old and old != debian13.MARIADB["collation_server"]:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"{_variables(host).get('character_set_server')}, {old}",
                new=f"{debian13.MARIADB['collation_server']}: new tables sort differently, joins with old ones fail (1267)",
                remedy="MariaDB on the guest gets the old character set and collation.",
                applied="collation_server" in draft.settings_of(service.id).get("mariadb_settings", {}),
            )


@detector("missing-primary-key", "Tables without a primary key")
def missing_primary_key(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        tables = sorted(str(name) for name in host.part("mariadb").get("without_primary_key") or ())
        sizes = {str(row["name"]): int(row["size_mib"]) for row in host.part("mariadb").get("databases") or ()}
        if not tables:
            continue
        size = sum(sizes.get(name, 0) for name in {table.split(".")[0] for table in tables})
        yield Finding(
            host=host.name,
            severity="critical" if size > LARGE_MIB else "warning",
            service=service.id,
            old=listed(tables),
            new="each changed row is searched by reading the whole table on the other side: replication lags, and the cutover's gate waits",
            remedy="Add a primary key (an AUTO_INCREMENT column will do) before the wave.",
        )


@detector("table-engine", "Tables that no transaction protects")
def table_engine(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        engines = {str(name): int(count) for name, count in (host.part("mariadb").get("engines") or {}).items()}
        others = [f"{count} {name}" for name, count in sorted(engines.items()) if name.lower() not in TRANSACTIONAL]
        if others:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"tables: {listed(others)}",
                new="a seed taken while they are written to is not consistent",
                remedy="Convert them to InnoDB, or see that nobody writes to them while the seed is taken.",
            )


@detector("privileged-writers", "Accounts from elsewhere that read_only does not stop")
def privileged_writers(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        accounts = [str(name) for name in host.part("mariadb").get("privileged_accounts") or ()]
        remote = sorted(name for name in accounts if name.rsplit("@", 1)[-1] not in {"localhost", "127.0.0.1", "::1"})
        if remote:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=listed(remote),
                new="they may write on the old side after the fence",
                remedy="Take READ ONLY ADMIN (SUPER) from them; the conductor's gate looks for their sessions.",
            )


@detector("authentication-plugin", "An authentication plugin that MariaDB lacks")
def authentication_plugin(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        rows = host.part("mariadb").get("accounts") or ()
        strange = sorted(f"{row['account']} ({row['plugin']})" for row in rows if str(row.get("plugin")) in OTHER_PLUGINS)
        if strange:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=listed(strange),
                new="these accounts could not sign in",
                remedy="Give them mysql_native_password or ed25519 before the wave.",
            )


@detector("scheduled-events", "The database runs events by itself")
def scheduled_events(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "mariadb"):
        if _variables(host).get("event_scheduler", "OFF").upper() in {"ON", "1"}:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old="event_scheduler = ON",
                new="replicated events arrive as SLAVESIDE_DISABLED and would not run",
                remedy="After the commit: ALTER EVENT … ENABLE on the guest for each that shall run.",
            )


@detector("cache-password", "The cache asks for a password")
def cache_password(draft: Draft) -> Iterator[Finding]:
    for service, host in _of(draft, "redis"):
        if host.part("redis").get("password_set"):
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old="requirepass is set",
                new="the plan never holds a secret: the guest would take anybody",
                remedy="Set redis_settings.requirepass in your vault for the guest, give the conductor the old one, then waive this.",
            )


DETECTORS = (
    database_version, cache_version, sql_mode, collation, missing_primary_key, table_engine, privileged_writers, authentication_plugin,
    scheduled_events, cache_password,
)  # fmt: skip
