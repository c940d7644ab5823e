# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP per SAPI and pool: what differs from PHP's built-in values, as PHP itself reports it."""

from __future__ import annotations

import re
from typing import Any

from .wire import Section, number

POOL_VALUE = re.compile(r"(php_(?:admin_)?(?:value|flag))\[([^\]]+)\]")
NOTHING = "no value"
OPCACHE = ("enable", "validate_timestamps", "revalidate_freq", "revalidate_path", "use_cwd", "memory_consumption", "max_accelerated_files",
           "interned_strings_buffer", "preload", "file_cache")  # fmt: skip
# What the command line decides itself, whatever an ini file says: unknown of PHP inside of Apache, which is asked that way.
CLI_OWN = {"display_errors", "html_errors", "implicit_flush", "max_execution_time", "max_input_time", "output_buffering", "register_argc_argv"}
OTHERS = ("fpm2", "fpm3", "fpm4", "fpm5", "apache")
COUNTERS = {"active processes": "active", "idle processes": "idle", "max active processes": "max_active", "max children reached": "limit_reached",
            "max listen queue": "max_queue", "slow requests": "slow"}  # fmt: skip


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
        "opcache": _opcache(section, sapi),
        "others": [_other(section, name) for name in OTHERS if f"{name}_effective" in section.blocks],
    }
    status = _status(section)
    for pool in answer["pools"]:
        pool["version"] = pool["version"] or answer["version"]
        pool["status"] = status.get(pool["name"])
    for name, key in (("fpm", "ini"), ("cli", "cli_ini")):
        if f"{name}_effective" in section.blocks:
            answer[key] = _differences(section, name)
        else:
            answer[key] = {}
    return answer


def _other(section: Section, name: str) -> dict[str, Any]:
    """Another version of FPM, or PHP inside of Apache."""
    version = re.search(r"PHP (\d+\.\d+)(\.\d+)?", section.first(f"{name}_version"))
    ini = _differences(section, name)
    return {
        "sapi": "apache" if name == "apache" else "fpm",
        "version": version[1] if version else "",
        "release": version[0].removeprefix("PHP ") if version else "",
        "extensions": _extensions(section, name),
        "ini": {key: value for key, value in ini.items() if name != "apache" or key not in CLI_OWN},
        "opcache": _opcache(section, name),
    }


def _opcache(section: Section, sapi: str) -> dict[str, str]:
    """What is in force, set or not; empty without the extension."""
    effective = _directives(section.blocks.get(f"{sapi}_effective", []))
    return {name: effective[f"opcache.{name}"] for name in OPCACHE if f"opcache.{name}" in effective}


def _status(section: Section) -> dict[str, dict[str, int]]:
    """FPM's status page: since the pool was started. By pool."""
    found: dict[str, dict[str, int]] = {}
    pool = ""
    for line in section.blocks.get("status", []):
        name, _, value = line.partition(":")
        if name.strip() == "pool":
            pool = value.strip()
        elif pool and name.strip() in COUNTERS and (count := number(value)) is not None:
            found.setdefault(pool, {})[COUNTERS[name.strip()]] = count
    return found


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
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path, lines in section.files.items():
        pool: dict[str, Any] | None = None
        of = re.search(r"/php-?/?(\d)\.?(\d{1,2})/", path, re.ASCII)
        version = f"{of[1]}.{of[2]}" if of else ""
        for line in lines:
            text = re.sub(r"^\s*[;#].*|\s+;.*$", "", line).strip()
            head = re.fullmatch(r"\[([^\]]+)\]", text)
            if head:
                pool = None
                if head[1] != "global":
                    fresh: dict[str, Any] = {"name": head[1], "file": path, "version": version, "pm": {}, "ini": {}}
                    pool = found.setdefault((version, head[1]), {**fresh, "user": "", "group": "", "listen": ""})
            elif pool is not None and "=" in text:
                name, _, value = text.partition("=")
                _pool_line(pool, name.strip(), value.strip())
    for pool in found.values():
        for word in ("user", "group", "listen"):
            pool[word] = pool[word].replace("$pool", pool["name"])
        pool["group"] = pool["group"] or pool["user"]
    return sorted(found.values(), key=lambda row: (row["name"], row["version"]))


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
