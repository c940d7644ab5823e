# SPDX-License-Identifier: GPL-3.0-or-later
"""The host mounts from an NFS server, and the guest does not."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...model import Draft, Finding
from ..detector import detector
from ._shared import taking

GONE = {"2": "Linux has no NFS 2 any more", "3": "Debian 13 would speak 4.2 by itself"}


@detector(
    "nfs-mount",
    "The host mounts from an NFS server, and the guest does not",
    severity="critical where a tree that moves or a job lies there, else warning",
    compares="NFS mounts with their version, transport and options with the guest, which mounts nothing",
    remedy="mount it on the guest with the same version and options, and have the server allow the guest's address",
    reference="nfs(5); Linux 5.13: NFS over UDP is off",
    surprise=(33, 27),
    needs=("nfs",),
)
def nfs_mount(draft: Draft) -> Iterator[Finding]:
    busy = {service.host for service in draft.services}
    for host in draft.hosts.values():
        for row in host.part("nfs").get("mounts") or () if host.name in busy else ():
            target = str(row["target"])
            links = [str(link["target"]) for tree in host.rows("files") for link in tree["leaving"]]
            used = bool(taking(draft, host, target)) or any(trees.inside(link, target) for link in links)
            jobs = [str(job["command"]) for job in host.rows("cron") if target in str(job.get("command"))]
            version = str(row["version"] or "unknown")
            udp = ", over UDP, which new kernels refuse" if row["protocol"] == "udp" else ""
            yield Finding(
                host=host.name,
                severity="critical" if row["mounted"] and (used or jobs) else "warning",
                title=f"{target} comes from {row['server']}",
                old=f"{row['server']}:{row['path']} at {target}, version {version}, {'hard' if row['hard'] else 'soft'}, "
                f"sec {row['security'] or 'sys'}{udp}"
                + (f", /etc/fstab:{row['fstab_line']}" if row["fstab_line"] else ", not in fstab"),
                new=f"no guest mounts it{'; ' + GONE[version] if version in GONE else ''}; the server may allow the old address only",
                remedy="Install nfs-common and mount it on the guest with the same options; have the server's exports allow the guest's address.",
            )


DETECTOR = nfs_mount
