# SPDX-License-Identifier: GPL-3.0-or-later
"""Role base: the clock, users with their numeric ids, kernel parameters, and names; and the size of packets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address

from .. import debian13, debian13_kernel, trees
from ..model import LegacyHost, Row
from ..rewriting import NewAddresses

DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)
LEAST_MTU = 576  # RFC 791


def time_zone(zone: str) -> Row:
    """Nothing where the guest's own zone is meant."""
    return {} if zone == debian13.TIME_ZONE else {"base_time_zone": zone}


def users(host: LegacyHost, names: Iterable[str], paths: Iterable[str] = ()) -> Row:
    """Named users, those who live below moved paths, and those who own files there. Ids below 100 mean the same user on every Debian."""
    known = host.users()
    moved = list(paths)
    counted = [row for row in host.rows("files") if any(trees.meet(str(row["path"]), path) for path in moved)]
    wanted = {name for name in names if name in known} | {
        name for name, row in known.items() if any(trees.inside(str(row["home"]), path) for path in moved)
    } | {str(owner["name"]) for row in counted for owner in row["owners"] if owner["name"] in known}
    rows = [known[name] for name in sorted(wanted) if int(known[name]["uid"]) >= debian13.STATIC_IDS]
    if not rows:
        return {}
    return {
        "base_users": [
            {"name": row["name"], "uid": int(row["uid"]), "gid": int(row["gid"]), "group": row.get("group") or row["name"], "home": row["home"],
             "shell": row["shell"]}
            for row in rows
        ]
    }  # fmt: skip


def sysctl(host: LegacyHost) -> Row:
    """Kernel parameters that people set in files, with the values that run: those that Debian 13 knows, has otherwise, and that may be carried."""
    running = host.part("kernel").get("sysctl") or {}
    wanted = {}
    for row in host.part("kernel").get("set_by") or ():
        name = str(row["name"])
        value = str(running.get(name, row["value"]))
        if debian13_kernel.CARRIED.fullmatch(name) and debian13_kernel.differs(name, value):
            wanted[name] = value
    return {"base_sysctl": dict(sorted(wanted.items()))} if wanted else {}


def names(host: LegacyHost, new: NewAddresses) -> Row:
    """Entries of the old hosts file, but for the host's own name and loopback; and the search list, by which short names are completed."""
    part = host.part("resolver")
    own = {host.name, str(host.part("os").get("hostname") or host.name).split(".")[0]}
    entries = []
    for row in part.get("hosts") or ():
        address = str(row["address"])
        kept = [str(name) for name in row["names"] if str(name).split(".")[0] not in own]
        if kept and not ip_address(address).is_loopback and not ip_address(address).is_link_local:
            entries.append({"address": new.of(address) or address, "names": kept})
    search = [str(domain) for domain in part.get("search") or () if DOMAIN.fullmatch(str(domain))]
    return ({"base_hosts": entries} if entries else {}) | ({"base_resolver": {"search": search}} if search else {})


def mtu(host: LegacyHost) -> int | None:
    """What the guest's card may send, where the old one sends less than usual. More needs a bridge that passes it, which nobody knows."""
    for card in host.rows("interfaces"):
        if card["kind"] != "loopback" and host.address in {str(row["address"]).split("/")[0] for row in card["addresses"]}:
            found = int(card["mtu"] or 0)
            return found if LEAST_MTU <= found < debian13.MTU else None
    return None
