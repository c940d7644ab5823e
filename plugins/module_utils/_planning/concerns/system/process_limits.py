# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of processes and of locked memory that somebody raised."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector
from ._shared import processes_of, soft


@detector(
    "process-limits", "Limits that somebody raised for a service",
    severity="warning",
    compares="Max processes and Max locked memory in /proc/PID/limits of the service with what systemd gives on Debian 13",
    remedy="Give the unit on the guest LimitNPROC= and LimitMEMLOCK= in a drop-in.",
    reference="systemd.exec(5); the kernel's default for processes is half of kernel.threads-max (kernel/fork.c)",
    surprise=(17,), needs=("limits", "kernel"),
)  # fmt: skip
def process_limits(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        host = draft.hosts[service.host]
        threads = str((host.part("kernel").get("sysctl") or {}).get("kernel.threads-max") or "")
        usual = int(threads) // 2 if threads.isdecimal() else None
        for row in processes_of(host, service.kind):
            limits, nproc = row.get("limits") or {}, soft(row, "nproc")
            told = []
            if usual and ((nproc and abs(nproc - usual) > usual // 20) or limits.get("nproc", {}).get("soft") == "unlimited"):
                told.append(f"LimitNPROC {nproc or 'unlimited'}, where the kernel would give {usual}")
            if limits.get("memlock", {}).get("soft") == "unlimited":
                told.append("LimitMEMLOCK unlimited")
            if told:
                yield Finding(
                    host=host.name,
                    severity="warning",
                    service=service.id,
                    title=f"{row['process']} runs with limits of its own",
                    old="; ".join(told),
                    new=f"processes by the guest's memory (7844 with 2 GiB), {debian13.MEMLOCK // 1024} KiB of locked memory",
                    remedy="Give the unit on the guest a drop-in with the old limits, where the service needs them.",
                )
                break


DETECTOR = process_limits
