# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles web_php and cron_worker: pools, vhosts, and the PHP settings that the application knew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import debian13
from ..model import LegacyHost, Row
from ..rewriting import NewAddresses
from ..services import http_port

ON, OFF = {"on", "yes", "true"}, {"off", "no", "false", "none", ""}
UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
# Bits of error_reporting. E_STRICT is no part of E_ALL any more.
LEVELS = {
    "E_ERROR": 1, "E_WARNING": 2, "E_PARSE": 4, "E_NOTICE": 8, "E_CORE_ERROR": 16, "E_CORE_WARNING": 32, "E_COMPILE_ERROR": 64,
    "E_COMPILE_WARNING": 128, "E_USER_ERROR": 256, "E_USER_WARNING": 512, "E_USER_NOTICE": 1024, "E_STRICT": 2048, "E_RECOVERABLE_ERROR": 4096,
    "E_DEPRECATED": 8192, "E_USER_DEPRECATED": 16384, "E_ALL": 32767,
}  # fmt: skip


def plain(value: object) -> str:
    """A value as php.ini has it, without quotes."""
    text = str(value).strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def meaning(name: str, value: object) -> str:
    """Equal for values that PHP takes for the same: On and 1, 128M and 134217728, names and numbers of error levels."""
    text = plain(value)
    lowered = text.lower()
    if lowered in ON:
        return "1"
    if lowered in OFF:
        return "0"
    if match := re.fullmatch(r"(\d+)([kmg])", lowered):
        return str(int(match[1]) * UNITS[match[2]])
    return str(_levels(text)) if name == "error_reporting" else text


def _levels(text: str) -> int | str:
    """``E_ALL & ~E_DEPRECATED`` as a number, without the bit of E_STRICT, which no message has since PHP 8."""
    result, operator, number = 0, "|", False
    for word in re.findall(r"~?\s*[A-Z_]+|\d+|[&|]", text):
        if word in "&|":
            operator = word
            continue
        name = word.lstrip("~ ")
        if not name.isdigit() and name not in LEVELS:
            return text
        bits = int(name) if name.isdigit() else LEVELS[name]
        bits = ~bits & 0x7FFF if word.startswith("~") else bits
        result, number = (result & bits if operator == "&" else result | bits), True
    return result & ~LEVELS["E_STRICT"] if number else text


def differences(old: Mapping[str, Any], defaults: Mapping[str, str]) -> dict[str, str]:
    """The settings that the guest would lack: known to PHP 8.4, not left to it on purpose, and of another meaning than its default."""
    found = {}
    for name, value in sorted(old.items()):
        if name not in defaults:
            continue  # removed since, left to the guest, or unknown: others say so
        if name == "disable_functions" and all(part.startswith("pcntl_") for part in plain(value).split(",") if part):
            continue  # Debian's own list: PHP-FPM has no such functions
        if meaning(name, value) != meaning(name, defaults[name]):
            found[name] = plain(value)
    return found


def removed(old: Mapping[str, Any]) -> dict[str, str]:
    """Settings that mean nothing to PHP 8.4 any more, with what that means."""
    return {name: debian13.PHP_REMOVED[name] for name in sorted(old) if name in debian13.PHP_REMOVED}


def unknown(old: Mapping[str, Any]) -> list[str]:
    """Settings that the table does not know. They are not carried: PHP would ignore or refuse them."""
    return sorted(name for name in old if name not in debian13.PHP_INI and name not in debian13.PHP_REMOVED and name not in debian13.PHP_LEFT_ALONE)


def pools(host: LegacyHost, new: NewAddresses) -> list[Row]:
    """Pools with the settings of php.ini and their own in one place; addresses of session stores are the new ones."""
    php = host.part("php")
    found = []
    for pool in sorted(php.get("pools") or (), key=lambda row: str(row["name"])):
        ini = differences({**(php.get("ini") or {}), **(pool.get("ini") or {})}, debian13.PHP_INI)
        if "session.save_path" in ini:
            ini["session.save_path"] = new.replaced(ini["session.save_path"], "redis" if ini.get("session.save_handler") == "redis" else None)
        found.append({
            "name": str(pool["name"]), "user": str(pool["user"]), "group": str(pool.get("group") or pool["user"]), "listen": str(pool["listen"]),
            "pm": {name: _number(value) for name, value in sorted((pool.get("pm") or {}).items())}, "ini": ini,
        })  # fmt: skip
    return found


def _number(value: object) -> object:
    text = str(value)
    return int(text) if text.isdigit() else text


def sockets(host: LegacyHost) -> dict[str, str]:
    """Pools by what they listen on, as nginx writes it without ``unix:``. A bare port means all addresses."""
    found = {}
    for pool in host.part("php").get("pools") or ():
        listen = str(pool["listen"])
        found[f"127.0.0.1:{listen}" if listen.isdigit() else listen] = str(pool["name"])
    return found


def socket_of(vhost: Mapping[str, Any]) -> str:
    return str(vhost.get("fastcgi_pass") or "").removeprefix("unix:").replace("localhost:", "127.0.0.1:")


def vhosts(host: LegacyHost) -> list[Row]:
    """Vhosts with a document root, each with the pool whose socket it passes PHP to; a vhost without PHP gets the first."""
    by_listen = sockets(host)
    names = sorted(by_listen.values())
    found = []
    for vhost in sorted((row for row in host.part("nginx").get("vhosts") or () if row.get("root")), key=lambda row: str(row["name"])):
        socket = socket_of(vhost)
        row: Row = {
            "name": str(vhost["name"]),
            "server_names": [str(name) for name in vhost.get("server_names") or ["_"]],
            "root": str(vhost["root"]),
            "pool": by_listen.get(socket, names[0] if names else ""),
            "default": bool(vhost.get("default")),
            "fallback": str(vhost.get("fallback") or "=404"),
        }
        if vhost.get("client_max_body_size"):
            row["client_max_body_size"] = str(vhost["client_max_body_size"])
        found.append(row)
    return found


def extensions(host: LegacyHost) -> list[str]:
    """Packages beyond the roles' own that hold extensions of the old side."""
    wanted = {debian13.PHP_EXTENSIONS.get(str(name).lower(), "") for name in host.part("php").get("extensions") or ()}
    return sorted(wanted - {""} - set(debian13.ROLE_EXTENSIONS))


def web(host: LegacyHost, new: NewAddresses) -> Row:
    settings: Row = {"web_php_pools": pools(host, new), "web_php_vhosts": vhosts(host)}
    if more := extensions(host):
        settings["web_php_extensions"] = [*debian13.ROLE_EXTENSIONS, *more]
    if (port := http_port(host)) != 80:
        settings["web_php_port"] = port
    return settings


def worker(host: LegacyHost, users: Sequence[str]) -> Row:
    """The command line's settings. The role knows one user for its jobs; the others come with ``base_users`` and their crontabs."""
    settings: Row = {"cron_worker_user": users[0]}
    if ini := differences(host.part("php").get("cli_ini") or {}, debian13.PHP_CLI):
        settings["cron_worker_ini"] = ini
    if more := extensions(host):
        settings["cron_worker_php_extensions"] = [*debian13.ROLE_EXTENSIONS, *more]
    return settings
