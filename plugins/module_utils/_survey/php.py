# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP per SAPI and pool: what differs from PHP's built-in values, as PHP itself reports it."""

from __future__ import annotations

import re
from typing import Any

from .wire import Section

POOL_VALUE = re.compile(r"(php_(?:admin_)?(?:value|flag))\[([^\]]+)\]")
NOTHING = "no value"


def survey(section: Section) -> dict[str, Any] | None:
    """Version, extensions, ini of FPM and of the command line, and pools; None without PHP."""
    if section.absent:
        return None
    sapi = "fpm" if "fpm_effective" in section.blocks else "cli"
    version = re.search(r"PHP (\d+\.\d+)(\.\d+)?", section.first(f"{sapi}_version"))
    answer: dict[str, Any] = {
        "version": version[1] if version else "",
        "release": version[0].removeprefix("PHP ") if version else "",
        "sapis": [name for name in ("cli", "fpm") if f"{name}_effective" in section.blocks],
        "extensions": _extensions(section, sapi),
        "pools": pools(section),
    }
    for name, key in (("fpm", "ini"), ("cli", "cli_ini")):
        if f"{name}_effective" in section.blocks:
            answer[key] = _differences(section, name)
        else:
            answer[key] = {}
    return answer


def _extensions(section: Section, sapi: str) -> list[str]:
    return sorted({line.strip().lower() for line in section.lines(f"{sapi}_extensions") if not line.startswith("[")})


def _differences(section: Section, sapi: str) -> dict[str, str]:
    """Values other than the built-in ones, and those that somebody set: a set value that equals PHP's own may still differ from the new side's."""
    built_in, effective = _directives(section.lines(f"{sapi}_built_in")), _directives(section.lines(f"{sapi}_effective"))
    named = {line.strip() for line in section.blocks.get(f"{sapi}_set", [])}
    return {name: value for name, value in sorted(effective.items()) if name in named or value != built_in.get(name, value)}


def _directives(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        match = re.match(r"([a-z][\w.]*) => .* => (.*)$", line, re.ASCII)
        if match:
            found[match[1]] = "" if match[2] == NOTHING else match[2]
    return found


def pools(section: Section) -> list[dict[str, Any]]:
    """FPM pools; ``[global]`` is none."""
    found: dict[str, dict[str, Any]] = {}
    for path, lines in section.files.items():
        pool: dict[str, Any] | None = None
        for line in lines:
            text = re.sub(r"^\s*[;#].*|\s+;.*$", "", line).strip()
            head = re.fullmatch(r"\[([^\]]+)\]", text)
            if head:
                pool = None
                if head[1] != "global":
                    pool = found.setdefault(head[1], {"name": head[1], "user": "", "group": "", "listen": "", "file": path, "pm": {}, "ini": {}})
            elif pool is not None and "=" in text:
                name, _, value = text.partition("=")
                _pool_line(pool, name.strip(), value.strip())
    for pool in found.values():
        for word in ("user", "group", "listen"):
            pool[word] = pool[word].replace("$pool", pool["name"])
        pool["group"] = pool["group"] or pool["user"]
    return [found[name] for name in sorted(found)]


def _pool_line(pool: dict[str, Any], name: str, value: str) -> None:
    quoted = re.fullmatch(r"\"([^\"]*)\"|'([^']*)'", value)
    value = (quoted[1] or quoted[2] or "") if quoted else value
    setting = POOL_VALUE.fullmatch(name)
    if setting:
        pool["ini"][setting[2]] = value
    elif name in ("user", "group", "listen"):
        pool[name] = value
    elif name == "pm" or name.startswith("pm."):
        pool["pm"][name] = value
