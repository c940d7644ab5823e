# SPDX-License-Identifier: GPL-3.0-or-later
"""Every detector speaks when it should, is silent when it should, and says whether the plan cures it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning.plan import blocking

from .cases import added, assessed, check, inside, quiet, section, silent
from .estates import LAB, bare, concerns, haproxy, job, lab_surveys, plan, web


def test_a_quiet_estate_has_no_concern() -> None:
    """But for one that the plan cures: sessions are not files here, and PHP's own default is files."""
    rows = assessed(quiet(), legacy_facts={host: {"watts": 1, "rack_units": 1} for host in quiet()})["concerns"]
    assert [(row["id"], row["old"], row["applied"]) for row in rows] == [("php-ini-difference", "session.save_handler = redis", True)]


NGINX = ("web1", "nginx", "vhosts", 0)
POOL = ("web1", "php", "pools", 0)
LISTEN = {"protocol": "tcp", "address": "::", "port": 4711, "process": "ledgerd", "unit": "ledgerd.service"}
RABBIT = {"protocol": "tcp", "address": "::", "port": 5672, "process": "beam.smp", "unit": "rabbitmq-server.service"}
UNKNOWN_EXE = {"exe": "/usr/local/bin/x", "unit": None, "user": "root", "deleted": True}

# id of the concern, the change that causes it, its severity, and whether the plan cures it
CASES: list[tuple[str, Any, str, bool]] = [
    ("no-mover", section("db1", "listening", [RABBIT]), "critical", False),
    ("no-edge", inside("edge1", "haproxy", "backends", 0, "servers", 0, "port", value=8080), "critical", False),
    ("several-servers", inside("edge1", "haproxy", "backends", 0, "servers", value=[
        {"name": "web1", "address": "10.77.0.12", "port": 80}, {"name": "web2", "address": "10.77.0.14", "port": 80}]), "warning", False),
    ("several-edges", added("edge2", 40, addresses=["10.77.0.10/24"], **haproxy(("web1", 12))), "critical", False),
    ("public-address", section("edge1", "addresses", ["10.77.0.11/24"]), "critical", False),
    ("tls-vhost", inside(*NGINX, "listen", value=["80", "443 ssl"]), "critical", False),
    ("proxy-vhost", inside("web1", "nginx", "vhosts", value=[{"name": "api", "root": None, "proxy_pass": "http://127.0.0.1:3000", "listen": ["80"]},
                                                            web("web1")["nginx"]["vhosts"][0]]), "critical", False),
    ("vhost-without-pool", inside(*NGINX, "fastcgi_pass", value="unix:/run/php/other.sock"), "critical", False),
    ("vhost-without-pool", section("web1", "php", None), "critical", False),
    ("pool-owner", inside(*POOL, "user", value="ldapuser"), "critical", False),
    ("pool-owner", inside(*POOL, "group", value="editors"), "critical", False),
    ("php-version", inside("web1", "php", "version", value="7.4"), "warning", False),
    ("php-ini-difference", inside("web1", "php", "ini", value={"short_open_tag": "On"}), "critical", True),
    ("php-cli-difference", lambda surveys: (inside("web1", "php", "cli_ini", value={"memory_limit": "64M"})(surveys),
                                            section("web1", "cron", [job("app", "php /srv/web1/a.php")])(surveys)), "warning", True),
    ("php-setting-gone", inside("web1", "php", "ini", value={"track_errors": "On"}), "warning", False),
    ("php-setting-gone", inside("web1", "php", "ini", value={"made.up": "1"}), "warning", False),
    ("php-extension", inside("web1", "php", "extensions", value=["mcrypt"]), "critical", False),
    ("sessions-on-disk", inside(*POOL, "ini", value={}), "critical", True),
]  # fmt: skip

# What looks like it and is harmless.
SILENT: list[tuple[str, Any]] = [
    ("no-mover", section("db1", "listening", [{**RABBIT, "process": "mariadbd", "unit": "mariadb.service", "port": 3306}])),
    ("no-edge", inside("edge1", "haproxy", "backends", 0, "servers", 0, "name", value="renamed")),
    ("several-servers", inside("edge1", "haproxy", "backends", 0, "servers", 0, "name", value="other")),
    ("several-edges", section("web1", "haproxy", None)),
    ("public-address", section("edge1", "addresses", ["10.77.0.10/24", "10.77.0.11/24"])),
    ("tls-vhost", inside(*NGINX, "listen", value=["80", "[::]:80"])),
    ("proxy-vhost", inside(*NGINX, "name", value="renamed")),
    ("vhost-without-pool", inside(*POOL, "name", value="renamed")),
    ("pool-owner", inside("web1", "users", 0, "shell", value="/usr/sbin/nologin")),
    ("php-version", inside("web1", "php", "version", value="8.4")),
    ("php-ini-difference", inside("web1", "php", "pools", 0, "ini", value={"session.save_handler": "files", "memory_limit": "128M"})),
    ("php-cli-difference", inside("web1", "php", "cli_ini", value={"memory_limit": "64M"})),  # nobody runs jobs there
    ("php-setting-gone", inside("web1", "php", "ini", value={"memory_limit": "128M"})),
    ("php-extension", inside("web1", "php", "extensions", value=["mbstring", "redis"])),
    ("sessions-on-disk", inside(*POOL, "ini", value={"session.save_handler": "memcached"})),
]  # fmt: skip

test_a_detector_speaks = check(CASES)
test_a_detector_is_silent = silent(SILENT)


def link(surveys: dict[str, dict[str, Any]], source: str, process: str, number: int, port: int) -> None:
    row = {"local_address": "", "local_port": 40000, "peer_address": f"10.77.0.{number}", "peer_port": port, "process": process, "unit": None}
    surveys[source]["connections"].append(row)


def test_a_database_that_calls_the_web_server() -> None:
    surveys = quiet()
    link(surveys, "db1", "mariadbd", 12, 80)
    assert [row["service"] for row in concerns(assessed(surveys), "dependency-against-order")] == ["mariadb@db1"]


def test_web_servers_that_need_each_other() -> None:
    surveys = quiet() | {"web2": bare("web2", 14, **web("web2"))}
    link(surveys, "web1", "php-fpm8.4", 14, 80)
    link(surveys, "web2", "php-fpm8.4", 12, 80)
    found = assessed(surveys)
    assert len(concerns(found, "dependency-ring")) == 1
    assert len({move["wave"] for move in found["moves"] if move["kind"] == "http"}) == 1


def test_system_programs_and_the_services_own_sockets_are_no_strangers() -> None:
    surveys = quiet()
    rows = [("sshd", "ssh.service"), ("systemd-resolve", "systemd-resolved.service"), ("mariadbd", "mariadb.service"), ("chronyd", "chrony.service")]
    surveys["db1"]["listening"] = [{"protocol": "tcp", "address": "::", "port": 1, "process": process, "unit": unit} for process, unit in rows]
    assert concerns(assessed(surveys), "unknown-service") == []


def test_a_program_of_a_kind_that_the_host_does_not_have_is_a_stranger() -> None:
    """nginx runs, but its section could not be read: it must not pass as covered."""
    surveys = quiet()
    surveys["db1"]["listening"] = [{"protocol": "tcp", "address": "::", "port": 80, "process": "nginx", "unit": "nginx.service"}]
    assert len(concerns(assessed(surveys), "unknown-service")) == 1


def test_what_is_not_dropped_blocks() -> None:
    names = [row["id"] for row in blocking(plan(dropped_services=[]))]
    assert names == ["unknown-service"]
    assert blocking(plan()) == []


WAIVER = {"id": "unknown-service", "host": "web1", "reason": "moved by hand", "approver": "head of operations", "expires": "2026-12-01"}


def test_a_waiver_counts_for_its_concern_and_host() -> None:
    found = plan(dropped_services=[], waivers=[WAIVER])
    assert blocking(found) == []
    assert concerns(found, "unknown-service")[0]["waived"] == {"reason": "moved by hand", "approver": "head of operations", "expires": "2026-12-01"}


@pytest.mark.parametrize(
    "change",
    [{"expires": "2026-11-23"}, {"expires": "soon"}, {"expires": None}, {"approver": " "}, {"reason": ""}, {"host": "db1"}, {"id": "unknown"}],
)
def test_other_waivers_do_not_count(change: dict[str, Any]) -> None:
    assert blocking(plan(dropped_services=[], waivers=[{**WAIVER, **change}]))


def test_a_waiver_holds_until_the_end_of_its_day() -> None:
    assert blocking(plan(dropped_services=[], waivers=[{**WAIVER, "expires": "2026-11-24"}])) == []


def test_an_ambiguous_address_is_not_rewritten_and_not_called_cured() -> None:
    surveys = lab_surveys()
    surveys["db1"]["redis"] = {"version": "6.0.16", "config": {"port": "6379"}, "keys": {}, "used_memory_mib": 1}
    found = plan(surveys, dropped_services=LAB["dropped_services"])
    files = next(move for move in found["moves"] if move["id"] == "files")
    assert files["parameters"]["rewrite"] == [{"file": "/srv/community/config.php", "replace": {"10.77.0.14": "10.77.0.104"}}]
    row = next(row for row in concerns(found, "hard-coded-address") if row["service"] == "files@web1")
    assert (row["severity"], row["applied"]) == ("warning", False)
