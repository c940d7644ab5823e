# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand-over of a public address: what its scripts ask for, and what is read from a host. That no flow breaks is proven in the lab."""

from __future__ import annotations

import os
import subprocess
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct import handover
from ansible_collections.lotse.estate.plugins.module_utils._conduct.handover import Handover, Side
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

PUBLIC = IPv4Interface("10.77.0.10/24")
OLD = """1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: host0    inet 10.77.0.11/24 brd 10.77.0.255 scope global host0\\       valid_lft forever preferred_lft forever
2: host0    inet 10.77.0.10/24 brd 10.77.0.255 scope global secondary host0\\       valid_lft forever preferred_lft forever
3: eth1    inet 192.0.2.7/24 scope global eth1\\       valid_lft forever preferred_lft forever
mac eth1 02:00:00:00:00:01
mac host0 ca:23:09:94:f8:b8
mac lo 00:00:00:00:00:00
mac tun0
10.77.0.0/24 dev host0 proto kernel scope link src 10.77.0.11
local 10.77.0.10 dev host0 table local proto kernel scope host src 10.77.0.10
"""
NEW = """1: lo    inet 127.0.0.1/8 scope host lo
1: lo    inet 10.77.0.10/32 scope host lo
2: host0    inet 10.77.0.101/24 scope global host0
mac host0 bc:24:11:f8:72:22
"""
PASS = Handover(PUBLIC, 80, "host0", "10.77.0.101")
SIDE = Side("host0", "10.77.0.101", "bc:24:11:f8:72:22", owns=False, listens=False)
SCRIPTS = {
    "offer": PASS.offer(60),
    "probe": PASS.offer(60, only=["10.77.0.12", "10.77.0.13"]),
    "renew": PASS.renew(60),
    "all": PASS.all(),
    "give_back": PASS.give_back(),
    "sweeper": Handover.sweeper(),
    "remove": Handover.remove(),
    "passed": Handover.passed(),
    "flows": PASS.flows(),
    "listen": handover.listen(PUBLIC, SIDE),
    "unlisten": handover.unlisten(PUBLIC, SIDE, (0, 0)),
    "own": handover.own(PUBLIC, SIDE),
    "disown": handover.disown(PUBLIC, SIDE),
    "disown_if_answered": handover.disown_if_answered(PUBLIC, SIDE, SIDE),
    "announce": handover.announce(PUBLIC, SIDE, SIDE, times=3, pause=0.02),
    "persist": handover.persist(PUBLIC, SIDE),
    "forget": handover.forget(SIDE),
    "configured": handover.configured(PUBLIC),
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_sh(name: str) -> None:
    done = subprocess.run(["sh", "-n", "-c", SCRIPTS[name]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_old_edge_is_read() -> None:
    assert Side.read(OLD, PUBLIC, "edge1") == Side("host0", "10.77.0.11", "ca:23:09:94:f8:b8", owns=True, listens=False)


def test_the_new_edge_that_listens_is_read() -> None:
    assert Side.read(NEW, PUBLIC, "edge-01") == Side("host0", "10.77.0.101", "bc:24:11:f8:72:22", owns=False, listens=True)


def test_the_device_is_the_one_that_has_the_public_address() -> None:
    two = OLD.replace("3: eth1    inet 192.0.2.7/24", "3: eth1    inet 10.77.0.7/24").replace(
        "2: host0    inet 10.77.0.10/24", "3: eth1    inet 10.77.0.10/24"
    )
    assert Side.read(two, PUBLIC, "edge1").device == "eth1"


def test_a_host_with_nothing_but_the_public_address_cannot_give_it_away() -> None:
    only = "2: host0    inet 10.77.0.10/24 scope global host0\nmac host0 02:00:00:00:00:02\n"
    with pytest.raises(LotseError, match=r"no address of its own beside 10\.77\.0\.10"):
        Side.read(only, PUBLIC, "edge1")


def test_a_route_that_would_vanish_is_seen() -> None:
    assert handover.routes_from(OLD, IPv4Address("10.77.0.10")) == []
    route = "default via 10.77.0.1 dev host0 src 10.77.0.10"
    assert handover.routes_from(f"{OLD}{route}\n", IPv4Address("10.77.0.10")) == [route]
    assert handover.routes_from(f"{OLD}default via 10.77.0.1 src 10.77.0.100\n", IPv4Address("10.77.0.10")) == []


def test_connections_that_still_speak_are_counted() -> None:
    seen = """LISTEN     0 128 10.77.0.10:80 0.0.0.0:*
SYN-RECV   0 0 10.77.0.10:80 10.77.0.1:50001
ESTAB      0 0 10.77.0.10:80 10.77.0.1:50002
FIN-WAIT-1 0 5 10.77.0.10:80 10.77.0.1:50003
CLOSE-WAIT 1 0 [::ffff:10.77.0.10]:80 [::ffff:10.77.0.1]:50004
FIN-WAIT-2 0 0 10.77.0.10:80 10.77.0.1:50005
TIME-WAIT  0 0 10.77.0.10:80 10.77.0.1:50006
"""
    assert [peer.rsplit(":", 1)[1] for peer in handover.open_peers(seen)] == ["50001", "50002", "50003", "50004"]


def test_old_flows_are_never_passed_on() -> None:
    """Without a SYN or a place in the set a packet stays: the only rules that pass anything on ask for one of both, or for an ICMP error."""
    for line in PASS.offer(60).splitlines():
        if line.startswith("add rule"):
            assert "@flows update" in line or "== syn add @flows" in line or "icmp type destination-unreachable" in line


def test_new_flows_need_the_lease_and_known_ones_do_not() -> None:
    rules = [line for line in PASS.offer(60).splitlines() if line.startswith("add rule")]
    assert ["@lease" in rule for rule in rules] == [False, True, False]
    assert "timeout 60s" in PASS.offer(60)


def test_a_probe_takes_only_its_own_clients() -> None:
    rules = [line for line in PASS.offer(60, only=["10.77.0.12"]).splitlines() if "@lease" in line and line.startswith("add rule")]
    assert len(rules) == 1
    assert "ip saddr { 10.77.0.12 } tcp dport @lease" in rules[0]


def test_given_back_a_port_that_is_used_again_is_a_new_flow() -> None:
    rules = [line for line in PASS.give_back().splitlines() if line.startswith("add rule")]
    assert rules[0].endswith("tcp flags & (fin|syn|rst|ack) == syn delete @flows { ip saddr . tcp sport } accept")
    assert "@lease" not in "".join(rules)


def nft(tmp_path: Path, table: str | None) -> dict[str, str]:
    """An ``nft`` that lists this table, and records what it is asked to do. Gives the environment that has it."""
    (tmp_path / "table").write_text(table or "", encoding="utf-8")
    listing = "exit 1" if table is None else f"cat {tmp_path / 'table'}"
    asks = f'echo "$@" >> {tmp_path / "asked"}; cat > /dev/null'
    (tmp_path / "nft").write_text(f'#!/bin/sh\ncase "$1" in list) {listing} ;; *) {asks} ;; esac\n', encoding="utf-8")
    (tmp_path / "nft").chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_giving_back_without_a_table_is_right(tmp_path: Path) -> None:
    done = subprocess.run(["sh", "-c", PASS.give_back()], env=nft(tmp_path, None), check=False)
    assert done.returncode == 0
    assert not (tmp_path / "asked").exists()


def test_packets_that_were_passed_on_are_summed(tmp_path: Path) -> None:
    table = "".join(f"ip daddr 10.77.0.10 counter packets {packets} bytes 1031 fwd ip to 10.77.0.101\n" for packets in (14, 3))
    done = subprocess.run(["sh", "-c", Handover.passed()], env=nft(tmp_path, table), capture_output=True, text=True, check=False)
    assert done.stdout == "17\n"


@pytest.mark.parametrize(
    ("table", "removed"),
    [
        ("ip saddr . tcp sport @flows update @flows fwd", True),
        ("elements = { 10.77.0.1 . 35342 expires 4m }\nip saddr . tcp sport @flows update @flows fwd", False),
        ("elements = { 80 timeout 1m expires 20s }\nip saddr . tcp sport @flows update @flows fwd", False),
        ("tcp dport 80 update @flows { ip saddr . tcp sport } fwd", False),
    ],
    ids=["nothing left", "a flow is left", "the lease is left", "everything is passed on"],
)
def test_the_sweeper_removes_only_what_nobody_needs(tmp_path: Path, table: str, removed: bool) -> None:
    """One look of the sweeper: its loop made to end after one turn."""
    once = Handover.sweeper().replace("while sleep 10", "for turn in 1").replace("setsid nohup", "").removesuffix("&").replace(">/dev/null 2>&1", "")
    subprocess.run(["sh", "-c", once], env=nft(tmp_path, table), check=False, timeout=10)
    asked = (tmp_path / "asked").read_text(encoding="utf-8") if (tmp_path / "asked").exists() else ""
    assert asked == ("delete table netdev lotse_edge\n" if removed else "")


def test_the_drop_in_is_beside_the_file_that_is_in_charge(tmp_path: Path) -> None:
    (tmp_path / "networkctl").write_text("#!/bin/sh\necho '    Network File: /run/systemd/network/10-netplan-eth0.network'\n", encoding="utf-8")
    (tmp_path / "networkctl").chmod(0o755)
    script = handover.persist(PUBLIC, SIDE).replace("/etc/systemd/network", f"{tmp_path}/etc")
    subprocess.run(["sh", "-c", script], env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True)
    text = (tmp_path / "etc/10-netplan-eth0.network.d/lotse-public.conf").read_text(encoding="utf-8")
    assert "[Network]\nAddress=10.77.0.10/24\n" in text


def test_an_interface_that_networkd_does_not_configure_is_refused(tmp_path: Path) -> None:
    (tmp_path / "networkctl").write_text("#!/bin/sh\necho '    Network File: n/a'\n", encoding="utf-8")
    (tmp_path / "networkctl").chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", handover.persistable(SIDE)],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "systemd-networkd does not configure" in done.stdout
