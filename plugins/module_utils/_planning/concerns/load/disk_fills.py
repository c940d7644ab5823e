# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that grows and will be full."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...sizing import CONTAINER_ROOTS
from ..detector import detector

SPANS = ((7, "a week"), (31, "a month"), (92, "three months"), (183, "half a year"), (366, "a year"), (1 << 30, "the horizon"))


@detector(
    "disk-fills",
    "A file system that will be full",
    severity="warning where the growth that was seen fills it within the sizing horizon",
    compares="free space and growth a day of the old host's file system, against the disk of its guest",
    remedy="Make room on the old host until the move is committed; the guest's disk is sized for the horizon.",
    reference="docs/guides/plan.md, How it decides",
)
def disk_fills(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        foreign = {str(row["target"]) for row in host.rows("mounts") if row.get("type") in CONTAINER_ROOTS}
        guests = draft.guests_of.get(host.name, ())
        for disk in draft.loads.get(host.name, {}).get("disks") or ():
            growth, free = disk["growth_mib_per_day"] or 0, max(0, disk["size_mib"] - disk["used_mib"])
            if disk["target"] in foreign or growth <= 0 or free >= growth * draft.horizon_days:
                continue
            span = next(word for days, word in SPANS if free <= growth * days)
            sizes = ", ".join(f"{guest.name} {guest.size.disk_gib} GiB" for guest in guests)
            yield Finding(
                host=host.name,
                severity="warning",
                title=f"{disk['target']} on {host.name} will be full within {span}",
                old=f"{disk['target']} has {disk['size_mib']} MiB, and its growth fills it within {span}",
                new=f"disks of the guests: {sizes or 'none'}; {draft.horizon_days} days of growth are in them where a service's data are there",
                remedy="Make room on the old host: it must live until the move is committed, and a rollback needs it. See that the guest's disk is"
                " large enough, or decide it in plan_guests.",
            )


DETECTOR = disk_fills
