# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey's file: its shape, how it is written, read and compared."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import jsonschema

from .._domain.errors import LotseError
from .part import COUNT, COUNTS, FLAG, MAYBE, PORT, TEXT, VALUES, WORDS, or_null, partly, record, rows
from .parts import PARTS

NAME = "lotse/survey/2"
SECTIONS = (
    "os", "hardware", "mounts", "addresses", "users", "services", "listening", "connections", "unpackaged", "nginx", "php", "mariadb", "redis",
    "haproxy", "cron", "literal_addresses", "literal_names", "measured", *(part.name for part in PARTS),
)  # fmt: skip
RERUN = "run the playbook survey again"



def _rows(fields: dict[str, Any], **later: Any) -> dict[str, Any]:
    """Rows with fields that surveys of earlier versions lack."""
    return {"type": "array", "items": partly(record(**fields, **later), *later)}


_SERVER = _rows(
    {"name": TEXT, "address": TEXT, "port": {"type": ["integer", "null"]}},
    check=FLAG, backup=FLAG, cookie=MAYBE, resolvers=MAYBE, tls=FLAG, verify=MAYBE, ca_file=MAYBE, certificate=MAYBE,
)  # fmt: skip
_BIND = rows(address=TEXT, certificates=WORDS, min_version=MAYBE, versions=WORDS, ciphers=MAYBE, ca_file=MAYBE, verify=MAYBE, alpn=MAYBE)
_HAPROXY = record(
    version=TEXT, **{"global": VALUES}, resolvers=rows(name=TEXT, nameservers=WORDS, hold_valid=MAYBE),
    frontends=_rows({"name": TEXT, "binds": WORDS, "default_backend": MAYBE}, tls=_BIND, mode=TEXT, timeouts=VALUES),
    backends=_rows(
        {"name": TEXT, "servers": _SERVER}, balance=MAYBE, cookie=MAYBE, stick=WORDS, retries=COUNT, health=MAYBE, mode=TEXT, timeouts=VALUES
    ),
)  # fmt: skip
_TLS = or_null(record(protocols=WORDS, ciphers=MAYBE, certificates=WORDS, client_ca=MAYBE, verify_client=MAYBE, dhparam=MAYBE))
_VHOST = _rows(
    {"name": TEXT, "file": TEXT, "server_names": WORDS, "listen": WORDS, "default": FLAG, "root": MAYBE, "fastcgi_pass": MAYBE, "fallback": MAYBE,
     "client_max_body_size": MAYBE},
    root_target=MAYBE, tls=_TLS,
)  # fmt: skip
_NGINX = record(
    version=TEXT, vhosts=_VHOST, upstreams=rows(name=TEXT, file=TEXT, servers=rows(address=TEXT, resolve=FLAG, backup=FLAG), sticky=MAYBE),
    names=rows(name=TEXT, file=TEXT, directive=TEXT, resolved=TEXT), resolver=WORDS,
)  # fmt: skip
_POOL = _rows(
    {"name": TEXT, "user": TEXT, "group": TEXT, "listen": TEXT, "file": TEXT, "pm": VALUES, "ini": VALUES}, version=TEXT, status=or_null(COUNTS)
)
_PHP = record(
    version=TEXT, extensions=WORDS, ini=VALUES, cli_ini=VALUES, pools=_POOL, opcache=VALUES,
    others=rows(sapi=TEXT, version=TEXT, release=TEXT, extensions=WORDS, ini=VALUES, opcache=VALUES),
)  # fmt: skip
_DATABASE = rows(name=TEXT, size_mib=COUNT, tables=COUNT)
_MARIADB = record(
    version=TEXT, variables=VALUES, databases=_DATABASE, without_primary_key=WORDS, engines=COUNTS, privileged_accounts=WORDS,
    collations=record(schema=COUNTS, table=COUNTS, column=COUNTS), transactions=rows(age_s=COUNT, idle=FLAG, account=TEXT), sessions=COUNTS,
    objects=COUNTS, missing_definers=WORDS, status=VALUES, session_modes=COUNTS,
    replica=or_null(record(master_host=TEXT, master_port=PORT, using_gtid=TEXT, running=FLAG)),
)  # fmt: skip
_REDIS = record(version=TEXT, config=VALUES, keys=COUNTS, used_memory_mib=COUNT, replicas=COUNT, primary=MAYBE, statistics=COUNTS, modules=WORDS)
_LOAD: dict[str, Any] = {"type": "array", "items": {"type": "number"}}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "schema": {"const": NAME},
    "host": {"type": "string", "minLength": 1},
    "address": TEXT,
    "not_assessed": rows(section=TEXT, reason=TEXT),
    "os": record(id=TEXT, version=TEXT, pretty_name=TEXT, kernel=TEXT, hostname=TEXT, time_zone=TEXT, architecture=TEXT),
    "hardware": record(
        cpus=COUNT, memory_mib=COUNT, model=MAYBE, cpu_model=TEXT, disks=rows(name=TEXT, size_mib=COUNT, rotational=FLAG)
    ),
    "mounts": rows(source=TEXT, target=TEXT, type=TEXT, size_mib=COUNT, used_mib=COUNT),
    "addresses": WORDS,
    "users": rows(name=TEXT, uid=COUNT, gid=COUNT, group=TEXT, home=TEXT, shell=TEXT),
    "services": rows(
        name=TEXT, unit=MAYBE, kind=TEXT, state=TEXT, enabled={"type": ["boolean", "null"]}, version=MAYBE, package=MAYBE,
        nofile={"type": ["integer", "null"]}, exe=MAYBE, user=TEXT,
    ),
    "listening": rows(protocol=TEXT, address=TEXT, port=PORT, process=MAYBE, unit=MAYBE),
    "connections": rows(local_address=TEXT, local_port=PORT, peer_address=TEXT, peer_port=PORT, process=MAYBE, unit=MAYBE),
    "unpackaged": rows(exe=TEXT, unit=MAYBE, user=TEXT, deleted=FLAG),
    "nginx": or_null(partly(_NGINX, "upstreams", "names", "resolver")),
    "php": or_null(partly(_PHP, "opcache", "others")),
    "mariadb": or_null(partly(_MARIADB, *(name for name in _MARIADB["required"] if name not in ("version", "variables")))),
    "redis": or_null(partly(_REDIS, "config", "replicas", "primary", "statistics", "modules")),
    "haproxy": or_null(partly(_HAPROXY, "global", "resolvers")),
    "cron": rows(user=TEXT, source=TEXT, spool=FLAG, schedule=TEXT, command=TEXT, line=TEXT),
    "literal_addresses": rows(file=TEXT, line=COUNT, address=TEXT),
    "literal_names": rows(file=TEXT, line=COUNT, name=TEXT),
    "measured": record(load=_LOAD, memory_used_mib=COUNT, memory_available_mib=COUNT, uptime_s=COUNT, processes=COUNT),
    **{part.name: part.shape for part in PARTS},
}  # fmt: skip
SCHEMA: dict[str, Any] = {"type": "object", "properties": _PROPERTIES, "required": ["schema", "host", "address", "not_assessed"]}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


_PARTS = {name: jsonschema.Draft202012Validator(shape) for name, shape in _PROPERTIES.items()}


def fault(name: str, value: Any) -> str | None:
    """What is wrong with a section's value, None when it has its shape. Names the field."""
    error = jsonschema.exceptions.best_match(_PARTS[name].iter_errors(value))
    return None if error is None else f"{_place([name, *error.absolute_path])}: {error.message[:300]}"


def check(survey: Any, where: str) -> dict[str, Any]:
    """The survey itself. Raises LotseError naming file and field; a section that is neither there nor explained is an error as well."""
    if isinstance(survey, dict) and survey.get("schema") != NAME:
        raise LotseError(f"schema: {str(survey.get('schema'))[:100]!r}, and this Lotse reads {NAME!r}", where, _remedy(survey.get("schema")))
    error = jsonschema.exceptions.best_match(_VALIDATOR.iter_errors(survey))
    if error is not None:
        raise LotseError(f"{_place(error.absolute_path) or 'the file'}: {error.message[:300]}", where, RERUN)
    assert isinstance(survey, dict)  # noqa: S101 - the schema says so
    return complete(survey, where)


def complete(survey: dict[str, Any], where: str) -> dict[str, Any]:
    """A survey whose values are checked already. Raises LotseError when a section is neither there nor explained."""
    explained = {row["section"] for row in survey["not_assessed"]}
    missing = [name for name in SECTIONS if name not in survey and name not in explained]
    if missing:
        raise LotseError(f"{missing[0]}: neither surveyed nor listed under not_assessed", where, RERUN)
    return survey


def _place(steps: Iterable[Any]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _version(name: Any) -> int | None:
    match = re.fullmatch(r"lotse/survey/(\d{1,6})", name, re.ASCII) if isinstance(name, str) else None
    return int(match[1]) if match else None


def _remedy(name: Any) -> str:
    newer = (_version(name) or 0) > (_version(NAME) or 0)
    return "it was written by a newer Lotse: use that one, or delete the file and run the playbook survey again" if newer else RERUN


def outdated(text: str) -> bool:
    """Whether a file's text is a survey of an older shape, which a new survey replaces."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    version = _version(found.get("schema")) if isinstance(found, dict) else None
    return version is not None and version < (_version(NAME) or 0)


def load(text: str, where: str) -> dict[str, Any]:
    """A survey from its file's text. ``where`` names the file in errors."""
    try:
        survey = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LotseError(f"this is not JSON: {error}", where, RERUN) from None
    return check(survey, where)


def dump(survey: Mapping[str, Any]) -> str:
    """The file's text: the same survey gives the same bytes."""
    return json.dumps(survey, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def section(survey: Mapping[str, Any], name: str) -> Any:
    """A section's value. Raises LotseError with the reason when it was not seen: unseen is not empty."""
    if name in survey:
        return survey[name]
    reasons = [row["reason"] for row in survey["not_assessed"] if row["section"] == name]
    raise LotseError(f"{name} was not assessed: {'; '.join(reasons)}", f"survey of {survey['host']}", RERUN)


MOVING = {"redis": ("keys", "used_memory_mib", "statistics"), "mariadb": ("transactions", "sessions", "status", "session_modes")}


def comparable(survey: Mapping[str, Any]) -> dict[str, Any]:
    """What counts as a change of the host: without what moves by itself (measurements, connections, how full things are)."""
    kept = copy.deepcopy({name: value for name, value in survey.items() if name not in ("measured", "connections")})
    for mount in kept.get("mounts", []):
        del mount["used_mib"]
    for database in (kept.get("mariadb") or {}).get("databases", []):
        del database["size_mib"]
    for section, names in MOVING.items():
        for name in names:
            (kept.get(section) or {}).pop(name, None)
    for pool in (kept.get("php") or {}).get("pools", []):
        pool.pop("status", None)
    return kept | {part.name: part.steady(kept[part.name]) for part in PARTS if part.name in kept}
