# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees that belong to a web application: document roots with the code beside them, and sessions on disk."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .model import LegacyHost

# Folders that applications share: never one application's tree.
SHARED = frozenset({"/", "/etc", "/home", "/mnt", "/opt", "/srv", "/usr", "/usr/local", "/usr/share", "/var", "/var/lib", "/var/www", "/data"})
SYSTEM = re.compile(r"/(etc|usr(?!/local)|bin|sbin|lib|proc|sys|dev|run)(/|$)")
PASSING = re.compile(r"/(tmp|var/(log|tmp|lock|run))(/|$)")
# A document root of such a name lies inside of its application.
PUBLIC = frozenset({"htdocs", "html", "httpdocs", "public", "public_html", "web", "webroot", "www"})
SESSIONS = "/var/lib/php/sessions"  # Debian's own
SCRIPT = re.compile(r"(?<![\w/.:-])(/[\w.+-][\w.+/-]*)")


def of(host: LegacyHost) -> list[str]:
    """The trees that move with a host's web application, sorted, none inside another."""
    roots = {str(vhost["root"]).rstrip("/") for vhost in host.part("nginx").get("vhosts") or () if vhost.get("root")}
    near = {posixpath.dirname(path) for path in [*literal_files(host), *scripts(host)]}
    applications = _merge(roots | {folder for folder in near if any(_application(folder, root) for root in roots)})
    moved = [_above(tree) if tree in roots else tree for tree in applications]
    return outermost([*moved, *session_paths(host)])


def _application(folder: str, root: str) -> bool:
    common = posixpath.commonpath([folder, root])
    return common not in SHARED and common.count("/") > 1


def _above(root: str) -> str:
    parent = posixpath.dirname(root)
    return parent if posixpath.basename(root) in PUBLIC and parent not in SHARED else root


def _merge(folders: Iterable[str]) -> list[str]:
    """Folders joined to their common parent as long as that belongs to one application."""
    trees = sorted(set(folders))
    merged = True
    while merged:
        merged = False
        for first in trees:
            partner = next((other for other in trees if other != first and _application(first, other)), None)
            if partner:
                trees = sorted({posixpath.commonpath([first, partner]), *(set(trees) - {first, partner})})
                merged = True
                break
    return trees


def outermost(paths: Iterable[str]) -> list[str]:
    found = sorted({path.rstrip("/") for path in paths if path})
    return [path for path in found if not any(path != other and inside(path, other) for other in found)]


def inside(path: str, tree: str) -> bool:
    return path == tree or path.startswith(tree.rstrip("/") + "/")


def meet(one: str, other: str) -> bool:
    """Whether one lies in the other, or both are the same."""
    return inside(one, other) or inside(other, one)


def session_paths(host: LegacyHost) -> dict[str, list[str]]:
    """Folders with sessions on disk, each with the pools that use it."""
    found: dict[str, list[str]] = {}
    php = host.part("php")
    for pool in php.get("pools") or ():
        if effective(php, pool, "session.save_handler", "files") == "files":
            path = effective(php, pool, "session.save_path", SESSIONS).split(";")[-1].rstrip("/") or SESSIONS
            found.setdefault(path, []).append(str(pool["name"]))
    return {path: sorted(pools) for path, pools in sorted(found.items())}


def effective(php: Mapping[str, Any], pool: Mapping[str, Any], name: str, default: str) -> str:
    """A PHP setting as a pool sees it: its own value, else php.ini's, else the default. Without quotes."""
    value = (pool.get("ini") or {}).get(name, (php.get("ini") or {}).get(name, default))
    return str(value).strip().strip("\"'") or default


def literal_files(host: LegacyHost) -> list[str]:
    """Files outside of the system's folders that hold an address."""
    return sorted({str(row["file"]) for row in host.rows("literal_addresses") if not SYSTEM.match(str(row["file"]))})


def scripts(host: LegacyHost) -> list[str]:
    """Paths in the commands of people's crontabs, outside of the system's folders."""
    commands = [str(row.get("command") or "") for row in host.rows("cron") if row.get("spool")]
    return sorted({path for command in commands for path in script_paths(command)})


def script_paths(command: str) -> list[str]:
    """Absolute paths of programs and scripts in a command line, without redirections and the system's own programs."""
    cut = re.sub(r"\d?>>?\s*\S+", " ", command)
    return [path for path in SCRIPT.findall(cut) if path.count("/") > 1 and not SYSTEM.match(path) and not PASSING.match(path)]


def code_paths(host: LegacyHost, command: str) -> list[str]:
    """Trees that a cron job needs: the application's that holds its script, else the script's own folder."""
    known = of(host) if host.part("nginx") else []
    found = []
    for path in script_paths(command):
        home = next((tree for tree in known if inside(path, tree)), None)
        folder = posixpath.dirname(path)
        found.append(home or (path if folder in SHARED or folder == "/usr/local/bin" else folder))
    return outermost(found)
