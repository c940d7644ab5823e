# SPDX-License-Identifier: GPL-3.0-or-later
"""Concerns about the network: each speaks where it should, and is silent where the same section is harmless."""

from __future__ import annotations

import copy
from typing import Any

from ..cases import assessed, check, inside, quiet, section, silent
from ..estates import concerns

Row = dict[str, Any]


def card(*addresses: tuple[str, str], **changes: Any) -> Row:
    return {
        "name": "eth0", "kind": "physical", "mac": "52:54:00:00:00:01", "mtu": 1500, "speed_mbit": 1000, "state": "up", "master": None,
        "driver": "e1000e", "members": [], "naming": "old", "files": [], "commands": [],
        "addresses": [{"address": address, "origin": origin, "file": None, "line": None} for address, origin in addresses], **changes,
    }  # fmt: skip


OWN = ("10.77.0.12/24", "static")


def cards(*rows: Row) -> Any:
    return section("web1", "interfaces", list(rows))


def names(**changes: Any) -> Any:
    empty: Row = {"nameservers": ["10.0.0.53"], "search": [], "options": [], "target": None, "order": ["files", "dns"], "daemons": [], "hosts": [],
                  "names": []}  # fmt: skip
    return section("web1", "resolver", {**empty, **changes})


def used(name: str, address: str | None, dns: list[str] | None) -> Row:
    return {"name": name, "hosts_file": address, "addresses": [], "dns": dns, "used": [{"file": "/srv/web1/.env", "line": 3}]}


def mail(**changes: Any) -> Any:
    empty: Row = {"mta": "exim", "kind": "local", "running": True, "relay": None, "listens": ["127.0.0.1"], "domains": [], "queue": 0, "sent": 0,
                  "failed": 0, "relays": {}, "senders": [], "signs": False, "files": []}  # fmt: skip
    return section("web1", "mail", {**empty, **changes})


def route(destination: str, **changes: Any) -> Row:
    return {"destination": destination, "type": "unicast", "gateway": "10.77.0.7", "interface": "eth0", "source": None, "protocol": None,
            "metric": None, "mtu": None, "table": "main", **changes}  # fmt: skip


def routes(*rows: Row, rules: tuple[Row, ...] = ()) -> Any:
    own = [route("default", gateway="10.77.0.1"), route("10.77.0.0/24", gateway=None, protocol="kernel")]
    return section("web1", "routes", {"routes": [*own, *rows], "rules": [{"priority": 0, "rule": "from all lookup local"}, *rules], "gateways": [],
                                      "egress": ["10.77.0.12"]})  # fmt: skip


def filtered(*rules: tuple[str, str, bool], policy: str = "accept") -> Any:
    rows = [{"family": "ip", "table": "filter", "chain": chain, "rule": rule, "own": own} for chain, rule, own in rules]
    policies = [{"family": "ip", "table": "filter", "chain": "INPUT", "policy": policy}]
    return section("web1", "firewall", {"managers": [], "files": [], "policies": policies, "rules": rows, "counts": {"rules": 1, "people": 1}})


def tracked(count: int, most: int) -> Any:
    return inside("web1", "kernel", "conntrack", value={"count": count, "max": most, "buckets": None})


def called(peer: str, port: int) -> Any:
    row = {"local_address": "10.77.0.12", "local_port": 40000, "peer_address": peer, "peer_port": port, "process": "php-fpm8.4", "unit": None}
    return section("web1", "connections", [row])


def both(*changes: Any) -> Any:
    def change(surveys: dict[str, Row]) -> None:
        for one in changes:
            one(surveys)

    return change


WAYS = {"peers": [{"peer": "198.51.100.7", "sockets": 1, "mss": 1348, "pmtu": 1400, "rtt_ms": 1.0, "retransmitted": 0}], "exceptions": []}
WIDE = {"peers": [{"peer": "198.51.100.7", "sockets": 1, "mss": 1448, "pmtu": 1500, "rtt_ms": 1.0, "retransmitted": 0}], "exceptions": []}
ENTRY = {"address": "10.0.0.9", "names": ["db-main"], "line": 3}
VRRP = [{"file": "/etc/keepalived/keepalived.conf", "line": 4}]

LITERAL = [{"file": "/srv/web1/config.php", "line": 3, "address": "10.77.0.13"}]

CASES: list[tuple[str, Any, str, bool]] = [
    ("hard-coded-address", section("web1", "literal_addresses", LITERAL), "critical", True),
    ("hard-coded-address", section("web1", "literal_addresses", [{**LITERAL[0], "file": "/etc/nginx/conf.d/x.conf"}]), "warning", False),
    ("partner-address", section("web1", "literal_addresses", [{**LITERAL[0], "address": "198.51.100.7"}]), "info", False),
    ("conntrack-full", tracked(250000, 262144), "warning", False),
    ("path-mtu", cards(card(OWN, mtu=1400)), "critical", True),
    ("path-mtu", cards(card(OWN, mtu=9000)), "warning", False),
    ("path-mtu", both(cards(card(OWN)), section("web1", "path_mtu", WAYS)), "warning", False),
    ("hosts-file-name", names(hosts=[ENTRY], names=[used("db-main", "10.0.0.9", [])]), "critical", True),
    ("hosts-file-name", names(hosts=[ENTRY], names=[used("db-main", "10.0.0.9", ["10.0.0.1"])]), "critical", True),
    ("resolver-difference", names(search=["shop.example"]), "warning", True),
    ("resolver-difference", names(options=["ndots:2"]), "warning", False),
    ("resolver-difference", names(nameservers=["10.77.0.13"]), "warning", False),
    ("resolver-difference", names(order=["files", "ldap", "dns"]), "warning", False),
    ("egress-address", both(called("198.51.100.7", 443), routes()), "warning", False),
    ("mail-relay", mail(relay="mail.shop.example"), "critical", False),
    ("mail-relay", mail(kind="internet"), "warning", False),
    ("mail-sender", mail(relays={"mx.example": 4}, sent=4, senders=["shop.example"]), "warning", False),
    ("mail-queue", mail(queue=3), "warning", False),
    ("interface-name", cards(card(OWN, files=VRRP)), "warning", False),
    ("interface-name", cards(card(OWN, files=[{"file": "/srv/web1/config.sh", "line": 1}])), "critical", False),
    ("address-by-hand", cards(card(("10.77.0.12/24", "hand"))), "warning", False),
    ("extra-address", cards(card(OWN, ("10.77.0.88/24", "static"))), "warning", False),
    ("route-left-behind", routes(route("198.51.100.0/24")), "warning", False),
    ("route-left-behind", routes(rules=({"priority": 100, "rule": "from 10.77.0.12 lookup partner"},)), "warning", False),
    ("route-left-behind", both(routes(route("198.51.100.0/24")), called("198.51.100.7", 443)), "critical", False),
    ("firewall-left-behind", filtered(("INPUT", "-s 10.0.0.0/8 -j ACCEPT", False), policy="drop"), "warning", False),
    ("firewall-left-behind", filtered(("PREROUTING", "-p tcp --dport 8080 -j REDIRECT --to-ports 80", False)), "critical", False),
]  # fmt: skip
SILENT: list[tuple[str, Any]] = [
    ("hard-coded-address", section("web1", "literal_addresses", [{**LITERAL[0], "address": "198.51.100.7"}])),
    ("partner-address", section("web1", "literal_addresses", LITERAL)),
    ("conntrack-full", tracked(900, 262144)),
    ("path-mtu", both(cards(card(OWN)), section("web1", "path_mtu", WIDE))),
    ("path-mtu", cards(card(OWN), card(("172.17.0.1/16", "hand"), name="docker0", kind="bridge", mtu=1400))),
    ("hosts-file-name", names(hosts=[ENTRY], names=[used("db-main", "10.0.0.9", ["10.0.0.9"])])),
    ("hosts-file-name", names(hosts=[{"address": "127.0.1.1", "names": ["web1"], "line": 2}], names=[used("web1", "127.0.1.1", [])])),
    ("hosts-file-name", names(names=[used("api.partner.example", None, ["198.51.100.7"])])),
    ("resolver-difference", names(options=["edns0", "trust-ad"], nameservers=["127.0.0.53"])),
    ("egress-address", both(called("10.77.0.13", 3306), routes())),
    ("egress-address", both(called("198.51.100.53", 53), routes())),
    ("mail-relay", mail()),
    ("mail-sender", mail(relay="mail.shop.example", relays={"mail.shop.example": 4})),
    ("mail-queue", mail(queue=None)),
    ("interface-name", cards(card(OWN, files=[{"file": "/etc/network/interfaces", "line": 3}]))),
    ("interface-name", cards(card(OWN, name="ens18", files=VRRP))),
    ("address-by-hand", cards(card(OWN, ("fe80::1/64", "kernel")), card(("172.17.0.1/16", "hand"), name="docker0", kind="bridge"))),
    ("extra-address", cards(card(OWN, ("fe80::1/64", "kernel")))),
    ("route-left-behind", both(routes(route("172.17.0.0/16", interface="docker0")), called("198.51.100.7", 443))),
    ("firewall-left-behind", filtered(("DOCKER", "-i docker0 -j RETURN", True))),
]  # fmt: skip

test_it_speaks = check(CASES)
test_it_is_silent = silent(SILENT)


def found(name: str, change: Any) -> list[Row]:
    surveys = copy.deepcopy(quiet())
    for survey in surveys.values():
        survey["kernel"] = survey["kernel"] or {"conntrack": None}
    change(surveys)
    return concerns(assessed(surveys), name)


def test_the_plan_carries_names_with_the_new_addresses() -> None:
    surveys = quiet()
    hosts = [{"address": "10.77.0.13", "names": ["db"], "line": 1}, {"address": "127.0.1.1", "names": ["web1"], "line": 2},
             {"address": "10.77.0.12", "names": ["web1.shop.example", "web1", "images"], "line": 3}]  # fmt: skip
    names(hosts=hosts, search=["shop.example", "$(reboot)"])(surveys)
    guests = {row["name"]: row for row in assessed(surveys)["guests"]}
    database = guests["db-01"]["address"].split("/")[0]
    assert guests["web-01"]["settings"]["base_hosts"] == [
        {"address": database, "names": ["db"]}, {"address": guests["web-01"]["address"].split("/")[0], "names": ["images"]},
    ]  # fmt: skip
    assert guests["web-01"]["settings"]["base_resolver"] == {"search": ["shop.example"]}
    assert "base_hosts" not in guests["db-01"]["settings"]


def test_a_small_mtu_comes_along_and_a_large_one_does_not() -> None:
    for mtu, nic in ((1400, {"bridge": "vmbr0", "mtu": 1400}), (9000, {"bridge": "vmbr0"}), (1500, {"bridge": "vmbr0"})):
        surveys = quiet()
        cards(card(OWN, mtu=mtu))(surveys)
        assert next(row for row in assessed(surveys)["guests"] if row["name"] == "web-01")["nics"] == {"net0": nic}
