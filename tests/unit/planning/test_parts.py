# SPDX-License-Identifier: GPL-3.0-or-later
"""The small decisions a plan is made of."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning import debian13, trees
from ansible_collections.lotse.estate.plugins.module_utils._planning.carried import mariadb as carried_mariadb
from ansible_collections.lotse.estate.plugins.module_utils._planning.carried import php
from ansible_collections.lotse.estate.plugins.module_utils._planning.carried import redis as carried_redis
from ansible_collections.lotse.estate.plugins.module_utils._planning.model import LegacyHost
from ansible_collections.lotse.estate.plugins.module_utils._planning.moves import crontab
from ansible_collections.lotse.estate.plugins.module_utils._planning.rewriting import NewAddresses
from ansible_collections.lotse.estate.plugins.module_utils._planning.services import kind_of

from .estates import bare, cluster, haproxy, job, lab_surveys, mariadb, plan, redis, web


def host(**sections: Any) -> LegacyHost:
    return LegacyHost("h", bare("h", 21, **sections))


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("memory_limit", "128M", "134217728"), ("display_errors", "Off", "0"), ("short_open_tag", "on", "1"), ("open_basedir", '""', ""),
        ("error_reporting", "E_ALL & ~E_DEPRECATED & ~E_STRICT", "22527"), ("error_reporting", "E_ALL & ~E_DEPRECATED", "22527"),
        ("error_reporting", "32767", "E_ALL"), ("session.save_path", '"tcp://10.0.0.1:6379"', "tcp://10.0.0.1:6379"),
    ],
)  # fmt: skip
def test_php_values_of_one_meaning(name: str, one: str, other: str) -> None:
    assert php.meaning(name, one) == php.meaning(name, other)


@pytest.mark.parametrize(
    ("name", "one", "other"), [("memory_limit", "128M", "192M"), ("error_reporting", "E_ALL", "22527"), ("precision", "14", "17")]
)
def test_php_values_of_another_meaning(name: str, one: str, other: str) -> None:
    assert php.meaning(name, one) != php.meaning(name, other)


def test_php_carries_only_what_differs_and_what_it_knows() -> None:
    old = {
        "memory_limit": "192M", "upload_max_filesize": "2M", "track_errors": "1", "made.up": "1", "error_log": "/var/log/x",
        "session.sid_length": "26",
        "disable_functions": "pcntl_fork,pcntl_exec,",
    }  # fmt: skip
    assert php.differences(old, debian13.PHP_INI) == {"memory_limit": "192M"}
    assert set(php.removed(old)) == {"track_errors", "session.sid_length"}
    assert php.unknown(old) == ["made.up"]
    assert php.differences({"disable_functions": "exec"}, debian13.PHP_INI) == {"disable_functions": "exec"}


def test_more_extensions_become_packages() -> None:
    assert php.extensions(host(php={"extensions": ["Core", "mysqli", "redis", "gd", "dom", "xml"]})) == ["gd", "xml"]


def test_every_removed_directive_is_gone_from_the_table() -> None:
    assert not set(debian13.PHP_INI) & (set(debian13.PHP_REMOVED) | set(debian13.PHP_LEFT_ALONE))


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        (["/srv/community/www", "/srv/community/classic"], ["/srv/community"]),
        (["/var/www/one", "/var/www/two"], ["/var/www/one", "/var/www/two"]),
        (["/srv/shop/public"], ["/srv/shop"]),
        (["/var/www/html"], ["/var/www/html"]),
        (["/srv/a/b/www", "/srv/a/c/www"], ["/srv/a"]),
        (["/home/kim/site", "/home/lee/site"], ["/home/kim/site", "/home/lee/site"]),
    ],
)
def test_trees_of_document_roots(roots: list[str], expected: list[str]) -> None:
    vhosts = [{"name": str(number), "root": root} for number, root in enumerate(roots)]
    assert trees.of(host(nginx={"vhosts": vhosts})) == expected


@pytest.mark.parametrize(
    ("ini", "expected"),
    [
        ({}, {"/var/lib/php/sessions": ["p"]}),
        ({"session.save_path": '"3;0600;/data/sessions/"'}, {"/data/sessions": ["p"]}),
        ({"session.save_handler": "redis", "session.save_path": "tcp://10.0.0.1"}, {}),
    ],
)
def test_sessions_on_disk(ini: dict[str, str], expected: dict[str, list[str]]) -> None:
    assert trees.session_paths(host(php={"pools": [{"name": "p", "ini": ini}]})) == expected


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("php /srv/community/digest.php >> /var/log/digest.log 2>&1", ["/srv/community/digest.php"]),
        ("cd /srv/app && ./run.sh", ["/srv/app"]),
        ("/usr/bin/python3 /opt/tools/clean.py --dry", ["/opt/tools/clean.py"]),
        ("/usr/local/bin/beat", ["/usr/local/bin/beat"]),
        ("mysqldump app | gzip > /tmp/x.gz", []),
        ("curl https://example.org/a/b", []),
    ],
)
def test_paths_in_commands(command: str, expected: list[str]) -> None:
    assert trees.script_paths(command) == expected


def test_a_job_beside_the_application_needs_its_tree() -> None:
    found = host(**web("h"))
    assert trees.code_paths(found, "php /srv/h/job.php") == ["/srv/h"]
    assert trees.code_paths(found, "/opt/tools/clean.py") == ["/opt/tools"]
    assert trees.code_paths(found, "/usr/local/bin/beat") == ["/usr/local/bin/beat"]


def test_a_crontab_keeps_its_variables_where_they_hold() -> None:
    jobs = [
        {"line": "a", "environment": {"MAILTO": "x"}},
        {"line": "b", "environment": {"MAILTO": "x"}},
        {"line": "c", "environment": {"MAILTO": ""}},
    ]
    assert crontab(jobs) == ["MAILTO=x", "a", "b", "MAILTO=", "c"]


@pytest.mark.parametrize(
    ("process", "unit", "kind"),
    [
        ("php-fpm7.4", "php7.4-fpm.service", "http"), ("nginx", None, "http"), ("mariadbd", "mariadb.service", "mariadb"),
        ("php", "cron.service", "cron"),
        ("redis-server", None, "redis"), ("haproxy", "haproxy.service", "edge"), ("java", "tomcat.service", None), ("mysql-router", None, None),
    ],
)  # fmt: skip
def test_processes_belong_to_services(process: str, unit: str | None, kind: str | None) -> None:
    assert kind_of(process, unit) == kind


@pytest.mark.parametrize(
    ("own", "zone"),
    [("SYSTEM", "Europe/Berlin"), ("+00:00", "Etc/UTC"), ("+02:00", "Etc/GMT-2"), ("-05:00", "Etc/GMT+5"), ("America/New_York", "America/New_York")],
)
def test_the_databases_own_clock_wins(own: str, zone: str) -> None:
    found = host(os={"id": "debian", "version": "11", "time_zone": "Europe/Berlin"}, **mariadb(variables={"time_zone": own}))
    assert carried_mariadb.time_zone(found) == zone


def test_mariadb_carries_known_variables_only() -> None:
    variables = {
        "sql_mode": "NO_ZERO_DATE,MADE_UP", "tx_isolation": "READ-COMMITTED", "max_connections": "151", "innodb_file_format": "Barracuda",
        "local_infile": "OFF", "collation_server": "latin1_swedish_ci", "character_set_server": "latin1", "init_connect": "[redacted]",
    }  # fmt: skip
    assert carried_mariadb.carried(host(**mariadb(variables=variables))) == {
        "sql_mode": "NO_ZERO_DATE", "transaction_isolation": "READ-COMMITTED", "local_infile": "OFF", "collation_server": "latin1_swedish_ci",
        "character_set_server": "latin1",
    }  # fmt: skip


def test_redis_carries_limits_under_their_new_names() -> None:
    config = {"maxmemory": "268435456", "maxmemory-policy": "allkeys-lru", "hash-max-ziplist-entries": "64", "replica-priority": "10", "timeout": "0"}
    assert carried_redis.settings(host(**redis(config=config))) == {
        "redis_maxmemory": "268435456", "redis_settings": {"maxmemory-policy": "allkeys-lru", "hash-max-listpack-entries": "64"},
    }  # fmt: skip


def test_an_address_with_two_successors_is_left_alone() -> None:
    new = NewAddresses({"10.0.0.1": {"mariadb": "10.0.0.101", "redis": "10.0.0.102"}, "10.0.0.2": {"http": "10.0.0.103"}})
    assert new.of("10.0.0.1") is None
    assert new.replaced("tcp://10.0.0.1:6379", "redis") == "tcp://10.0.0.102:6379"
    assert new.replaced("a 10.0.0.2 b 110.0.0.2 c 10.0.0.23 d 10.0.0.1") == "a 10.0.0.103 b 110.0.0.2 c 10.0.0.23 d 10.0.0.1"


def two_databases() -> dict[str, Any]:
    return {"db1": bare("db1", 31, **mariadb()), "db2": bare("db2", 32, **mariadb())}


def test_two_services_of_a_kind() -> None:
    found = plan(two_databases(), cluster(), dropped_services=[])
    assert [move["id"] for move in found["moves"]] == ["mariadb-db1", "mariadb-db2"]
    assert [guest["name"] for guest in found["guests"]] == ["db-01", "db-02"]


def test_ids_names_and_addresses_stay_when_a_host_joins() -> None:
    surveys = {name: survey for name, survey in two_databases().items() if name == "db2"}
    first = plan(surveys, cluster(), dropped_services=[])
    assert [move["id"] for move in first["moves"]] == ["mariadb"]
    second = plan(two_databases(), cluster(), first, dropped_services=[])
    assert {move["id"]: move["to"] for move in second["moves"]} == {"mariadb": "db-01", "mariadb-db1": "db-02"}
    assert {guest["name"]: guest["address"] for guest in second["guests"]} == {"db-01": "10.77.0.101/24", "db-02": "10.77.0.102/24"}


def test_a_size_stays_while_noise_moves_and_grows_when_it_must() -> None:
    surveys = lab_surveys()
    first = plan(surveys)
    sizes = {guest["name"]: (guest["cores"], guest["memory_mib"]) for guest in first["guests"]}
    surveys["cache1"]["measured"]["memory_used_mib"] = 400  # with comfort 600, but 512 still hold it
    surveys["cache1"]["measured"]["load"] = [0.0, 0.0, 40.0]  # a container: the load is the whole machine's
    again = plan(surveys, previous=first)
    assert {guest["name"]: (guest["cores"], guest["memory_mib"]) for guest in again["guests"]} == sizes
    surveys["cache1"]["measured"]["memory_used_mib"] = 900
    grown = plan(surveys, previous=first)
    assert next(guest["memory_mib"] for guest in grown["guests"] if guest["name"] == "cache-01") == 1536


@pytest.mark.parametrize(("load", "cpus", "cores"), [(0.1, 4, 2), (0.1, 1, 1), (2.0, 16, 3), (9.0, 4, 4), (30.0, 64, 32)])
def test_cores_follow_the_load_within_bounds(load: float, cpus: int, cores: int) -> None:
    own = {"hardware": {"cpus": cpus, "memory_mib": 1}, "measured": {"load": [0, 0, load], "memory_used_mib": 1}}
    found = plan({"db1": bare("db1", 31, **mariadb(), **own)}, cluster(cores=64), dropped_services=[])
    assert found["guests"][0]["cores"] == cores


def test_cores_stay_while_the_load_fits_them() -> None:
    def at(load: float, previous: dict[str, Any] | None = None) -> dict[str, Any]:
        own = {"hardware": {"cpus": 16, "memory_mib": 1}, "measured": {"load": [0, 0, load], "memory_used_mib": 1}}
        return plan({"db1": bare("db1", 31, **mariadb(), **own)}, cluster(cores=64), previous, dropped_services=[])

    first = at(2.0)
    assert [at(load, first)["guests"][0]["cores"] for load in (1.0, 2.9, 3.1)] == [3, 3, 5]


def test_a_connection_seen_once_stays_seen() -> None:
    surveys = {"web1": bare("web1", 33, **web("web1")), "db1": bare("db1", 31, **mariadb())}
    idle = plan(surveys, cluster(), dropped_services=[])
    row = {"local_address": "", "local_port": 1, "peer_address": "10.77.0.31", "peer_port": 3306, "process": None, "unit": None}
    surveys["web1"]["connections"] = [row]
    busy = plan(surveys, cluster(), idle, dropped_services=[])
    assert len(busy["dependencies"]) == len(idle["dependencies"]) + 1
    surveys["web1"]["connections"] = []
    assert plan(surveys, cluster(), busy, dropped_services=[]) == busy


def test_decisions_of_people_win() -> None:
    found = plan(guests={"db-01": {"cores": 4, "memory_mib": 3000, "disk_gib": 40, "node": "pve4"}})
    guest = next(row for row in found["guests"] if row["name"] == "db-01")
    assert (guest["cores"], guest["memory_mib"], guest["node"], guest["disks"]["scsi0"]["size_gib"]) == (4, 3000, "pve4", 40)


def test_disks_follow_the_data() -> None:
    big = {"db1": bare("db1", 31, **mariadb(databases=[{"name": "app", "size_mib": 20480, "tables": 3}]))}
    assert plan(big, cluster(), dropped_services=[])["guests"][0]["disks"]["scsi0"]["size_gib"] == 63
    files = {
        "web1": bare(
            "web1", 33, **web("web1"), mounts=[{"target": "/srv", "type": "ext4", "used_mib": 10240, "size_mib": 20480, "source": "/dev/sdb"}]
        )
    }
    assert plan(files, cluster(), dropped_services=[])["guests"][0]["disks"]["scsi0"]["size_gib"] == 18


def test_a_host_that_stays_keeps_its_watts() -> None:
    surveys = {"db1": bare("db1", 31, **mariadb()), "old": bare("old", 32)}
    facts = {"db1": {"watts": 300, "rack_units": 2}, "old": {"watts": 100, "rack_units": 1}}
    savings = plan(surveys, cluster(), dropped_services=[], legacy_facts=facts)["savings"]
    assert (savings["power_watts_before"], savings["hosts_after"], savings["rack_units_after"]) == (400, 1, 1)
    assert savings["power_watts_after"] > 100
    unknown = plan(surveys, cluster(), dropped_services=[], legacy_facts={"db1": {"watts": 300}})["savings"]
    assert (unknown["power_watts_before"], unknown["power_watts_after"], unknown["rack_units_before"]) == (None, None, None)


def test_dependencies_from_both_ends_of_a_socket() -> None:
    surveys = {"web1": bare("web1", 33, **web("web1")), "db1": bare("db1", 31, **mariadb())}
    seen = {"local_address": "10.77.0.31", "local_port": 3306, "peer_address": "10.77.0.33", "peer_port": 50000, "process": "mariadbd", "unit": None}
    surveys["db1"]["connections"] = [seen]
    pairs = [(row["from"], row["to"]) for row in plan(surveys, cluster(), dropped_services=[])["dependencies"]]
    assert pairs == [("http@web1", "files@web1"), ("http@web1", "mariadb@db1")]


def test_a_second_backend_is_asked_by_its_host_names() -> None:
    surveys = {
        "edge1": bare("edge1", 11, addresses=["10.77.0.10/24"], **haproxy(("web1", 33), ("web2", 34))),
        "web1": bare("web1", 33, **web("web1")), "web2": bare("web2", 34, **web("web2")),
    }  # fmt: skip
    found = plan(surveys, cluster(), dropped_services=[])
    edge = found["guests"][0]["settings"]["edge_backends"]
    assert [(row["name"], row.get("hosts")) for row in edge] == [("be_web1", None), ("be_web2", ["web2.example"])]
    assert {move["id"]: move["parameters"]["backend"] for move in found["moves"] if move["kind"] == "http"} == {
        "http-web1": "be_web1", "http-web2": "be_web2",
    }  # fmt: skip


def test_the_conductors_own_database_is_not_moved() -> None:
    rows = [{"name": name, "size_mib": size, "tables": 1} for name, size in (("app", 9), ("lotse", 1), ("sys", 1))]
    move = plan({"db1": bare("db1", 31, **mariadb(databases=rows))}, cluster(), dropped_services=[])["moves"][0]
    assert (move["parameters"]["databases"], move["parameters"]["expected_mib"]) == (["app"], 16)


def test_jobs_leave_before_the_files_even_when_they_need_nobody() -> None:
    surveys = {"web1": bare("web1", 33, **web("web1")), "batch1": bare("batch1", 34, cron=[job("root", "/usr/local/bin/beat")])}
    waves = {move["id"]: move["wave"] for move in plan(surveys, cluster(), dropped_services=[])["moves"]}
    assert waves == {"cron": 1, "files": 2, "http": 2}


def test_jobs_of_several_users() -> None:
    jobs = [job("app", "php /srv/web1/a.php"), job("root", "/usr/local/bin/beat")]
    found = plan({"web1": bare("web1", 33, **web("web1"), cron=jobs)}, cluster(), dropped_services=[])
    move = next(row for row in found["moves"] if row["kind"] == "cron")
    assert [table["user"] for table in move["parameters"]["tables"]] == ["app", "root"]
    assert move["parameters"]["paths"] == ["/srv/web1", "/usr/local/bin/beat"]
