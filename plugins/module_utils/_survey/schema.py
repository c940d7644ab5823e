# SPDX-License-Identifier: GPL-3.0-or-later
"""The survey's file: its shape, how it is written, read and compared."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

import jsonschema

from .._domain.errors import LotseError

NAME = "lotse/survey/1"
SECTIONS = (
    "os", "hardware", "mounts", "addresses", "users", "services", "listening", "connections", "unpackaged", "nginx", "php", "mariadb", "redis",
    "haproxy", "cron", "literal_addresses", "measured",
)  # fmt: skip
RERUN = "run the playbook survey again"

_TEXT: dict[str, Any] = {"type": "string"}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_PORT: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 65535}
_FLAG: dict[str, Any] = {"type": "boolean"}
_WORDS: dict[str, Any] = {"type": "array", "items": _TEXT}
_VALUES: dict[str, Any] = {"type": "object", "additionalProperties": _TEXT}
_COUNTS: dict[str, Any] = {"type": "object", "additionalProperties": _COUNT}


def _record(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


def _partly(record: dict[str, Any], *optional: str) -> dict[str, Any]:
    """These fields may be missing: what one question to a server could not find out."""
    return {**record, "required": [name for name in record["required"] if name not in optional]}


def _or_null(record: dict[str, Any]) -> dict[str, Any]:
    """Null: the host does not have this program."""
    return {**record, "type": ["object", "null"]}


def _list(**fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _record(**fields)}


_SERVER = _list(name=_TEXT, address=_TEXT, port={"type": ["integer", "null"]})
_VHOST = _list(
    name=_TEXT, file=_TEXT, server_names=_WORDS, listen=_WORDS, default=_FLAG, root=_MAYBE, fastcgi_pass=_MAYBE, fallback=_MAYBE,
    client_max_body_size=_MAYBE,
)  # fmt: skip
_POOL = _list(name=_TEXT, user=_TEXT, group=_TEXT, listen=_TEXT, file=_TEXT, pm=_VALUES, ini=_VALUES)
_DATABASE = _list(name=_TEXT, size_mib=_COUNT, tables=_COUNT)
_MARIADB = _record(
    version=_TEXT, variables=_VALUES, databases=_DATABASE, without_primary_key=_WORDS, engines=_COUNTS, privileged_accounts=_WORDS
)  # fmt: skip
_REDIS = _record(version=_TEXT, config=_VALUES, keys=_COUNTS, used_memory_mib=_COUNT)
_LOAD: dict[str, Any] = {"type": "array", "items": {"type": "number"}}
_PROPERTIES: dict[str, dict[str, Any]] = {
    "schema": {"const": NAME},
    "host": {"type": "string", "minLength": 1},
    "address": _TEXT,
    "not_assessed": _list(section=_TEXT, reason=_TEXT),
    "os": _record(id=_TEXT, version=_TEXT, pretty_name=_TEXT, kernel=_TEXT, hostname=_TEXT, time_zone=_TEXT, architecture=_TEXT),
    "hardware": _record(
        cpus=_COUNT, memory_mib=_COUNT, model=_MAYBE, cpu_model=_TEXT, disks=_list(name=_TEXT, size_mib=_COUNT, rotational=_FLAG)
    ),
    "mounts": _list(source=_TEXT, target=_TEXT, type=_TEXT, size_mib=_COUNT, used_mib=_COUNT),
    "addresses": _WORDS,
    "users": _list(name=_TEXT, uid=_COUNT, gid=_COUNT, group=_TEXT, home=_TEXT, shell=_TEXT),
    "services": _list(
        name=_TEXT, unit=_MAYBE, kind=_TEXT, state=_TEXT, enabled={"type": ["boolean", "null"]}, version=_MAYBE, package=_MAYBE,
        nofile={"type": ["integer", "null"]}, exe=_MAYBE, user=_TEXT,
    ),
    "listening": _list(protocol=_TEXT, address=_TEXT, port=_PORT, process=_MAYBE, unit=_MAYBE),
    "connections": _list(local_address=_TEXT, local_port=_PORT, peer_address=_TEXT, peer_port=_PORT, process=_MAYBE, unit=_MAYBE),
    "unpackaged": _list(exe=_TEXT, unit=_MAYBE, user=_TEXT, deleted=_FLAG),
    "nginx": _or_null(_record(version=_TEXT, vhosts=_VHOST)),
    "php": _or_null(_record(version=_TEXT, extensions=_WORDS, ini=_VALUES, cli_ini=_VALUES, pools=_POOL)),
    "mariadb": _or_null(_partly(_MARIADB, "databases", "without_primary_key", "engines", "privileged_accounts")),
    "redis": _or_null(_partly(_REDIS, "config")),
    "haproxy": _or_null(
        _record(version=_TEXT, frontends=_list(name=_TEXT, binds=_WORDS, default_backend=_MAYBE), backends=_list(name=_TEXT, servers=_SERVER))
    ),
    "cron": _list(user=_TEXT, source=_TEXT, spool=_FLAG, schedule=_TEXT, command=_TEXT, line=_TEXT),
    "literal_addresses": _list(file=_TEXT, line=_COUNT, address=_TEXT),
    "measured": _record(load=_LOAD, memory_used_mib=_COUNT, memory_available_mib=_COUNT, uptime_s=_COUNT, processes=_COUNT),
}  # fmt: skip
SCHEMA: dict[str, Any] = {"type": "object", "properties": _PROPERTIES, "required": ["schema", "host", "address", "not_assessed"]}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def check(survey: Any, where: str) -> dict[str, Any]:
    """The survey itself. Raises LotseError naming file and field; a section that is neither there nor explained is an error as well."""
    error = jsonschema.exceptions.best_match(_VALIDATOR.iter_errors(survey))
    if error is not None:
        at = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path).lstrip(".") or "the file"
        raise LotseError(f"{at}: {error.message[:300]}", where, RERUN)
    assert isinstance(survey, dict)  # noqa: S101 - the schema says so
    explained = {row["section"] for row in survey["not_assessed"]}
    missing = [name for name in SECTIONS if name not in survey and name not in explained]
    if missing:
        raise LotseError(f"{missing[0]}: neither surveyed nor listed under not_assessed", where, RERUN)
    return survey


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


def comparable(survey: Mapping[str, Any]) -> dict[str, Any]:
    """What counts as a change of the host: without what moves by itself (measurements, connections, how full things are)."""
    kept = copy.deepcopy({name: value for name, value in survey.items() if name not in ("measured", "connections")})
    for mount in kept.get("mounts", []):
        del mount["used_mib"]
    for database in (kept.get("mariadb") or {}).get("databases", []):
        del database["size_mib"]
    for name in ("keys", "used_memory_mib"):
        (kept.get("redis") or {}).pop(name, None)
    return kept
