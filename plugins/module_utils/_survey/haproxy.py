# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: frontends and backends with their servers, what sticks, what is checked, what speaks TLS, and when names are resolved."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from .wire import Section, UnseenError, number

SECTIONS = {"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "cache", "program", "mailers", "ring"}
SERVER = re.compile(r"(?:ipv[46]@|tcp[46]?@)?(?P<address>.*?)(?::(?P<port>[0-9]{1,5}))?$")
# What a proxy takes over from the defaults before it.
INHERITED = ("mode", "balance", "retries", "option", "timeout", "cookie", "default-server")
GLOBAL = {"maxconn", "nbthread", "nbproc", "ssl-default-bind-ciphers", "ssl-default-bind-ciphersuites", "ssl-default-bind-options",
          "ssl-default-server-ciphers", "ssl-default-server-ciphersuites", "ssl-default-server-options", "ssl-server-verify", "ssl-dh-param-file",
          "tune.ssl.default-dh-param", "ca-base", "crt-base"}  # fmt: skip

Lines = list[list[str]]


def survey(section: Section) -> dict[str, Any] | None:
    """Version, frontends and backends, or None without HAProxy. A ``listen`` section is both."""
    if section.absent:
        return None
    if not section.files:
        raise UnseenError(section.unseen[0] if section.unseen else "its configuration was not found")
    frontends: dict[str, dict[str, Any]] = {}
    backends: dict[str, dict[str, Any]] = {}
    globals_: dict[str, str] = {}
    resolvers: list[dict[str, Any]] = []
    for kind, name, inherited, lines in _proxies(_lines(section)):
        if kind in ("frontend", "listen"):
            front = _frontend(name, inherited, lines)
            front["default_backend"] = name if kind == "listen" else front["default_backend"]
            frontends.setdefault(name, front)
        if kind in ("backend", "listen"):
            backends.setdefault(name, _backend(name, inherited, lines))
        if kind == "global":
            globals_ |= {words[0]: " ".join(words[1:]) for words in lines if words[0] in GLOBAL}
        if kind == "resolvers":
            servers = sorted(words[-1] for words in lines if words[0] in ("nameserver", "parse-resolv-conf"))
            resolvers.append({"name": name, "nameservers": servers, "hold_valid": _last(lines, "hold", "valid")})
    version = re.search(r"version (\d[\w.]*)", section.first("version"))
    return {
        "version": version[1] if version else "",
        "global": globals_,
        "resolvers": resolvers,
        "frontends": list(frontends.values()),
        "backends": list(backends.values()),
    }


def _proxies(lines: Lines) -> Iterator[tuple[str, str, Lines, Lines]]:
    """Each section: kind, name, what it takes over, own lines. ``defaults`` count for what follows, named ones where they are asked for."""
    named: dict[str, Lines] = {}
    current: Lines = []
    found: list[tuple[str, str, Lines, Lines]] = []
    for words in lines:
        if words[0] not in SECTIONS:
            if found:
                found[-1][3].append(words)
            continue
        name = words[1] if len(words) > 1 and words[1] != "from" else ""
        base = named.get(words[words.index("from") + 1], current) if "from" in words[:-1] else current
        own: Lines = [*base] if words[0] == "defaults" and "from" in words else []
        found.append((words[0], name, base, own))
        if words[0] == "defaults":
            current = named[name] = own
    yield from found


def _last(lines: Lines, *names: str) -> str | None:
    """What follows these words in the last line that begins with them."""
    rows = [words for words in lines if tuple(words[: len(names)]) == names and len(words) > len(names)]
    return " ".join(rows[-1][len(names) :]) if rows else None


def _common(inherited: Lines, lines: Lines) -> tuple[Lines, dict[str, Any]]:
    every = [*(words for words in inherited if words[0] in INHERITED), *lines]
    timeouts = {words[1]: words[2] for words in every if words[0] == "timeout" and len(words) > 2}
    return every, {"mode": _last(every, "mode") or "tcp", "timeouts": dict(sorted(timeouts.items()))}


def _frontend(name: str, inherited: Lines, lines: Lines) -> dict[str, Any]:
    _, common = _common(inherited, lines)
    binds: list[str] = []
    tls = []
    for words in lines:
        if words[0] == "bind" and len(words) > 1:
            binds += words[1].split(",")
            if "ssl" in words[2:]:
                tls.append(_tls(words[1], words[2:]))
    return {"name": name, "binds": binds, "default_backend": (_last(lines, "default_backend") or "").split(" ")[0] or None, "tls": tls, **common}


def _tls(address: str, words: list[str]) -> dict[str, Any]:
    versions = [word for word in words if re.fullmatch(r"force-(sslv3|tlsv1[0-3])|no-tlsv1[0-3]|no-sslv3", word)]
    return {
        "address": address,
        "certificates": [after for word, after in itertools.pairwise(words) if word in ("crt", "crt-list")],
        "min_version": _after(words, "ssl-min-ver"),
        "versions": sorted(versions),
        "ciphers": _after(words, "ciphers"),
        "ca_file": _after(words, "ca-file"),
        "verify": _after(words, "verify"),
        "alpn": _after(words, "alpn"),
    }


def _after(words: list[str], name: str) -> str | None:
    return words[words.index(name) + 1] if name in words[:-1] else None


def _backend(name: str, inherited: Lines, lines: Lines) -> dict[str, Any]:
    every, common = _common(inherited, lines)
    usual = [word for words in every if words[0] == "default-server" for word in words[1:]]
    retries = number(_last(every, "retries") or "")
    return {
        "name": name,
        "balance": _last(every, "balance"),
        "cookie": _last(every, "cookie"),
        "stick": [" ".join(words) for words in lines if words[0] in ("stick", "stick-table")],
        "retries": 3 if retries is None else retries,
        "health": _health(every),
        "servers": [_server(words, usual) for words in lines if words[0] in ("server", "server-template") and len(words) > 2],
        **common,
    }


def _health(lines: Lines) -> str | None:
    """``option httpchk …``, and the like."""
    rows = [words for words in lines if words[0] == "option" and len(words) > 1 and words[1].endswith(("chk", "-check"))]
    return " ".join(rows[-1][1:]) if rows else None


def _server(words: list[str], usual: list[str]) -> dict[str, Any]:
    """``server-template web 3 app.example:80`` has a number before its address."""
    at = 3 if words[0] == "server-template" and len(words) > 3 else 2
    match = SERVER.fullmatch(words[at])
    options = [*usual, *words[at + 1 :]]
    return {
        "name": words[1],
        "address": match["address"] if match else words[at],
        "port": number(match["port"] or "") if match else None,
        "check": _switch(options, "check", "no-check"),
        "backup": "backup" in options,
        "cookie": _after(words, "cookie"),
        "resolvers": _after(options, "resolvers"),
        "tls": _switch(options, "ssl", "no-ssl"),
        "verify": _after(options, "verify"),
        "ca_file": _after(options, "ca-file"),
        "certificate": _after(options, "crt"),
    }


def _switch(options: list[str], on: str, off: str) -> bool:
    words = [word for word in options if word in (on, off)]
    return bool(words) and words[-1] == on


def _lines(section: Section) -> Lines:
    """Words of every line, without comments; quotes and backslashes keep a blank inside a word."""
    found = []
    for lines in section.files.values():
        for line in lines:
            words = re.findall(r"""(?:"[^"]*"|'[^']*'|\\.|[^\s#"'\\])+|#.*""", line)
            kept = []
            for word in words:
                if word.startswith("#"):
                    break
                kept.append(word)
            if kept:
                found.append(kept)
    return found
