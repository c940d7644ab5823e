# SPDX-License-Identifier: GPL-3.0-or-later
"""Interfaces, routes and learnt packet sizes, from answers in the formats of iproute2 and of each distribution's configuration."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import interfaces, path_mtu, routes
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import collect, section

# Made after sysfs-class-net and `ip -o addr show` of iproute2 5.10 (Debian 11).
LINKS = """lo\tloopback\t00:00:00:00:00:00\t65536\t\tunknown\t\t\t
eth0\tphysical\t52:54:00:00:00:01\t1500\t1000\tup\tbond0\te1000e\t
eth1\tphysical\t52:54:00:00:00:01\t1500\t1000\tup\tbond0\te1000e\t
bond0\tbond\t52:54:00:00:00:01\t1500\t2000\tup\t\t\teth0 eth1
bond0.30\tvlan\t52:54:00:00:00:01\t9000\t2000\tup\t\t\tbond0
eno2\tphysical\t52:54:00:00:00:09\t1500\t-1\tdown\t\ttg3\t"""
ADDRESSES = """1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
4: bond0    inet 10.1.2.3/24 brd 10.1.2.255 scope global bond0\\       valid_lft forever preferred_lft forever
4: bond0    inet 10.1.2.99/24 scope global secondary bond0\\       valid_lft forever preferred_lft forever
4: bond0    inet6 fe80::1/64 scope link \\       valid_lft forever preferred_lft forever
5: bond0.30@bond0    inet 10.9.0.3/24 brd 10.9.0.255 scope global dynamic bond0.30\\       valid_lft 3000sec preferred_lft 3000sec"""
IFUPDOWN = """auto bond0
iface bond0 inet static
    address 10.1.2.3/24
    gateway 10.1.2.1
    bond-slaves eth0 eth1
    post-up ip route add 198.51.100.0/24 via 10.1.2.7
iface bond0.30 inet dhcp
iface eth7 inet static
    address 10.8.0.1
"""


def named(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    jsonschema.validate(found, interfaces.PART.shape)
    return {row["name"]: row for row in found}


def test_a_bond_with_a_vlan() -> None:
    mentions = "/etc/keepalived/keepalived.conf\t7\tbond0\n/etc/x\tmany\tbond0\n/etc/sysctl.d/a.conf\t2\teth0"
    found = named(
        interfaces.parse(section("interfaces", {"/etc/network/interfaces": IFUPDOWN}, links=LINKS, addresses=ADDRESSES, mentions=mentions))
    )
    assert list(found) == ["bond0", "bond0.30", "eno2", "eth0", "eth1", "eth7", "lo"]
    bond = found["bond0"]
    assert (bond["kind"], bond["members"], bond["mtu"], bond["speed_mbit"], bond["naming"]) == ("bond", ["eth0", "eth1"], 1500, 2000, "other")
    assert {row["address"]: row["origin"] for row in bond["addresses"]} == {
        "10.1.2.3/24": "static", "10.1.2.99/24": "hand", "fe80::1/64": "kernel",
    }  # fmt: skip
    assert bond["addresses"][0]["file"] == "/etc/network/interfaces"
    assert bond["addresses"][0]["line"] == 3
    assert bond["files"] == [{"file": "/etc/keepalived/keepalived.conf", "line": 7}, {"file": "/etc/network/interfaces", "line": 2}]
    assert bond["commands"] == [
        {"file": "/etc/network/interfaces", "line": 6, "command": "post-up ip route add 198.51.100.0/24 via 10.1.2.7"}
    ]
    assert found["bond0.30"]["addresses"][0]["origin"] == "dhcp"
    assert (found["eth0"]["master"], found["eth0"]["driver"], found["eth0"]["naming"]) == ("bond0", "e1000e", "old")
    assert (found["eno2"]["naming"], found["eno2"]["speed_mbit"]) == ("predictable", None)
    assert found["eth7"]["state"] == "absent"
    assert found["lo"]["mac"] is None


NETPLAN = """network:
  version: 2
  ethernets:
    ens3:
      addresses: [10.1.2.3/24]
      routes:
        - to: default
          via: 10.1.2.1
    ens4:
      dhcp4: true
  vlans:
    vlan30:
      id: 30
      link: ens3
"""  # netplan-yaml(5)
IFCFG = """DEVICE=eth0
BOOTPROTO=none
IPADDR=10.1.2.3
PREFIX=24
"""  # sysconfig.txt of initscripts, CentOS 6 and 7
NETWORKD = """[Match]
Name=ens3 en*

[Network]
DHCP=ipv4
"""  # systemd.network(5)
KEYFILE = """[connection]
interface-name=ens3
[ipv4]
address1=10.1.2.3/24,10.1.2.1
method=manual
[ipv6]
method=auto
"""  # nm-settings-keyfile(5)


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("/etc/netplan/01.yaml", NETPLAN, {"ens3": ("static", 4), "ens4": ("dhcp", 9), "vlan30": (None, 12)}),
        ("/etc/sysconfig/network-scripts/ifcfg-eth0", IFCFG, {"eth0": ("static", 1)}),
        ("/etc/systemd/network/10.network", NETWORKD, {"ens3": ("dhcp", 2)}),
        ("/etc/NetworkManager/system-connections/lan", KEYFILE, {"ens3": ("static", 2)}),
    ],
)
def test_every_way_to_configure_an_address(file: str, text: str, expected: dict[str, tuple[str | None, int]]) -> None:
    owner = next(iter(expected))
    addresses = f"2: {owner}    inet 10.1.2.3/24 scope global {owner}\n3: ens4    inet 10.5.0.9/24 scope global dynamic ens4"
    links = "\n".join(f"{name}\tphysical\taa:bb:cc:00:00:01\t1500\t\tup\t\t\t" for name in expected)
    found = named(interfaces.parse(section("interfaces", {file: text}, links=links, addresses=addresses)))
    for name, (origin, line) in expected.items():
        assert [row["origin"] for row in found[name]["addresses"]] == ([origin] if origin else [])
        assert {"file": file, "line": line} in found[name]["files"]


ROUTES = """default via 10.1.2.1 dev eth0 proto static metric 100
10.1.2.0/24 dev eth0 proto kernel scope link src 10.1.2.3
198.51.100.0/24 via 10.1.2.7 dev eth0 mtu 1400
blackhole 203.0.113.0/24
10.9.0.0/16 proto static
\tnexthop via 10.1.2.8 dev eth0 weight 1
\tnexthop via 10.1.2.9 dev eth1 weight 1
fe80::/64 dev eth0 proto kernel metric 256"""


def test_routes_and_rules() -> None:
    answer = Section("routes", {
        "routes": ROUTES.splitlines(), "rules": ["0:\tfrom all lookup local", "100:\tfrom 10.1.2.99 lookup partner"],
        "table partner": ["default via 10.1.2.254 dev eth0"], "neighbours": ["10.1.2.1 dev eth0 lladdr 00:11:22:33:44:55 REACHABLE"],
        "egress": ["192.0.2.1 via 10.1.2.1 dev eth0 src 10.1.2.3 uid 0 ", "    cache "],
    })  # fmt: skip
    found = routes.parse(answer)
    jsonschema.validate(found, routes.PART.shape)
    rows = {(row["destination"], row["gateway"]): row for row in found["routes"]}
    assert rows[("198.51.100.0/24", "10.1.2.7")]["mtu"] == 1400
    assert rows[("203.0.113.0/24", None)]["type"] == "blackhole"
    assert {gateway for destination, gateway in rows if destination == "10.9.0.0/16"} == {"10.1.2.8", "10.1.2.9"}
    assert rows[("default", "10.1.2.254")]["table"] == "partner"
    assert not any(row["destination"].startswith("fe80") for row in found["routes"])
    assert found["rules"][1] == {"priority": 100, "rule": "from 10.1.2.99 lookup partner"}
    assert found["gateways"] == [{"address": "10.1.2.1", "interface": "eth0", "mac": "00:11:22:33:44:55", "state": "REACHABLE"}]
    assert found["egress"] == ["10.1.2.3"]
    assert "state" not in routes.PART.steady(found)["gateways"][0]


# ss(8) of iproute2 5.10: one line for the socket, one for what is known of its way.
SS = """Recv-Q Send-Q Local Address:Port  Peer Address:Port Process
0      0          10.1.2.3:443    203.0.113.9:50123
\t cubic wscale:7,7 rto:204 rtt:12.5/3.1 ato:40 mss:1348 pmtu:1400 rcvmss:536 advmss:1448 cwnd:10 retrans:0/4 rcv_space:14480
0      0    [::ffff:10.1.2.3]:80   [::ffff:203.0.113.9]:50124
\t cubic rto:201 rtt:0.5/0.25 mss:1448 pmtu:1500 cwnd:10
0      0         127.0.0.1:3306      127.0.0.1:40000
\t cubic rtt:0.1/0.1 mss:21845 pmtu:65535"""


def test_what_the_kernel_learnt_of_ways() -> None:
    found = path_mtu.parse(section("path_mtu", sockets=SS, cache="198.51.100.7 via 10.1.2.1 dev eth0 \n    cache expires 590sec mtu 1280\n"))
    jsonschema.validate(found, path_mtu.PART.shape)
    assert found["peers"] == [{"peer": "203.0.113.9", "sockets": 2, "mss": 1348, "pmtu": 1400, "rtt_ms": 0.5, "retransmitted": 4}]
    assert found["exceptions"] == [{"destination": "198.51.100.7", "mtu": 1280}]


LINES = st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=80) | st.sampled_from([
    *LINKS.splitlines(), *ADDRESSES.splitlines(), *IFUPDOWN.splitlines(), *NETPLAN.splitlines(), *ROUTES.splitlines(), *SS.splitlines(), "[", "a:",
]), max_size=12)  # fmt: skip
FILES = ["/etc/network/interfaces", "/etc/netplan/a.yaml", "/etc/sysconfig/network-scripts/ifcfg-", "/etc/systemd/network/a.network",
         "/etc/NetworkManager/system-connections/a", "/etc/udev/rules.d/70-persistent-net.rules"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(lines=LINES, file=st.sampled_from(FILES))
def test_no_answer_breaks_a_parser(lines: list[str], file: str) -> None:
    names = ("links", "addresses", "mentions", "routes", "rules", "neighbours", "egress", "sockets", "cache", "table x")
    answer = Section("x", dict.fromkeys(names, lines), {file: lines})
    for part in (interfaces.PART, routes.PART, path_mtu.PART):
        value = part.parse(answer)
        jsonschema.validate(value, part.shape)
        assert value == part.parse(answer)
        part.steady(value)


@pytest.mark.parametrize("part", [interfaces.PART, routes.PART, path_mtu.PART], ids=lambda part: part.name)
def test_no_answer_is_not_an_empty_one(part: Any) -> None:
    with pytest.raises(UnseenError, match="no program"):
        part.parse(Section(part.name, unseen=("there is no program ip",)))


@pytest.mark.skipif(not shutil.which("ip"), reason="needs iproute2")
def test_keys_of_networks_stay_on_the_host(tmp_path: Path) -> None:
    tree = {
        "etc/network/interfaces": """iface wlan0 inet dhcp
    wpa-psk cAnArY1
    wireless-key s:cAnArY2
    address 10.0.0.1
    up wg set wg0 --private-key=cAnArY3
""",
        "etc/netplan/a.yaml": """network:
  wifis:
    wl0:
      access-points:
        home:
          password: cAnArY4
      auth:
        password: "cAnArY5 x"
""",
        "etc/systemd/network/wg0.netdev": """[NetDev]
Name=wg0
Kind=wireguard
[WireGuard]
PrivateKey=cAnArY6
[WireGuardPeer]
PresharedKey=cAnArY7
""",
        "etc/NetworkManager/system-connections/x": "[wifi-security]\npsk=cAnArY8\n[ipv4]\nmethod=auto\n[vpn-secrets]\nIPSec secret=cAnArY9\n",
        "etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\nKEY1=cAnArY10\nBOOTPROTO=dhcp\n",
        "etc/keepalived/keepalived.conf": "  interface eth9\n  auth_pass cAnArY11\n",
        "sys/class/net/eth9/address": "aa:bb:cc:00:00:01\n",
        "sys/class/net/eth9/mtu": "1500\n",
    }  # fmt: skip
    for name, text in tree.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    output = collect(("interfaces",), tmp_path)
    assert "cAnArY" not in output
    assert " /etc/keepalived/keepalived.conf\t1\teth9" in output
    for kept in ("    address 10.0.0.1", " Name=wg0", " method=auto", " BOOTPROTO=dhcp", " eth9\tvirtual\taa:bb:cc:00:00:01\t1500"):
        assert kept in output
