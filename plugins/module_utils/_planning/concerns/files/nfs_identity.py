# SPDX-License-Identifier: GPL-3.0-or-later
"""NFS 4 writes names on the wire, which belong to a domain."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "nfs-identity",
    "NFS 4 turns users into names of a domain that the guest does not have",
    severity="warning",
    compares="the domain of idmapd.conf, or else of DNS, with the guest's, which has none of its own",
    remedy="set the same Domain in idmapd.conf of the guest, and look at the owners of a file from both sides",
    reference="idmapd.conf(5), nfsidmap(8)",
    surprise=(33, 31),
    needs=("nfs",),
)
def nfs_identity(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        part = host.part("nfs")
        four = [row for row in part.get("mounts") or () if str(row["version"] or "4").startswith("4")] or part.get("exports")
        domain = part.get("idmap_domain")
        if four and domain and domain != part.get("dns_domain"):
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"Domain = {domain} in /etc/idmapd.conf, DNS domain {part.get('dns_domain') or 'none'}",
                new="the guest derives the domain from its own name: owners would be nobody",
                remedy=f"Set Domain = {domain} in /etc/idmapd.conf of the guest before it mounts.",
            )


DETECTOR = nfs_identity
