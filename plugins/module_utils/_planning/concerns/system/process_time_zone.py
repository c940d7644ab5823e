# SPDX-License-Identifier: GPL-3.0-or-later
"""A running service whose environment has a time zone of its own."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...carried.units import same_zone
from ...model import Draft, Finding
from ..detector import detector
from ._shared import carried, processes_of


@detector(
    "process-time-zone", "A service with a time zone of its own",
    severity="critical where the guest has another zone, else info",
    compares="TZ in /proc/PID/environ of the service with the zone that the guest is given",
    remedy="The guest's unit gets the same TZ (base_units) where all processes of the old unit agree.",
    reference="tzset(3): TZ outweighs /etc/localtime",
    surprise=(15,), needs=("limits",),
)  # fmt: skip
def process_time_zone(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        host = draft.hosts[service.host]
        given = str(draft.settings_of(service.id).get("base_time_zone") or debian13.TIME_ZONE)
        zones = {str(row["environment"]["TZ"]).lstrip(":") for row in processes_of(host, service.kind) if row["environment"].get("TZ")}
        for zone in sorted(zones):
            same, kept = same_zone(zone, given), carried(draft, service.id, "Environment", f"TZ={zone}")
            yield Finding(
                host=host.name,
                severity="info" if same else "critical",
                service=service.id,
                old=f"TZ={zone} in the environment of its processes, {host.time_zone} on the host",
                new=f"no TZ: {given}, the guest's zone",
                remedy="Nothing to do." if same else "The guest's unit gets the same TZ (base_units)." if kept else
                f"Its processes do not agree. Give the unit on the guest a drop-in with Environment=TZ={zone}, then waive this.",
                applied=same or kept,
            )  # fmt: skip


DETECTOR = process_time_zone
