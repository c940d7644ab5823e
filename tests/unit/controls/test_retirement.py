# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._controls import retirement as gates

PLAN: dict[str, Any] = {
    "services": [{"id": "mariadb@db1", "host": "db1"}, {"id": "edge@edge1", "host": "edge1"}],
    "moves": [
        {"id": "mariadb", "service": "mariadb@db1", "kind": "mariadb", "from": "db1", "to": "db-01"},
        {"id": "edge", "service": "edge@edge1", "kind": "edge", "from": "edge1", "to": "edge-01"},
    ],
}
GUESTS = {"10.77.0.103": "db-01"}


def test_moves_must_all_be_committed() -> None:
    assert gates.moves_gate("db1", PLAN, {"mariadb": "committed"}).proven
    assert not gates.moves_gate("db1", PLAN, {"mariadb": "observing"}).proven
    assert "unknown" in gates.moves_gate("db1", PLAN, {}).evidence


def test_a_service_without_a_move_keeps_its_host() -> None:
    plan = {**PLAN, "services": [*PLAN["services"], {"id": "notifyd@db1", "host": "db1"}]}
    gate = gates.moves_gate("db1", plan, {"mariadb": "committed"})
    assert (gate.proven, gate.evidence) == (False, "services without a move: notifyd@db1")


def test_a_host_from_which_nothing_moves_is_not_proven() -> None:
    assert not gates.moves_gate("other", PLAN, {}).proven


@pytest.mark.parametrize("state", ["failed", "not_assessed", "unreachable"])
def test_only_passed_controls_verify(state: str) -> None:
    rows = [{"id": "rows", "move": "mariadb", "state": "passed"}]
    assert gates.verification_gate("db1", PLAN, rows).proven
    assert not gates.verification_gate("db1", PLAN, [*rows, {"id": "one-writer", "move": "mariadb", "state": state}]).proven


def test_no_controls_verify_nothing() -> None:
    assert not gates.verification_gate("db1", PLAN, []).proven
    assert not gates.verification_gate("db1", PLAN, [{"id": "x", "move": "edge", "state": "passed"}]).proven


def test_administrators_and_the_reverse_replica_are_no_users() -> None:
    output = """0 0 10.77.0.13:22 10.77.0.1:50000 users:(("sshd",pid=9,fd=4))
0 0 10.77.0.13:39000 10.77.0.103:3306 users:(("mariadbd",pid=7,fd=40))
"""
    assert gates.sockets_gate(gates.parse_sockets(output), GUESTS).proven


def test_a_client_is_a_user() -> None:
    output = '0 0 [::ffff:10.77.0.13]:3306 [::ffff:10.77.0.12]:41000 users:(("mariadbd",pid=7,fd=40))\n'
    gate = gates.sockets_gate(gates.parse_sockets(output), GUESTS)
    assert not gate.proven
    assert "10.77.0.12" in gate.evidence


def test_a_replica_of_an_unknown_host_is_a_user() -> None:
    output = '0 0 10.77.0.13:39000 192.0.2.9:3306 users:(("mariadbd",pid=7,fd=40))\n'
    assert not gates.sockets_gate(gates.parse_sockets(output), GUESTS).proven


def test_output_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="not a line of ss"):
        gates.parse_sockets("ss: not found")


def test_forwarded_packets_keep_the_host() -> None:
    assert gates.forwarding_gate({"3306": 10}, {"3306": 10}, 5).proven
    assert not gates.forwarding_gate({"3306": 10}, {"3306": 11}, 5).proven
    assert not gates.forwarding_gate({"3306": 10}, {}, 5).proven
    assert gates.forwarding_gate({}, {}, 5).proven


def test_data_needs_a_proven_restore() -> None:
    proof = {"proven": True, "evidence": "7 tables equal"}
    assert gates.restore_gate("db1", PLAN, {"db-01/mariadb": proof}).proven
    assert not gates.restore_gate("db1", PLAN, {}).proven
    assert not gates.restore_gate("db1", PLAN, {"db-01/mariadb": {"proven": "yes", "evidence": ""}}).proven
    assert gates.restore_gate("edge1", PLAN, {}).proven
