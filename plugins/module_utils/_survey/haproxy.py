# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy: frontends and backends with their servers."""

from __future__ import annotations

import re
from typing import Any

from .wire import Section, UnseenError, number

SECTIONS = {"global", "defaults", "frontend", "backend", "listen", "peers", "resolvers", "userlist", "cache", "program", "mailers", "ring"}
SERVER = re.compile(r"(?:ipv[46]@|tcp[46]?@)?(?P<address>.*?)(?::(?P<port>[0-9]{1,5}))?$")


def survey(section: Section) -> dict[str, Any] | None:
    """Version, frontends and backends, or None without HAProxy. A ``listen`` section is both."""
    if section.absent:
        return None
    if not section.files:
        raise UnseenError(section.unseen[0] if section.unseen else "its configuration was not found")
    frontends: dict[str, dict[str, Any]] = {}
    backends: dict[str, dict[str, Any]] = {}
    front: dict[str, Any] | None = None
    back: dict[str, Any] | None = None
    for words in _lines(section):
        if words[0] in SECTIONS:
            front = back = None
            name = words[1] if len(words) > 1 else ""
            if words[0] in ("frontend", "listen"):
                front = frontends.setdefault(name, {"name": name, "binds": [], "default_backend": name if words[0] == "listen" else None})
            if words[0] in ("backend", "listen"):
                back = backends.setdefault(name, {"name": name, "servers": []})
        elif words[0] == "bind" and front is not None:
            front["binds"] += words[1].split(",") if len(words) > 1 else []
        elif words[0] == "default_backend" and front is not None and len(words) > 1:
            front["default_backend"] = words[1]
        elif words[0] == "server" and back is not None and len(words) > 2:
            match = SERVER.fullmatch(words[2])
            port = number(match["port"] or "") if match else None
            back["servers"].append({"name": words[1], "address": match["address"] if match else words[2], "port": port})
    version = re.search(r"version (\d[\w.]*)", section.first("version"))
    return {"version": version[1] if version else "", "frontends": list(frontends.values()), "backends": list(backends.values())}


def _lines(section: Section) -> list[list[str]]:
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
