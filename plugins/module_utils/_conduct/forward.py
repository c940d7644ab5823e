# SPDX-License-Identifier: GPL-3.0-or-later
"""The old address keeps working: new connections to a host's port are forwarded to another host, by nftables and not by a program.

One table, ``ip lotse_forward``, holds every forward of a host. Its scripts are plain sh for hosts where nothing may be installed; they
are idempotent, each changes one TCP port in one transaction, and counters tell whether anybody still uses the old address.

- Only a SYN is translated. Without that, a connection that is older than the table would be forwarded in the middle: connection tracking
  begins with the table, and takes the next packet of an old connection for a new one.
- The host's own connections to its address (not to 127.0.0.1) are forwarded too: a job there may have that address in its settings.
- A host that did not route before must not become an open router: everything but what was translated is dropped.
- ``stop`` leaves the empty table, because connections that were forwarded end when the kernel's last translation chain goes. ``clean``
  removes it later, and sets back what ``start`` changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address

TABLE = "ip lotse_forward"
_SWITCH = "/proc/sys/net/ipv4/ip_forward"
_HOOKS = {
    "gate": "type filter hook prerouting priority -150",
    "prerouting": "type nat hook prerouting priority -100",
    "output": "type nat hook output priority -100",
    "postrouting": "type nat hook postrouting priority 100",
    "input": "type filter hook input priority 0",
}
_SYN = "tcp flags & (fin|syn|rst|ack) == syn"


def _chain(kind: str, port: int) -> str:
    """Each port has chains of its own, so a change can empty and fill them without looking for rules first."""
    return f"{TABLE} {kind}_{port}"


def _change(port: int, **rules: Sequence[str]) -> str:
    """sh that replaces everything about a port, all at once. ``rules`` go from a chain's kind to its rules."""
    lines = [f"add table {TABLE}"]
    for kind, hook in _HOOKS.items():
        # Adding a chain that is there already changes nothing.
        lines += [f"add chain {_chain(kind, port)} {{ {hook}; policy accept; }}", f"flush chain {_chain(kind, port)}"]
        lines += [f'add rule {_chain(kind, port)} {rule} comment "lotse-{port}"' for rule in rules.get(kind, ())]
    return "\n".join(["nft -f - <<'LOTSE_NFT'", *lines, "LOTSE_NFT"])


def start(port: int, target: str, *, to_port: int | None = None, refuse: bool = False) -> str:
    """A script: from now on new connections to this host's TCP ``port`` go to ``target``. Existing connections stay where they are.

    The source address becomes this host's, so answers come back this way, and ``target`` itself is never forwarded to itself.
    With ``refuse``, existing connections end: nothing reaches the port here any more, but from ``target`` and from 127.0.0.1, and these
    are counted (``reached``).
    """
    address, to = IPv4Address(target), to_port or port
    match = f"fib daddr type local tcp dport {port} {_SYN} counter dnat to {address}:{to}"
    refused = [
        f"ip saddr {address} tcp dport {port} {_SYN} counter accept",
        f"ip daddr 127.0.0.0/8 tcp dport {port} {_SYN} counter accept",
        f"ip saddr != {address} ip daddr != 127.0.0.0/8 tcp dport {port} counter reject with tcp reset",
    ]
    return "\n".join([
        "set -e",
        # Only the host that does not route yet gets the mark and the rule against routing for everybody.
        f"read -r switch < {_SWITCH} || :",  # it has no second read, so `read` misses the end of the line
        "if [ $switch = 0 ]; then nft -f - <<'LOTSE_NFT'",
        f"add table {TABLE}",
        # The chain `was_…` is never used: it remembers what `clean` sets back.
        f"add chain {TABLE} was_not_routing",
        f"add chain {TABLE} forward {{ type filter hook forward priority 0; policy accept; }}",
        f"flush chain {TABLE} forward",
        f"add rule {TABLE} forward ct status & dnat == 0 drop",
        "LOTSE_NFT",
        f"echo 1 > {_SWITCH}; fi",
        _change(
            port,
            prerouting=[f"ip saddr != {address} {match}"],
            output=[f"ip daddr != 127.0.0.0/8 {match}"],
            postrouting=[f"ip daddr {address} tcp dport {to} ct status dnat counter masquerade"],
            input=refused if refuse else [],
        ),
    ])  # fmt: skip


def hold(port: int) -> str:
    """A script: new connections to this host's TCP ``port`` wait (their SYN is dropped and sent again), existing ones go on."""
    return _change(port, gate=[f"fib daddr type local ip daddr != 127.0.0.0/8 tcp dport {port} {_SYN} counter drop"])


def freeze(port: int) -> str:
    """A script: nothing reaches this host's TCP ``port``, but from 127.0.0.1. Peers of existing connections send again until they may."""
    return _change(port, gate=[f"fib daddr type local ip daddr != 127.0.0.0/8 tcp dport {port} counter drop"])


def stop(port: int) -> str:
    """A script: this host answers on its ``port`` itself again. Connections that were forwarded go on."""
    return f"if nft list chain {_chain('gate', port)} >/dev/null 2>&1; then\n{_change(port)}\nfi"


def reached(port: int) -> str:
    """A script that prints how many connections reached the port here since ``start`` refused them, and how many packets were refused."""
    counted = "s/.*counter packets \\([0-9]*\\) bytes [0-9]* "
    listed = f"nft list chain {_chain('input', port)}"
    return (
        f"{listed} | sed -n '{counted}accept.*/\\1/p' | {{ sum=0; while read -r n; do sum=$((sum + n)); done; echo $sum; }}; "
        f"{listed} | sed -n '{counted}reject.*/\\1/p'"
    )


def clean() -> str:
    """A script for the end: removes the table when it forwards and holds nothing any more, and routes as before."""
    return "\n".join([
        f"listed=$(nft list table {TABLE} 2>/dev/null) || exit 0",
        'case "$listed" in *comment*) exit 0 ;; esac',
        f"nft delete table {TABLE}",
        f'case "$listed" in *was_not_routing*) echo 0 > {_SWITCH} ;; esac',
    ])  # fmt: skip
