# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: every cluster that has a local socket, its databases, and what a logical copy would leave behind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, FLAG, MAYBE, PORT, TEXT, VALUES, WORDS, Limits, Part, or_null, partly, record, rows, without
from ..wire import Section, UnseenError, number

Rows = list[list[str]]
Answers = dict[str, Rows]
MIB = 1048576
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin", "d": "default"}


def parse(section: Section) -> dict[str, Any] | None:
    """A question that the server did not answer leaves its field out, and the section's reasons say why."""
    if section.absent:
        return None
    clusters = [_cluster(section, block) for block in section.blocks if block.startswith("server ")]
    found = sorted((cluster for cluster in clusters if cluster), key=lambda cluster: cluster["port"])
    if not found:
        raise UnseenError(section.unseen[0] if section.unseen else "no server answered")
    return {"version": found[0]["version"], "clusters": found}


def _cluster(section: Section, block: str) -> dict[str, Any] | None:
    port = number(block.removeprefix("server "))
    told = next(iter(_answers(section, block).get("server", [])), [])
    if port is None or port > 65535 or len(told) != 4:
        return None
    made: dict[str, Any] = {
        "port": port, "version": told[1].split(" ")[0], "major": _major(told[0]), "standby": told[2] == "t", "socket": told[3], "not_answered": [],
        "databases": [],
    }  # fmt: skip
    answers = _answers(section, f"settings {port}") | _answers(section, f"cluster {port}")
    for question, read in CLUSTER.items():
        if question in answers:
            made[question] = read(answers[question])
    made["not_answered"] = sorted({question for question in CLUSTER if question in ALWAYS and question not in answers})
    inside = {name.removeprefix(f"database {port} "): name for name in section.blocks if name.startswith(f"database {port} ")}
    for row in answers.get("databases", []):
        if len(row) == 11:
            database = _database(row)
            if row[0] in inside:
                told_inside = _answers(section, inside[row[0]])
                database |= {question: read(told_inside[question]) for question, read in DATABASE.items() if question in told_inside}
                database |= _counts(told_inside)
                made["not_answered"] += [f"{row[0]}: {question}" for question in ("counts", "without_identity") if question not in told_inside]
            made["databases"].append(database)
    made["databases"].sort(key=lambda database: database["name"])
    return made


def _answers(section: Section, block: str) -> Answers:
    """Rows by question. A question with an error is not there: psql writes the error behind it, and errors have no tab."""
    found: Answers = {}
    question = ""
    for line in section.blocks.get(block, []):
        if match := re.fullmatch(r"ask ([a-z_]{1,30})", line, re.ASCII):
            question = match[1]
            found[question] = []
        elif "\t" in line and question in found:
            found[question].append(line.split("\t"))
        elif re.match(r"(psql:.{0,80}: )?(ERROR|FATAL|PANIC): |psql: ", line):
            found.pop(question, None)
    return found


def _major(number_text: str) -> str:
    value = number(number_text) or 0
    return str(value // 10000) if value >= 100000 else f"{value // 10000}.{value // 100 % 100}"


def _database(row: list[str]) -> dict[str, Any]:
    return {
        "name": row[0], "size_mib": -(-(number(row[1]) or 0) // MIB), "encoding": row[2], "collate": row[3], "ctype": row[4],
        "provider": PROVIDERS.get(row[5], "libc"), "locale": row[6] or None, "collation_version": row[7] or None,
        "collation_version_now": row[8] or None, "connections_allowed": row[9] == "t", "template": row[10] == "t",
    }  # fmt: skip


def _counts(told: Answers) -> dict[str, Any]:
    row = next(iter(told.get("counts", [])), [])
    names = ("tables", "sequences", "large_objects", "text_indexes")
    return dict(zip(names, (number(word) or 0 for word in row), strict=True)) if len(row) == len(names) else {}


def _table(*names: str) -> Callable[[Rows], list[dict[str, Any]]]:
    """Rows as objects: a name that begins with # is a number, with ? a truth."""

    def read(found: Rows) -> list[dict[str, Any]]:
        return [dict(_fields(names, row)) for row in found if len(row) == len(names)]

    return read


def _fields(names: tuple[str, ...], row: list[str]) -> Iterator[tuple[str, Any]]:
    for name, word in zip(names, row, strict=True):
        if name.startswith("#"):
            yield name[1:], number(word) or 0
        elif name.startswith("?"):
            yield name[1:], word == "t"
        else:
            yield name, word


def _settings(found: Rows) -> dict[str, str]:
    return {row[0]: f"{row[1]}{_unit(row)}" for row in found if len(row) == 4}


def _unit(row: list[str]) -> str:
    """Settings in blocks have a unit of "8kB", which needs a sign between."""
    return f" x {row[2]}" if row[2][:1].isdigit() else row[2]


def _role_settings(found: Rows) -> list[dict[str, Any]]:
    return [{"role": row[0] or None, "database": row[1] or None, "setting": row[2]} for row in found if len(row) == 3]


def _cache(found: Rows) -> dict[str, int]:
    row = next(iter(found), [])
    return {"hits": number(row[0]) or 0, "reads": number(row[1]) or 0} if len(row) == 2 else {"hits": 0, "reads": 0}


def _dotted(found: Rows) -> list[str]:
    return sorted(f"{row[0]}.{row[1]}" for row in found if len(row) >= 2)


def _extensions(found: Rows) -> dict[str, str]:
    return {row[0]: row[1] for row in found if len(row) == 2}


def _without_identity(found: Rows) -> list[dict[str, Any]]:
    tables = [{"table": f"{row[0]}.{row[1]}", "size_mib": -(-(number(row[2]) or 0) // MIB)} for row in found if len(row) == 3]
    return sorted(tables, key=lambda row: str(row["table"]))


def _removed_types(found: Rows) -> list[str]:
    return sorted(f"{row[0]}.{row[1]} ({row[2]})" for row in found if len(row) == 3)


# What a cluster and a database are asked, and how the answer is read. ``counts`` and ``databases`` are read by themselves.
CLUSTER: dict[str, Callable[[Rows], Any]] = {
    "settings": _settings,
    "role_settings": _role_settings,
    "roles": _table("name", "?superuser", "?login", "?replication", "password"),
    "clients": _table("user", "database", "address", "state", "#count", "#oldest_transaction_s"),
    "prepared": _table("name", "owner", "database", "#age_s"),
    "cache": _cache,
    "replicas": _table("name", "address", "state", "sync"),
    "slots": _table("name", "plugin", "type", "database", "?active"),
    "upstream": _table("host", "#port", "status"),
    "subscriptions": _table("name", "database", "?enabled"),
    "access": _table("type", "method", "#count"),
}
ALWAYS = ("settings", "roles", "clients", "prepared", "replicas")  # asked of every version
DATABASE: dict[str, Callable[[Rows], Any]] = {
    "without_identity": _without_identity,
    "unlogged": _dotted,
    "extensions": _extensions,
    "removed_types": _removed_types,
    "with_oids": _dotted,
    "collations_changed": _table("name", "provider", "recorded", "now"),
    "publications": _table("name", "?all_tables"),
    "foreign": _table("name", "wrapper", "host"),
}


def _steady(value: dict[str, Any] | None) -> Any:
    """Sizes, sessions and the cache move by themselves."""
    if value is None:
        return None
    calm = without("clients", "prepared", "cache", "replicas")
    still = without("size_mib", "large_objects", "without_identity")
    return value | {"clusters": [calm(cluster) | {"databases": [still(row) for row in cluster["databases"]]} for cluster in value["clusters"]]}


_DATABASE = partly(
    record(
        name=TEXT, size_mib=COUNT, encoding=TEXT, collate=TEXT, ctype=TEXT, provider=TEXT, locale=MAYBE, collation_version=MAYBE,
        collation_version_now=MAYBE, connections_allowed=FLAG, template=FLAG, tables=COUNT, sequences=COUNT, large_objects=COUNT, text_indexes=COUNT,
        without_identity=rows(table=TEXT, size_mib=COUNT), unlogged=WORDS, extensions=VALUES, removed_types=WORDS, with_oids=WORDS,
        collations_changed=rows(name=TEXT, provider=TEXT, recorded=TEXT, now=TEXT), publications=rows(name=TEXT, all_tables=FLAG),
        foreign=rows(name=TEXT, wrapper=TEXT, host=TEXT),
    ),
    "tables", "sequences", "large_objects", "text_indexes", *DATABASE,
)  # fmt: skip
_CLUSTER = partly(
    record(
        port=PORT, version=TEXT, major=TEXT, standby=FLAG, socket=TEXT, not_answered=WORDS, databases={"type": "array", "items": _DATABASE},
        settings=VALUES, role_settings=rows(role=MAYBE, database=MAYBE, setting=TEXT),
        roles=rows(name=TEXT, superuser=FLAG, login=FLAG, replication=FLAG, password=TEXT),
        clients=rows(user=TEXT, database=TEXT, address=TEXT, state=TEXT, count=COUNT, oldest_transaction_s=COUNT),
        prepared=rows(name=TEXT, owner=TEXT, database=TEXT, age_s=COUNT), cache=record(hits=COUNT_OR_NULL, reads=COUNT_OR_NULL),
        replicas=rows(name=TEXT, address=TEXT, state=TEXT, sync=TEXT),
        slots=rows(name=TEXT, plugin=TEXT, type=TEXT, database=TEXT, active=FLAG), upstream=rows(host=TEXT, port=COUNT, status=TEXT),
        subscriptions=rows(name=TEXT, database=TEXT, enabled=FLAG), access=rows(type=TEXT, method=TEXT, count=COUNT),
    ),
    *CLUSTER,
)  # fmt: skip

PART = Part(
    "postgresql",
    Limits(60, 1_000_000),
    parse,
    or_null(record(version=TEXT, clusters={"type": "array", "items": _CLUSTER})),
    steady=_steady,
)
