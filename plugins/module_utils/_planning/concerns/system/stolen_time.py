# SPDX-License-Identifier: GPL-3.0-or-later
"""A legacy host that is a guest already, and does not get what it was promised."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector

MUCH = 1.0  # percent of all time since boot


@detector(
    "stolen-time", "Measured while somebody else had the processor or the memory",
    severity="warning",
    compares="steal of /proc/stat and the balloon's counters of /proc/vmstat on the old host with a guest on a cluster that is not overcommitted",
    remedy="Size the guest from a quiet day, or with more comfort: the measured load is what was left, not what was wanted.",
    reference="proc_stat(5), steal; Documentation/admin-guide/mm; Proxmox VE administration guide, Dynamic Memory Management",
    surprise=(40,), needs=("kernel", "machine"),
)  # fmt: skip
def stolen_time(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        kernel = host.part("kernel")
        ticks, counters = kernel.get("ticks") or {}, kernel.get("counters") or {}
        total = sum(int(value) for name, value in ticks.items() if not name.startswith("guest"))
        share = 100 * int(ticks.get("steal") or 0) / total if total else 0.0
        balloon = int(counters.get("balloon_inflate") or 0)
        if share >= MUCH or balloon:
            told = [f"{share:.1f} % of all processor time was stolen" if share >= MUCH else "", "memory was taken by a balloon" if balloon else ""]
            yield Finding(
                host=host.name,
                severity="warning",
                old="; ".join(filter(None, told)) + f" since boot ({host.part('machine').get('virtual') or 'virtual'})",
                new="the guest gets its cores and memory whole while the cluster is not overcommitted; it will use more than was measured",
                remedy="Decide cores and memory in plan_guests, or raise plan_comfort for it; keep balloon_mib at the guest's memory.",
            )


DETECTOR = stolen_time
