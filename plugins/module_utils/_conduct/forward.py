# SPDX-License-Identifier: GPL-3.0-or-later
"""The old address keeps working: new connections to a host's port are forwarded to another host, by nftables and not by a program.

One table, ``ip lotse_forward``, holds every forward of a host. Its scripts are plain sh for hosts where nothing may be installed; they
are idempotent, and each forwards or stops forwarding one TCP port. Counters tell whether anybody still uses the old address.
"""

from __future__ import annotations

from ipaddress import IPv4Address

TABLE = "ip lotse_forward"

_CHAINS = f"""nft list table {TABLE} >/dev/null 2>&1 || nft -f - <<'LOTSE_NFT'
table {TABLE} {{
  chain gate {{ type filter hook prerouting priority -150; policy accept; }}
  chain prerouting {{ type nat hook prerouting priority -100; policy accept; }}
  chain postrouting {{ type nat hook postrouting priority 100; policy accept; }}
}}
LOTSE_NFT"""


def _drop(chain: str, comment: str) -> str:
    """Deletes the rules with this comment from a chain."""
    return (
        f"for handle in $(nft -a list chain {TABLE} {chain} 2>/dev/null | sed -n 's/.*comment \"{comment}\".* # handle \\([0-9]*\\)$/\\1/p'); do "
        f"nft delete rule {TABLE} {chain} handle $handle; done"
    )


def start(port: int, target: str, *, to_port: int | None = None) -> str:
    """A script: from now on new connections to this host's TCP ``port`` go to ``target``. Existing connections stay where they are.

    The source address becomes this host's, so answers come back this way, and ``target`` itself is never forwarded to itself.
    """
    address, to = IPv4Address(target), to_port or port
    name = f"lotse-{port}"
    return "\n".join([
        "set -e",
        _CHAINS,
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        _drop("prerouting", name),
        _drop("postrouting", name),
        f'nft add rule {TABLE} postrouting ip daddr {address} tcp dport {to} ct status dnat counter masquerade comment \\"{name}\\"',
        f"nft add rule {TABLE} prerouting ip saddr != {address} fib daddr type local tcp dport {port} "
        f'counter dnat to {address}:{to} comment \\"{name}\\"',
        _drop("gate", name),
    ])  # fmt: skip


def hold(port: int) -> str:
    """A script: new connections to this host's TCP ``port`` wait (their SYN is dropped and sent again), existing ones go on."""
    name = f"lotse-{port}"
    return "\n".join([
        "set -e",
        _CHAINS,
        _drop("gate", name),
        f'nft add rule {TABLE} gate fib daddr type local tcp dport {port} tcp flags \\& \\(syn\\|ack\\) == syn counter drop comment \\"{name}\\"',
    ])  # fmt: skip


def stop(port: int) -> str:
    """A script: this host answers on its ``port`` itself again. The table goes with its last rule."""
    name = f"lotse-{port}"
    return "\n".join([
        *(_drop(chain, name) for chain in ("gate", "prerouting", "postrouting")),
        f'if nft list table {TABLE} 2>/dev/null | grep -q comment; then :; else nft delete table {TABLE} 2>/dev/null || :; fi',
    ])  # fmt: skip
