# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers and what runs behind them: each surprise fires, and what only looks like one stays silent."""

from __future__ import annotations

import copy
from typing import Any

from ..cases import assessed, check, inside, quiet, section, silent
from ..estates import concerns

VHOST = ("web1", "nginx", "vhosts", 0)
ROOT = "/srv/web1/current/www"
OTHER = {"sapi": "fpm", "version": "5.6", "release": "5.6.40", "extensions": [], "ini": {}, "opcache": {}}


def linked(target: str) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        surveys["web1"]["nginx"]["vhosts"][0] |= {"root": ROOT, "root_target": target}

    return change


def two_pools(surveys: dict[str, dict[str, Any]]) -> None:
    php = surveys["web1"]["php"]
    php["others"] = [OTHER]
    php["pools"].append({**copy.deepcopy(php["pools"][0]), "version": "5.6"})


def apache(*htaccess: dict[str, Any]) -> dict[str, Any]:
    return {"version": "2.4.62", "running": False, "mpm": "prefork", "modules": [], "listen": [],
            "user": None, "vhosts": [], "htaccess": list(htaccess)}  # fmt: skip


def node(version: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"exe": "/usr/bin/node", "version": version, "script": "/srv/app/app.js", "cwd": "/srv/app", "uid": 0, "env": [],
                           "package": None, "package_name": "shop", "package_version": None, "engines": ">=14", "processes": 2}  # fmt: skip
    return {"version": version or "", "processes": [row]}


def pm2(*names: str, home: str = "/home/app/.pm2") -> dict[str, Any]:
    rows = [{"name": name, "file": "/home/app/.pm2/dump.pm2", "instances": 1, "script": "/srv/app.js", "cwd": None, "mode": None, "user": None,
             "interpreter": None, "node_version": None, "cron_restart": None} for name in names]  # fmt: skip
    return {"version": "5.3.0", "daemons": [{"version": "5.3.0", "home": home}] if home else [], "apps": rows}


CONTAINER = {"name": "shop", "image": "nginx:1.21", "state": "running", "restart": "no", "network": "bridge", "project": None,
             "ports": [{"address": "0.0.0.0", "port": 8080, "container_port": "80/tcp"}],  # noqa: S104 - what Docker says
             "mounts": [{"type": "bind", "source": "/srv/shop", "target": "/data"}]}  # fmt: skip

CASES: list[tuple[str, Any, str, bool]] = [
    ("release-link", linked("/opt/releases/7/www"), "critical", False),
    ("release-link", linked("/srv/web1/current/releases/7"), "info", True),
    ("opcache-timestamps", inside("web1", "php", "opcache", value={"validate_timestamps": "Off"}), "warning", False),
    ("opcache-timestamps", inside("web1", "php", "ini", value={"opcache.revalidate_freq": "3600"}), "warning", False),
    ("several-php-versions", inside("web1", "php", "others", value=[OTHER]), "warning", False),
    ("several-php-versions", two_pools, "critical", False),
    ("htaccess-rules", section("web1", "apache", apache({"file": "/srv/web1/.htaccess", "directives": 9, "rewrites": 2})), "warning", False),
    ("node-version", section("web1", "nodejs", node("14.21.3")), "warning", False),
    ("pm2-applications", section("web1", "pm2", pm2("api")), "warning", False),
    ("pm2-applications", section("web1", "pm2", pm2()), "warning", False),
    ("containers", section("web1", "docker", {"engine": "docker", "version": "20.10", "containers": [CONTAINER]}), "warning", False),
]  # fmt: skip
SILENT: list[tuple[str, Any]] = [
    ("release-link", linked("")),
    ("opcache-timestamps", inside("web1", "php", "opcache", value={"validate_timestamps": "On", "revalidate_freq": "2"})),
    ("opcache-timestamps", inside("web1", "php", "opcache", value={"validate_timestamps": "Off", "enable": "0"})),
    ("several-php-versions", inside("web1", "php", "others", value=[])),
    ("htaccess-rules", section("web1", "apache", apache())),
    ("node-version", section("web1", "nodejs", node("20.9.0"))),
    ("node-version", section("web1", "nodejs", node(None))),
    ("pm2-applications", section("web1", "pm2", pm2(home=""))),
    ("containers", section("web1", "docker", {"engine": "docker", "version": "20.10", "containers": []})),
]

test_it_speaks = check(CASES, hosts={"web1"})
test_it_is_silent = silent(SILENT)


def after(change: Any, name: str) -> list[dict[str, Any]]:
    surveys = quiet()
    change(surveys)
    return concerns(assessed(surveys), name)
