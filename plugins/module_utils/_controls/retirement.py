# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates before a legacy host is switched off. Pure: facts in, gates out; what is unknown is not proven."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gate:
    """One condition: its name, whether it is proven, and what was seen."""

    name: str
    proven: bool
    evidence: str


@dataclass(frozen=True)
class Socket:
    """An established connection of the legacy host."""

    local_port: int
    peer: str
    peer_port: int
    process: str


def parse_sockets(output: str) -> list[Socket]:
    """Sockets from the lines of ``ss -Htnp state established``.

    Raises ValueError for a line of another shape: a gate must not pass because its input was not understood.
    """
    found = []
    for line in output.splitlines():
        if not line.strip():
            continue
        words = line.split()
        if len(words) < 4:
            raise ValueError(f"not a line of ss: {line!r}")
        local, peer = words[2], words[3]
        process = words[4].split('"')[1] if len(words) > 4 and '"' in words[4] else ""
        peer_address, peer_port = peer.rsplit(":", 1)
        address = peer_address.strip("[]").removeprefix("::ffff:").split("%")[0]
        found.append(Socket(int(local.rsplit(":", 1)[1]), address, int(peer_port), process))
    return found


def moves_gate(host: str, plan: Mapping[str, Any], states: Mapping[str, str]) -> Gate:
    """Every service of the host has a move, and every move is committed. ``states`` maps move ids to their states."""
    moves = [move for move in plan["moves"] if move["from"] == host]
    unmoved = {service["id"] for service in plan["services"] if service["host"] == host} - {move["service"] for move in moves}
    if unmoved:
        return Gate("moves", False, f"services without a move: {', '.join(sorted(unmoved))}")
    if not moves:
        return Gate("moves", False, "the plan moves nothing from this host")
    if by_hand := sorted(move["id"] for move in moves if move.get("mover") == "by hand"):
        told = f"moved by hand, which nobody can prove: {', '.join(by_hand)}; when it is done, declare it in plan_dropped_services and plan again"
        return Gate("moves", False, told)
    open_moves = {move["id"]: states.get(move["id"], "unknown") for move in moves if states.get(move["id"]) != "committed"}
    if open_moves:
        return Gate("moves", False, ", ".join(f"{name} is {state}" for name, state in sorted(open_moves.items())))
    return Gate("moves", True, f"committed: {', '.join(sorted(move['id'] for move in moves))}")


def verification_gate(host: str, plan: Mapping[str, Any], controls: Sequence[Mapping[str, Any]]) -> Gate:
    """Every control of the host's moves passed, on both sides; each move has at least one."""
    moves = [move["id"] for move in plan["moves"] if move["from"] == host]
    rows = [row for row in controls if row["move"] in moves]
    bare = [move for move in moves if not any(row["move"] == move for row in rows)]
    if bare or not rows:
        return Gate("verified", False, f"no control was assessed for: {', '.join(bare) or host}")
    wrong = [f"{row['id']} is {row['state']}" for row in rows if row["state"] != "passed"]
    return Gate("verified", not wrong, ", ".join(wrong) or f"{len(rows)} controls passed")


def sockets_gate(sockets: Iterable[Socket], guests: Mapping[str, str], admin_port: int = 22) -> Gate:
    """Nobody talks to the host, but its administrators and the database that follows the new side.

    ``guests`` maps addresses of the estate's guests to their names.
    """
    replicas = ("mariadbd", "mysqld", "redis-server")
    others = [
        socket
        for socket in sockets
        if socket.local_port != admin_port and not (socket.process in replicas and socket.peer in guests and socket.peer_port in (3306, 6379))
    ]
    seen = ", ".join(f"{socket.process or '?'} port {socket.local_port} with {socket.peer}:{socket.peer_port}" for socket in others)
    return Gate("sockets", not others, seen or "no connection but the administrators' and the reverse replica's")


def forwarding_gate(before: Mapping[str, int], after: Mapping[str, int], seconds: float) -> Gate:
    """The old addresses forwarded nothing while we watched. The maps go from rule to packets counted."""
    hits = {rule: after.get(rule, 0) - count for rule, count in before.items() if after.get(rule, 0) != count}
    if before.keys() != after.keys():
        return Gate("forwarding", False, "the forwarding rules changed while they were watched")
    if hits:
        return Gate("forwarding", False, ", ".join(f"{rule} forwarded {count} packets" for rule, count in sorted(hits.items())))
    return Gate("forwarding", True, f"no packet was forwarded in {seconds:g} s" if before else "this host forwards nothing")


def restore_gate(host: str, plan: Mapping[str, Any], proofs: Mapping[str, Mapping[str, Any]]) -> Gate:
    """The data of every service that left the host has been restored from a backup of its new home, and compared.

    ``proofs`` maps guest and kind (``db-01/mariadb``) to ``{"proven": bool, "evidence": text}``.
    """
    stateful = [move for move in plan["moves"] if move["from"] == host and move["kind"] in {"mariadb", "redis", "files"}]
    if not stateful:
        return Gate("restore", True, "no data of its own: its services are configuration, which the plan holds")
    missing: list[str] = []
    seen: list[str] = []
    for move in stateful:
        key = f"{move['to']}/{move['kind']}"
        proof = proofs.get(key, {"proven": False, "evidence": "no restore was tried"})
        (seen if proof["proven"] is True else missing).append(f"{key}: {proof['evidence']}")
    return Gate("restore", not missing, "; ".join(missing or seen))
