# SPDX-License-Identifier: GPL-3.0-or-later
"""The dependency map: who needs whom, who is outside, and what goes round in circles."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning import dependencies, outside, services
from ansible_collections.lotse.estate.plugins.module_utils._planning.known import Known
from ansible_collections.lotse.estate.plugins.module_utils._planning.model import Dependency, LegacyHost

from .estates import bare, haproxy, job, mariadb, policy, redis, web

Row = dict[str, Any]


def known(*surveys: Row) -> Known:
    hosts = {str(survey["host"]): LegacyHost(str(survey["host"]), survey) for survey in surveys}
    return Known(hosts, services.discover(hosts, policy(dropped_services=[]))[0])


def edges(*surveys: Row, loads: dict[str, Row] | None = None) -> dict[tuple[str, str], Row]:
    return {(edge.source, edge.target): edge.row() for edge in dependencies.find(known(*surveys), (), loads)}


def connection(peer: str, port: int, process: str | None = "php-fpm7.4", local_port: int = 40000) -> Row:
    return {"local_address": "10.77.0.12", "local_port": local_port, "peer_address": peer, "peer_port": port, "process": process, "unit": None}


def listen(port: int, process: str) -> Row:
    return {"protocol": "tcp", "address": "::", "port": port, "process": process, "unit": None}


POSTGRES = {"listening": [listen(5432, "postgres")]}


def test_a_socket_gives_direction_port_and_evidence() -> None:
    found = edges(bare("web1", 12, **web("web1"), connections=[connection("10.77.0.13", 5432)]), bare("db1", 13, **POSTGRES))
    row = found["http@web1", "postgresql@db1"]
    assert (row["port"], row["protocol"], row["evidence"]) == (5432, "tcp", "connection from web1 to db1:5432")
    assert ("postgresql@db1", "http@web1") not in found


def test_a_connection_of_an_earlier_survey_counts_with_its_frequency() -> None:
    """What runs at month's end only is not connected today."""
    load = {"connections": [{**connection("10.77.0.13", 5432, "cron"), "seen": 2, "of": 31}]}
    surveys = bare("web1", 12, cron=[job("app", "/srv/a")]), bare("db1", 13, **POSTGRES)
    assert edges(*surveys) == {}
    row = edges(*surveys, loads={"web1": load})["cron@web1", "postgresql@db1"]
    assert (row["frequency"], row["evidence"]) == ("seldom", "connection from web1 to db1:5432")


def test_names_mean_hosts() -> None:
    edge = haproxy(("web1", 12))
    edge["haproxy"]["backends"][0]["servers"][0]["address"] = "web1.example.org"
    page = web("web1")
    page["os"] = {"id": "debian", "version": "11", "hostname": "web1.example.org"}
    page["php"]["pools"][0]["ini"] = {"session.save_handler": "redis", "session.save_path": "tcp://cache:6379?weight=1"}
    page["resolver"] = {"hosts": [{"address": "10.77.0.14", "names": ["cache", "cache.internal"]}], "nameservers": []}
    found = edges(bare("edge1", 11, **edge), bare("web1", 12, **page), bare("cache1", 14, **redis()))
    assert found["edge@edge1", "http@web1"]["evidence"] == "backend be_web1, server web1"
    assert found["http@web1", "redis@cache1"]["evidence"] == "session store of pool www: cache"


def test_a_name_of_two_hosts_means_neither() -> None:
    twins = [bare(f"web{number}", number, os={"id": "debian", "version": "11", "hostname": "web"}, **POSTGRES) for number in (12, 13)]
    edge = haproxy(("web", 12))
    edge["haproxy"]["backends"][0]["servers"][0] |= {"address": "web", "port": 5432}
    assert edges(bare("edge1", 11, **edge), *twins) == {}


def test_a_mounted_file_system_is_a_dependency() -> None:
    mount = {"source": "10.77.0.15:/export/uploads", "target": "/srv/web1/uploads", "type": "nfs4", "size_mib": 10, "used_mib": 1}
    found = edges(bare("web1", 12, **web("web1"), mounts=[mount]), bare("nas1", 15, listening=[listen(2049, "nfsd")]))
    assert found["http@web1", "nfs@nas1"]["evidence"] == "10.77.0.15:/export/uploads mounted on /srv/web1/uploads"


def test_replication_is_a_dependency() -> None:
    replica = mariadb(replica={"master_host": "db1", "master_port": 3306})
    assert "mariadb@db1" in {target for _, target in edges(bare("db1", 13, **mariadb()), bare("db2", 14, **replica))}


def test_an_ipv6_mount_and_a_strange_setting_harm_nobody() -> None:
    mount = {"source": "[2001:db8::1]:/x", "target": "/x", "type": "nfs", "size_mib": 1, "used_mib": 1}
    page = web("web1")
    page["nginx"]["vhosts"][0]["proxy_pass"] = "http://$backend"
    assert edges(bare("web1", 12, **page, mounts=[mount])).keys() <= {("http@web1", "files@web1")}


def test_cycles_are_found() -> None:
    def edge(source: str, target: str) -> Dependency:
        return Dependency(source, target, 1, "tcp", "")

    round_and_round = [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("c", "d"), edge("x", "y"), edge("y", "x")]
    assert dependencies.cycles(round_and_round) == [["a", "b", "c"], ["x", "y"]]
    assert dependencies.cycles([edge("a", "b"), edge("b", "c")]) == []


def external(*surveys: Row) -> list[Row]:
    return [edge.row() for edge in outside.find(known(*surveys), "10.77.0.10/24")]


def test_what_leaves_the_estate_is_told_by_kind() -> None:
    rows = external(
        bare(
            "web1", 12, **web("web1"),
            connections=[
                connection("198.51.100.7", 443), connection("203.0.113.25", 25, "exim4"), connection("10.77.0.10", 80), connection("127.0.0.1", 9000),
            ],
            resolver={"nameservers": ["192.0.2.53", "127.0.0.53"], "hosts": [{"address": "198.51.100.7", "names": ["pay.example"]}]},
            literal_addresses=[{"file": "/etc/nginx/conf.d/x.conf", "line": 4, "address": "198.51.100.9"}],
        )
    )  # fmt: skip
    told = {(row["peer"], row["kind"], row["service"], row["name"], row["direction"]) for row in rows}
    assert told == {
        ("198.51.100.7", "partner", "http@web1", "pay.example", "out"), ("203.0.113.25", "mail", "web1", None, "out"),
        ("192.0.2.53", "dns", "web1", None, "out"), ("198.51.100.9", "partner", "http@web1", None, "out"),
    }  # fmt: skip


def test_users_are_counted_and_single_clients_are_named() -> None:
    page = web("web1") | {"listening": [listen(80, "nginx"), listen(22, "sshd")]}
    few = [connection(f"198.51.100.{number}", 50000, "nginx", 80) for number in range(3)] + [connection("198.51.100.99", 50001, "sshd", 22)]
    many = [connection(f"198.51.100.{number}", 50000, "nginx", 80) for number in range(30)]
    assert [row["peer"] for row in external(bare("web1", 12, **page, connections=few))] == [f"198.51.100.{number}" for number in range(3)]
    assert [(row["service"], row["peer"]) for row in external(bare("web1", 12, **page, connections=many))] == [("http@web1", "many clients")]
