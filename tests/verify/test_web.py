# SPDX-License-Identifier: GPL-3.0-or-later
"""The web servers: service, configuration, PHP as the application knew it, and every file."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Estate
from testinfra.host import Host

KINDS = ("http",)


def php(host: Host) -> str:
    return str(host.check_output("ls /usr/sbin/ | grep '^php-fpm[0-9]' | sort -V | tail -n 1"))


@pytest.mark.control(id="web-service", title="nginx and PHP-FPM run, start at boot, and their configuration is valid", severity="critical")
def test_service(new: Host) -> None:
    fpm = new.check_output("systemctl list-units --plain --no-legend 'php*-fpm.service' | cut -d' ' -f1")
    assert fpm, "no PHP-FPM service runs"
    for name in ("nginx", fpm.removesuffix(".service")):
        assert new.service(name).is_running, name
        assert new.service(name).is_enabled, name
    assert new.run("nginx -t").rc == 0
    assert new.socket("tcp://0.0.0.0:80").is_listening


@pytest.mark.control(id="web-php-settings", title="Every pool has the PHP settings that the application knew", severity="critical")
def test_php_settings(new: Host, estate: Estate, move: dict[str, Any]) -> None:
    pools = estate.guest(move["to"])["settings"]["web_php_pools"]
    assert pools
    dump = new.check_output("%s -tt 2>&1", php(new))
    for pool in pools:
        section = dump.split(f"[{pool['name']}]", 1)[1].split("\n\n", 1)[0] if f"[{pool['name']}]" in dump else ""
        assert f"user = {pool['user']}" in section, f"pool {pool['name']} runs as another user"
        for name, value in pool.get("ini", {}).items():
            flag = {"on": "1", "off": "0", "true": "1", "false": "0"}.get(str(value).lower(), str(value))
            known = {f"[{name}] = {value}", f"[{name}] = {flag}"}
            assert any(entry in section for entry in known), f"pool {pool['name']}: {name} is not {value}"


@pytest.mark.control(id="web-extensions", title="Every PHP extension of the old side is loaded on the new one", severity="critical")
def test_extensions(old: Host, new: Host) -> None:
    gone_since = {
        "json",
        "sodium",
        "ftp",
        "wddx",
        "xmlrpc",
        "calendar",
        "exif",
        "ffi",
        "gettext",
        "posix",
        "shmop",
        "sockets",
        "sysvmsg",
        "sysvsem",
        "sysvshm",
    }
    before, after = ({line.strip().lower() for line in host.check_output("%s -m", php(host)).splitlines()} for host in (old, new))
    assert before
    missing = {name for name in before - after - gone_since if not name.startswith("[") and name}
    assert not missing, f"missing on the new side: {sorted(missing)}"


@pytest.mark.control(id="web-answers", title="The application answers on the new server and names it", severity="critical")
def test_answers(new: Host, estate: Estate, move: dict[str, Any]) -> None:
    vhosts = estate.guest(move["to"])["settings"]["web_php_vhosts"]
    assert vhosts
    for vhost in vhosts:
        for name in vhost["server_names"]:
            status = new.check_output("curl -s -o /dev/null -m 5 -w %%{http_code} -H Host:%s http://127.0.0.1/", name)
            assert status in {"200", "301", "302"}, f"{name}: {status}"


@pytest.mark.control(id="web-old-idle", title="The old web server gets no requests any more", severity="critical")
def test_old_is_idle(old: Host, estate: Estate, move: dict[str, Any]) -> None:
    sockets = old.check_output("ss -Htn state established '( sport = :80 )'")
    assert sockets == "", sockets
