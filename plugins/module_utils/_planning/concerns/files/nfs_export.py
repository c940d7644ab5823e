# SPDX-License-Identifier: GPL-3.0-or-later
"""Others mount from this host: their handles die with it."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "nfs-export",
    "Others mount from this host, and their handles die with it",
    severity="critical where clients were seen, else warning",
    compares="exports, their fsid and the clients that were seen with a new server, whose file handles differ",
    remedy="move the clients first, or give the new export the old fsid on a file system with the same inodes; else every client remounts",
    reference="exports(5): fsid; ESTALE in the NFS FAQ",
    surprise=(33,),
    needs=("nfs",),
)
def nfs_export(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        part = host.part("nfs")
        if rows := part.get("exports") or ():
            clients = list(part.get("clients") or ())
            unfixed = sorted({str(row["path"]) for row in rows if not row["fsid"]})
            yield Finding(
                host=host.name,
                severity="critical" if clients else "warning",
                service=f"nfs@{host.name}" if draft.service("nfs", host.name) else "",
                old=listed(sorted({f"{row['path']} to {row['client']}" for row in rows}))
                + (f"; seen: {listed(clients)}" if clients else "; no client seen") + (f"; no fsid: {listed(unfixed)}" if unfixed else ""),
                new="a copy has other inodes and another file system: open handles get ESTALE, also with the same fsid",
                remedy="Unmount on every client before, mount from the new server after; no way keeps handles alive over a copy.",
            )  # fmt: skip


DETECTOR = nfs_export
