# SPDX-License-Identifier: GPL-3.0-or-later
"""Names would be looked up elsewhere, or completed otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import leaving, names

USUAL = frozenset({"edns0", "trust-ad", "."})  # of cloud images and of systemd-resolved


@detector(
    "resolver-difference",
    "Names would be looked up elsewhere, or completed otherwise",
    severity="warning",
    compares="nameservers, search list and options of resolv.conf, sources of nsswitch.conf, with what the guest gets from its template",
    remedy="the plan carries the search list (base_resolver); options, a cache on the host itself or other sources are added by hand",
    reference="resolv.conf(5), nsswitch.conf(5)",
    surprise=(26, 25),
    needs=("resolver",),
)
def resolver_difference(draft: Draft) -> Iterator[Finding]:
    ours = {address: host.name for host in draft.hosts.values() for address in host.addresses}
    for host, guests in leaving(draft):
        part = host.part("resolver")
        carried = [draft.settings[guest.name].get("base_resolver") or {} for guest in guests]
        for name in ("search", "options"):
            if old := [word for word in part.get(name) or () if word not in USUAL]:
                applied = name == "search" and all(list(settings.get(name) or ()) == old for settings in carried)
                yield Finding(
                    host=host.name, severity="warning", title=f"resolv.conf has {name} of its own", old=f"{name} {' '.join(old)}",
                    new=f"{names(guests)} would have the template's",
                    remedy="The plan carries it." if applied else "Write it into the guest's resolv.conf, or into its template's.", applied=applied,
                )  # fmt: skip
        for server in part.get("nameservers") or ():
            if server in ours or (str(server).startswith("127.") and server != "127.0.0.53"):
                where = f"on {ours[server]}, which is to go" if server in ours else f"on the host itself ({', '.join(part['daemons']) or 'unknown'})"
                yield Finding(
                    host=host.name, severity="warning", title=f"The nameserver {server} does not stay", old=f"nameserver {server} {where}",
                    new=f"{names(guests)} ask the template's nameserver",
                    remedy="See that the template's nameserver knows the same names, above all internal zones that the old one forwards.",
                )  # fmt: skip
        if odd := [word for word in part.get("order") or () if word not in {"files", "dns", "myhostname", "resolve", "mdns4_minimal", "mymachines"}]:
            yield Finding(
                host=host.name, severity="warning", title="nsswitch.conf has other sources of names", old=f"hosts: {' '.join(part['order'])}",
                new=f"{names(guests)} have files and dns", remedy=f"Install and configure {', '.join(odd)} on the guest, or put the names into DNS.",
            )  # fmt: skip


DETECTOR = resolver_difference
