# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwarding scripts: what they ask of nft, and what they make of its answers. Whether the kernel does it is proven in the lab."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct import forward

# `nft list chain ip lotse_forward input_80` of nft 0.9.8
INPUT_CHAIN = """table ip lotse_forward {
	chain input_80 {
		type filter hook input priority filter; policy accept;
		ip saddr 10.77.0.102 tcp dport 80 tcp flags & (fin | syn | rst | ack) == syn counter packets 2 bytes 120 accept comment "lotse-80"
		ip daddr 127.0.0.0/8 tcp dport 80 tcp flags & (fin | syn | rst | ack) == syn counter packets 3 bytes 180 accept comment "lotse-80"
		ip saddr != 10.77.0.102 ip daddr != 127.0.0.0/8 tcp dport 80 counter packets 7 bytes 420 reject with tcp reset comment "lotse-80"
	}
}
"""
EMPTY_TABLE = "table ip lotse_forward {\n\tchain gate_80 {\n\t}\n\tchain was_not_routing {\n\t}\n}\n"


def run(script: str, tmp_path: Path, *, listed: str | None) -> tuple[subprocess.CompletedProcess[str], str]:
    """Runs a script with an ``nft`` that lists what it is told to and records everything else. Gives the end, and what nft was asked to do."""
    asked = tmp_path / "asked"
    answer = "exit 1" if listed is None else f"cat '{tmp_path / 'listed'}'"
    (tmp_path / "listed").write_text(listed or "", encoding="utf-8")
    nft = tmp_path / "nft"
    nft.write_text(f'#!/bin/sh\ncase "$1" in list) {answer} ;; -f) cat >> {asked} ;; *) echo "$@" >> {asked} ;; esac\n', encoding="utf-8")
    nft.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", script], env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True, check=False
    )
    return done, asked.read_text(encoding="utf-8") if asked.exists() else ""


def rules(asked: str) -> dict[str, str]:
    """Chain to its rules, of the last transaction."""
    found: dict[str, str] = {}
    for line in asked.splitlines():
        if match := re.match(r"add rule ip lotse_forward (\w+) (.*)", line):
            found[match[1]] = found.get(match[1], "") + match[2] + "\n"
    return found


@pytest.mark.parametrize("script", [forward.hold(80), forward.freeze(80), forward.stop(80)])
def test_every_change_empties_all_chains_of_its_port(script: str, tmp_path: Path) -> None:
    done, asked = run(script, tmp_path, listed=EMPTY_TABLE)
    assert done.returncode == 0
    for kind in ("gate", "prerouting", "output", "postrouting", "input"):
        assert f"flush chain ip lotse_forward {kind}_80\n" in asked
    assert "8080" not in asked


def test_only_a_syn_is_translated() -> None:
    """Connection tracking begins with the table: a packet of an older connection looks like a new one."""
    for line in forward.start(3306, "10.77.0.103").splitlines():
        if "dnat to" in line:
            assert "tcp flags & (fin|syn|rst|ack) == syn" in line


def test_the_target_is_not_sent_to_itself_and_loopback_stays() -> None:
    script = forward.start(80, "10.77.0.102")
    found = rules(script)
    assert found["prerouting_80"].startswith("ip saddr != 10.77.0.102 ")
    assert found["output_80"].startswith("ip daddr != 127.0.0.0/8 ")


def test_a_forward_refuses_only_when_asked() -> None:
    assert "input_80" not in rules(forward.start(80, "10.77.0.102"))
    refused = rules(forward.start(80, "10.77.0.102", refuse=True))["input_80"]
    assert "ip saddr != 10.77.0.102 ip daddr != 127.0.0.0/8 tcp dport 80 counter reject with tcp reset" in refused


def test_hold_lets_open_connections_go_on_and_freeze_does_not() -> None:
    assert "== syn counter drop" in rules(forward.hold(80))["gate_80"]
    assert "tcp flags" not in rules(forward.freeze(80))["gate_80"]


@pytest.mark.parametrize("target", ["db-01", "10.77.0.300", "10.77.0.1; reboot", "::1"])
def test_a_target_that_is_no_address_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match=r"in '.*'$"):
        forward.start(80, target)


def test_stop_without_a_table_asks_nothing(tmp_path: Path) -> None:
    done, asked = run(forward.stop(80), tmp_path, listed=None)
    assert (done.returncode, asked) == (0, "")


def test_what_reached_the_old_port_is_counted(tmp_path: Path) -> None:
    done, _ = run(forward.reached(80), tmp_path, listed=INPUT_CHAIN)
    assert done.stdout.split() == ["5", "7"]


def test_nothing_is_counted_where_nothing_is_refused(tmp_path: Path) -> None:
    """One number instead of two: whoever reads it knows that it is not the count."""
    done, _ = run(forward.reached(80), tmp_path, listed="table ip lotse_forward {\n}\n")
    assert done.stdout.split() == ["0"]


def test_clean_leaves_a_table_that_still_forwards(tmp_path: Path) -> None:
    done, asked = run(forward.clean(), tmp_path, listed=INPUT_CHAIN)
    assert (done.returncode, asked) == (0, "")


def test_clean_removes_an_empty_table(tmp_path: Path) -> None:
    script = forward.clean().replace("/proc/sys/net/ipv4/ip_forward", str(tmp_path / "switch"))
    done, asked = run(script, tmp_path, listed=EMPTY_TABLE)
    assert done.returncode == 0
    assert asked == "delete table ip lotse_forward\n"
    assert (tmp_path / "switch").read_text(encoding="utf-8") == "0\n"


def test_a_host_that_routed_before_routes_on(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    switch.write_text("1\n", encoding="utf-8")
    script = forward.start(80, "10.77.0.102").replace("/proc/sys/net/ipv4/ip_forward", str(switch))
    done, asked = run(script, tmp_path, listed=None)
    assert done.returncode == 0
    assert "was_not_routing" not in asked
    assert "drop" not in asked


def test_a_host_that_did_not_route_gets_no_open_router(tmp_path: Path) -> None:
    switch = tmp_path / "switch"
    switch.write_text("0\n", encoding="utf-8")
    script = forward.start(80, "10.77.0.102").replace("/proc/sys/net/ipv4/ip_forward", str(switch))
    done, asked = run(script, tmp_path, listed=None)
    assert done.returncode == 0
    assert "add rule ip lotse_forward forward ct status & dnat == 0 drop" in asked
    assert switch.read_text(encoding="utf-8") == "1\n"
