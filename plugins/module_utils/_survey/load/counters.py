# SPDX-License-Identifier: GPL-3.0-or-later
"""From two readings of the kernel's counters to the average between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .samples import Sample, sample

SHORTEST_S = 300  # two surveys in a row say nothing about the host but that it was surveyed
RATES = {
    "cpu_cores": "cpu_s", "disk_read_mib_s": "disk_read_mib", "disk_write_mib_s": "disk_written_mib", "disk_iops": "disk_operations",
    "network_mib_s": "network_mib",
}  # fmt: skip


def too_soon(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether the former reading shall stay, because both are of one boot and close together."""
    return before is not None and before["boot"] == after["boot"] and 0 <= after["uptime_s"] - before["uptime_s"] < SHORTEST_S


def between(before: Mapping[str, Any] | None, after: Mapping[str, Any], now: int, memory_mib: float | None) -> Sample | None:
    """The average since the former reading, None where there is none to compare with: the first, or another boot.

    The time between them is the host's uptime, which no clock can change; ``now`` is the controller's, the same for all hosts. A counter
    that went back was set to zero (a container that started again, a card that was removed): what it says is not seen.
    """
    if before is None or before["boot"] != after["boot"]:
        return None
    seconds = int(after["uptime_s"]) - int(before["uptime_s"])
    if seconds < SHORTEST_S:
        return None
    values: dict[str, float | None] = {"memory_mib": memory_mib}
    for name, counter in RATES.items():
        old, new = before[counter], after[counter]
        values[name] = (new - old) / seconds if old is not None and new is not None and new >= old else None
    return sample(now, seconds, values)
