# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real legacy hosts, as they answered: everything that the plan looks for is seen."""

from __future__ import annotations

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import schema

from .helpers import HOSTS, surveyed, unrecorded


@pytest.mark.parametrize("host", HOSTS)
def test_everything_is_seen_and_the_file_is_the_same_every_time(host: str) -> None:
    survey = surveyed(host)
    assert {row["section"] for row in survey["not_assessed"]} <= set(unrecorded(host))
    assert set(schema.SECTIONS) - set(unrecorded(host)) <= set(survey)
    assert schema.dump(survey) == schema.dump(surveyed(host))
    assert schema.load(schema.dump(survey), host) == survey


def test_web1_sessions_of_one_vhost_are_on_disk() -> None:
    pools = {pool["name"]: pool for pool in surveyed("web1")["php"]["pools"]}
    assert pools["classic"]["ini"]["session.save_handler"] == "files"
    assert pools["classic"]["ini"]["session.save_path"] == "/var/lib/php/classic-sessions"
    assert pools["www"]["ini"]["session.save_handler"] == "redis"
    assert pools["www"]["pm"]["pm.max_children"] == "12"
    assert (pools["www"]["user"], pools["www"]["listen"]) == ("community", "/run/php/www.sock")


def test_web1_addresses_are_hard_coded() -> None:
    found = surveyed("web1")["literal_addresses"]
    assert {"file": "/srv/community/config.php", "line": 3, "address": "10.77.0.13"} in found
    assert {row["file"] for row in found} == {"/srv/community/config.php", "/etc/php/7.4/fpm/pool.d/www.conf"}


def test_web1_php_differs_from_what_php_brings_and_fpm_from_the_command_line() -> None:
    php = surveyed("web1")["php"]
    assert php["version"] == "7.4"
    assert (php["ini"]["short_open_tag"], php["ini"]["max_input_vars"], php["ini"]["memory_limit"]) == ("On", "5000", "192M")
    assert (php["cli_ini"]["short_open_tag"], php["cli_ini"]["memory_limit"]) == ("Off", "-1")
    assert {"pdo_mysql", "redis", "zend opcache"} <= set(php["extensions"])


def test_web1_a_table_in_a_users_spool() -> None:
    jobs = [job for job in surveyed("web1")["cron"] if job["spool"]]
    assert [(job["user"], job["schedule"], job["command"]) for job in jobs] == [("community", "* * * * *", "php /srv/community/digest.php")]


def test_web1_account_time_zone_and_unpackaged_program() -> None:
    survey = surveyed("web1")
    community = next(user for user in survey["users"] if user["name"] == "community")
    assert (community["uid"], community["gid"], community["home"]) == (1501, 1501, "/srv/community")
    assert survey["os"]["time_zone"] == "Europe/Berlin"
    assert [(row["exe"], row["unit"], row["user"]) for row in survey["unpackaged"]] == [("/usr/local/bin/notifyd", "notifyd.service", "community")]


def test_web1_vhosts_with_their_pools() -> None:
    vhosts = {vhost["name"]: vhost for vhost in surveyed("web1")["nginx"]["vhosts"]}
    assert vhosts["www"]["default"] and not vhosts["classic"]["default"]
    assert vhosts["www"]["client_max_body_size"] == "24m"
    assert vhosts["classic"]["fastcgi_pass"] == "unix:/run/php/classic.sock"
    assert vhosts["classic"]["server_names"] == ["classic.community.lab"]


def test_web1_services_with_package_and_version() -> None:
    services = {service["name"]: service for service in surveyed("web1")["services"]}
    assert (services["nginx"]["package"], services["nginx"]["version"], services["nginx"]["state"]) == ("nginx-light", "1.18.0", "running")
    assert services["notifyd"]["package"] is None and services["notifyd"]["enabled"]
    assert services["rsync"]["state"] != "running"


def test_db1_what_its_server_is_set_to() -> None:
    database = surveyed("db1")["mariadb"]
    assert database["version"] == "10.5.23"
    assert "community.audit_log" in database["without_primary_key"]
    assert database["variables"]["sql_mode"] == "NO_ENGINE_SUBSTITUTION"
    assert (database["variables"]["max_connections"], database["variables"]["log_bin"]) == ("120", "ON")
    assert not any(name.startswith("gtid_binlog") for name in database["variables"])
    assert database["engines"] == {"InnoDB": 5}
    assert database["databases"][0]["name"] == "community" and database["databases"][0]["tables"] == 5
    assert "root@localhost" in database["privileged_accounts"] and "community@%" not in database["privileged_accounts"]


def test_db1_open_files_as_its_unit_wants_and_as_its_process_has() -> None:
    service = next(service for service in surveyed("db1")["services"] if service["name"] == "mariadb")
    assert service["nofile_unit"] == 48000
    assert 0 < service["nofile"] <= 48000


def test_who_talks_to_db1_is_seen_even_after_the_connection_ended() -> None:
    found = {(row["peer_address"], row["peer_port"], row["state"]) for row in surveyed("web1")["connections"]}
    assert ("10.77.0.13", 3306, "ended") in found
    assert ("mariadbd", "mariadb.service", 3306) in {(row["process"], row["unit"], row["port"]) for row in surveyed("db1")["listening"]}


def test_cache1_and_edge1() -> None:
    cache, edge = surveyed("cache1"), surveyed("edge1")
    assert cache["redis"]["version"] == "6.0.16" and cache["redis"]["keys"]["db0"] > 0
    assert cache["redis"]["config"]["maxmemory-policy"] == "noeviction" and "requirepass" not in cache["redis"]["config"]
    assert cache["mariadb"] is None and cache["nginx"] is None
    (front,) = edge["haproxy"]["frontends"]
    assert (front["name"], front["binds"], front["default_backend"], front["mode"]) == ("fe_http", ["*:80"], "be_web", "http")
    (back,) = edge["haproxy"]["backends"]
    assert (back["name"], [(row["name"], row["address"], row["port"]) for row in back["servers"]]) == ("be_web", [("web1", "10.77.0.12", 80)])


def test_memory_is_that_of_the_hosts_own_processes() -> None:
    for host in HOSTS:
        survey = surveyed(host)
        assert 0 < survey["measured"]["memory_used_mib"] < survey["hardware"]["memory_mib"] // 10
