# SPDX-License-Identifier: GPL-3.0-or-later
"""What a legacy host draws, by its own word."""

from __future__ import annotations

from .model import LegacyHost


def watts(host: LegacyHost) -> tuple[float | None, bool]:
    """Watts at the survey (None where nothing told), and whether that is the whole machine, not its processors only."""
    power = host.part("power")
    value = power.get("watts")
    return (float(value) if value is not None else None), bool(power.get("whole"))


def measured(host: LegacyHost) -> str:
    """The same in words; empty where nothing told."""
    value, whole = watts(host)
    source = next((row["result"] for row in host.part("power").get("tried") or () if row["how"] == host.part("power").get("source")), "")
    return "" if value is None else f"{'' if whole else 'at least '}{value:g} W ({source})"
