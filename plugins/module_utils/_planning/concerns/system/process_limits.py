# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of processes and of locked memory that somebody raised."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...carried.units import nproc, raised
from ...model import Draft, Finding
from ..detector import detector
from ._shared import carried, processes_of


@detector(
    "process-limits", "Limits that somebody raised for a service",
    severity="warning",
    compares="Max processes and Max locked memory in /proc/PID/limits of the service with what systemd gives on Debian 13",
    remedy="The guest's unit gets LimitNPROC= and LimitMEMLOCK= of the old one (base_units) where all its processes agree.",
    reference="systemd.exec(5); the kernel's default for processes is half of kernel.threads-max (kernel/fork.c)",
    surprise=(17,), needs=("limits", "kernel"),
)  # fmt: skip
def process_limits(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        host = draft.hosts[service.host]
        usual = nproc(host)
        for row in processes_of(host, service.kind):
            found = raised(row, usual)
            if not found:
                continue
            kept = all(carried(draft, service.id, key, value) for key, value in found.items())
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                title=f"{row['process']} runs with limits of its own",
                old=", ".join(f"{key}={value}" for key, value in found.items()) + (f"; the kernel would give {usual} processes" if usual else ""),
                new=f"processes by the guest's memory (7844 with 2 GiB), {debian13.MEMLOCK // 1024} KiB of locked memory",
                remedy="The guest's unit gets the old limits (base_units)." if kept else
                "Give the unit on the guest a drop-in with the old limits, where the service needs them.",
                applied=kept,
            )  # fmt: skip
            break


DETECTOR = process_limits
