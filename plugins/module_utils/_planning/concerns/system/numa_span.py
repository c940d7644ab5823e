# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine of several NUMA nodes becomes one guest."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "numa-span", "A guest that may span NUMA nodes",
    severity="warning where the guest is larger than one NUMA node of the old machine was, else info where programs were bound to nodes",
    compares="NUMA nodes of the old machine, kernel.numa_balancing and numa=… with the guest's cores and memory",
    remedy="Set numa: true on the guest (pve_fleet) where the nodes have several sockets; do not carry numactl or interleaving over blindly.",
    reference="Proxmox VE administration guide, NUMA; Documentation/admin-guide/sysctl/kernel.rst",
    surprise=(40,), needs=("machine", "kernel"),
)  # fmt: skip
def numa_span(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        host = draft.hosts[guest.host]
        nodes = host.part("machine").get("numa") or ()
        if len(nodes) < 2:
            continue
        largest = max(int(node["memory_mib"]) for node in nodes)
        bound = [word for word in host.part("kernel").get("command_line") or () if str(word).startswith("numa")]
        wide = guest.size.memory_mib > largest
        if wide or bound:
            yield Finding(
                host=host.name,
                severity="warning" if wide else "info",
                service=guest.services[0],
                old=f"{len(nodes)} NUMA nodes, the largest with {largest} MiB" + (f"; {' '.join(bound)}" if bound else ""),
                new=f"{guest.name} has {guest.size.memory_mib} MiB and {guest.size.cores} cores, and sees one node unless numa is set",
                remedy="Set numa: true for this guest, or make it smaller than a NUMA node of the cluster.",
            )


DETECTOR = numa_span
