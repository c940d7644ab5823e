# SPDX-License-Identifier: GPL-3.0-or-later
"""A service whose new files would have other permissions."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector
from ._shared import carried, processes_of


@detector(
    "service-umask", "New files would get other permissions",
    severity="warning",
    compares="Umask in /proc/PID/status of the service with UMask= of Debian 13's unit",
    remedy="The guest's unit gets the old umask (base_units) where all processes of the old unit agree.",
    reference="systemd.exec(5): UMask= is 0022 for system services, whatever /etc/profile or pam_umask say",
    surprise=(16,), needs=("limits",),
)  # fmt: skip
def service_umask(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        new = debian13.UMASK.get(service.kind, debian13.UMASK_OTHERS)
        masks = {str(row["umask"]) for row in processes_of(draft.hosts[service.host], service.kind) if row.get("umask")}
        for mask in sorted(masks - {new} - debian13.UMASK_USUAL.get(service.kind, frozenset())):
            kept = carried(draft, service.id, "UMask", mask)
            taken = int(new, 8) & ~int(mask, 8)
            yield Finding(
                host=service.host,
                severity="warning",
                service=service.id,
                old=f"umask {mask}: new files have {0o666 & ~int(mask, 8):04o}",
                new=f"umask {new}: new files have {0o666 & ~int(new, 8):04o}" + (": those who shared them would be shut out" if taken else ""),
                remedy="The guest's unit gets the old umask (base_units)." if kept else f"Give the unit on the guest a drop-in with UMask={mask}.",
                applied=kept,
            )


DETECTOR = service_umask
