# SPDX-License-Identifier: GPL-3.0-or-later
"""The front door: each surprise fires, and what only looks like one stays silent."""

from __future__ import annotations

from typing import Any

from ..cases import NO_DROPS, assessed, check, inside, quiet, section, silent
from ..estates import cluster, concerns, plan

BACKEND = ("edge1", "haproxy", "backends", 0)
FRONT = ("edge1", "haproxy", "frontends", 0)
CERTIFICATE = {"file": "/etc/ssl/local/shop.pem", "position": 1, "subject": "CN=shop.example", "issuer": "CN=Some CA", "names": ["shop.example"],
               "not_before": "2025-01-01", "not_after": "2028-01-01", "key": "RSA", "bits": 2048, "signature": "sha256WithRSAEncryption",
               "self_signed": False, "authority": False}  # fmt: skip


def certificate(**changes: Any) -> Any:
    row = {**CERTIFICATE, "purpose": "server", "named_by": ["/etc/haproxy/haproxy.cfg"], **changes}
    return section("edge1", "tls", {"certificates": [row], "missing": []})


def openssl(**changes: Any) -> Any:
    usual = {"version": "1.1.1w", "file": "/etc/ssl/openssl.cnf", "min_protocol": "TLSv1.2", "cipher_string": "DEFAULT@SECLEVEL=2",
             "security_level": 2, "options": None, "policy": None, "bundle": None, "local_authorities": []}  # fmt: skip
    return section("db1", "openssl", {**usual, **changes})


def router(number: int, *addresses: str, name: str = "VI_1", peers: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"name": name, "interface": "eth0", "virtual_router_id": number, "priority": 100, "state": "MASTER", "auth_type": "PASS",
            "unicast_source": None, "unicast_peers": list(peers), "addresses": list(addresses), "own_mac": False, "garp": {}}  # fmt: skip


def keepalived(*instances: dict[str, Any]) -> dict[str, Any]:
    return {"version": "2.2.7", "running": True, "file": "/etc/keepalived/keepalived.conf", "instances": list(instances), "virtual_servers": []}


def routers(**hosts: dict[str, Any]) -> Any:
    def change(surveys: dict[str, dict[str, Any]]) -> None:
        for host, instance in hosts.items():
            surveys[host]["keepalived"] = keepalived(instance)

    return change


def stuck(cookie: str | None, *more: str, files: bool = False, **backend: Any) -> Any:
    """A backend of web1 and these with a cookie."""

    def change(surveys: dict[str, dict[str, Any]]) -> None:
        rows = [{"name": name, "address": f"10.77.0.{12 + number}", "port": 80, "cookie": name} for number, name in enumerate(("web1", *more))]
        surveys["edge1"]["haproxy"]["backends"][0] |= {"cookie": cookie, "stick": [], "servers": rows, **backend}
        if files:
            surveys["web1"]["php"]["pools"][0]["ini"] = {}

    return change


def bind(**changes: Any) -> list[dict[str, Any]]:
    usual = {"address": "*:443", "certificates": ["/etc/haproxy/certs/"], "min_version": "TLSv1.2", "versions": [], "ciphers": None, "ca_file": None,
             "verify": None, "alpn": None}  # fmt: skip
    return [{**usual, **changes}]


def names(resolved: str, name: str = "db1.example") -> Any:
    return inside("web1", "nginx", "names", value=[{"name": name, "file": "/etc/nginx/nginx.conf", "directive": "proxy_pass", "resolved": resolved}])


def vhost_tls(*protocols: str) -> Any:
    value = {"protocols": list(protocols), "ciphers": None, "certificates": [], "client_ca": None, "verify_client": None, "dhparam": None}
    return inside("web1", "nginx", "vhosts", 0, "tls", value=value)


CASES: list[tuple[str, Any, str, bool]] = [
    ("sticky-sessions", stuck("SRV insert indirect nocache"), "info", True),
    ("sticky-sessions", stuck("SRV insert indirect nocache", "db1"), "warning", False),
    ("sticky-sessions", stuck("SRV insert indirect nocache", "db1", files=True), "critical", False),
    ("sticky-sessions", stuck("JSESSIONID prefix", "db1"), "warning", False),
    ("sticky-sessions", stuck("JSESSIONID prefix dynamic"), "critical", False),
    ("sticky-sessions", stuck(None, "db1", stick=["stick on src"]), "warning", False),
    ("sticky-sessions", stuck(None, "db1", balance="source"), "warning", False),
    ("stale-arp", routers(db1=router(51, "10.77.0.99/24")), "warning", False),
    ("virtual-address-kept", routers(edge1=router(51, "10.77.0.10/24")), "critical", False),
    ("vrrp-id-twice", routers(edge1=router(51, "10.77.0.98"), db1=router(51, "10.77.0.99")), "critical", False),
    ("dns-pinned", names("start"), "warning", False),
    ("dns-pinned", inside(*BACKEND, "servers", 0, "address", value="web1.example"), "warning", False),
    ("tls-too-old", vhost_tls("TLSv1", "TLSv1.2"), "warning", False),
    ("tls-too-old", openssl(min_protocol="TLSv1"), "warning", False),
    ("tls-too-old", openssl(cipher_string="DEFAULT@SECLEVEL=1", security_level=1), "warning", False),
    ("tls-too-old", inside(*FRONT, "tls", value=bind(min_version="TLSv1.0")), "warning", False),
    ("weak-certificate", certificate(bits=1024), "critical", False),
    ("weak-certificate", certificate(signature="sha1WithRSAEncryption"), "critical", False),
    ("weak-certificate", certificate(bits=1024, named_by=[]), "warning", False),
    ("certificate-expiry", certificate(not_after="2026-12-20"), "warning", False),
    ("certificate-expiry", openssl(local_authorities=[{**CERTIFICATE, "not_after": "2026-11-01"}]), "warning", False),
    ("authority-missing", openssl(local_authorities=[CERTIFICATE]), "critical", False),
    ("certificate-stays", certificate(), "warning", False),
    ("edge-tls", inside(*FRONT, "tls", value=bind()), "critical", False),
    ("edge-not-http", inside(*FRONT, "mode", value="tcp"), "critical", False),
    ("edge-timeouts", inside(*BACKEND, "timeouts", value={"server": "10m"}), "warning", True),
    ("edge-timeouts", inside(*BACKEND, "timeouts", value={"server": "2h"}), "warning", False),
]  # fmt: skip
SILENT: list[tuple[str, Any]] = [
    ("sticky-sessions", stuck(None, "db1", balance="roundrobin")),
    ("stale-arp", routers(edge1=router(51, "10.77.0.10/24"))),
    ("virtual-address-kept", routers(edge1=router(51, "10.77.0.98/24"))),
    ("vrrp-id-twice", routers(edge1=router(51, "10.77.0.98"), db1=router(51, "10.77.0.98"))),
    ("vrrp-id-twice", routers(edge1=router(51, "10.77.0.98"), db1=router(52, "10.77.0.99"))),
    ("vrrp-id-twice", routers(edge1=router(51, "10.77.0.98", peers=("10.77.0.13",)), db1=router(51, "10.77.0.99"))),
    ("vrrp-filtered", routers(edge1=router(51, "10.77.0.98"))),
    ("dns-pinned", names("request")),
    ("dns-pinned", names("start", "partner.example.org")),
    ("tls-too-old", vhost_tls("TLSv1.2", "TLSv1.3")),
    ("tls-too-old", openssl()),
    ("weak-certificate", certificate(key="EC", bits=256, signature="ecdsa-with-SHA256")),
    ("weak-certificate", certificate(signature="sha1WithRSAEncryption", self_signed=True)),
    ("certificate-expiry", certificate()),
    ("authority-missing", openssl()),
    ("certificate-stays", certificate(named_by=["/etc/ssl/local/shop.pem"])),
    ("edge-tls", inside(*FRONT, "tls", value=[])),
    ("edge-not-http", inside(*FRONT, "mode", value="http")),
    ("edge-timeouts", inside(*BACKEND, "timeouts", value={"server": "50000"})),
]

test_it_speaks = check(CASES, hosts=quiet())
test_it_is_silent = silent(SILENT)


def after(change: Any, name: str, given: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    surveys = quiet()
    change(surveys)
    return concerns(assessed(surveys) if given is None else plan(surveys, given, **NO_DROPS), name)


def test_a_single_server_keeps_its_cookie_in_the_new_edge() -> None:
    surveys = quiet()
    stuck("SRV insert indirect nocache")(surveys)
    (backend,) = next(guest for guest in assessed(surveys)["guests"] if guest["role"] == "edge")["settings"]["edge_backends"]
    assert (backend["cookie"], backend["cookie_value"]) == ("SRV insert indirect nocache", "web1")


def walled(*guests: dict[str, Any], enabled: bool = True) -> dict[str, Any]:
    return {**cluster(), "firewall": {"enabled": enabled, "guests": list(guests)}}


def guest(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "vmid": 100, "enabled": True, "ip_filter": True, "allowed": [], **changes}


def test_an_ip_filter_that_lacks_the_public_address() -> None:
    edge = next(row["name"] for row in assessed(quiet())["guests"] if row["role"] == "edge")
    for given, severity in (
        (walled(guest(edge)), "critical"),
        (walled(guest("debian-13")), "warning"),
        (walled(guest(edge, allowed=["10.77.0.10"])), None),
        (walled(guest(edge, enabled=False)), None),
        (walled(guest(edge, ip_filter=False)), None),
        (walled(guest(edge), enabled=False), None),
        ({**cluster(), "firewall": None}, None),
    ):
        assert [row["severity"] for row in after(lambda _: None, "ipfilter-drops-address", given)] == [severity] * (severity is not None)


def test_a_firewall_between_guests_that_speak_vrrp() -> None:
    change = routers(edge1=router(51, "10.77.0.98"))
    assert [row["severity"] for row in after(change, "vrrp-filtered", walled())] == ["warning"]
    assert after(change, "vrrp-filtered", walled(enabled=False)) == []
