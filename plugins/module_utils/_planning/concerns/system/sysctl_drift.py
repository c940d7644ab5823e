# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel parameters that the guest would have otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from ...debian13_kernel import CARRIED, DECISIVE, DEFAULTS, FORMER, differs, known
from ...model import Draft, Finding, LegacyHost
from ..detector import detector, listed


@detector(
    "sysctl-drift", "Kernel parameters that differ",
    severity="critical where people set one that decides whether a service starts, accepts or routes; warning for others that people set, and for"
    " deciding ones that no file names; info for the rest",
    compares="every readable value of /proc/sys with Debian 13's; counters, single interfaces and sizes made of memory are left out",
    remedy="What people set in /etc/sysctl.d or /etc/sysctl.conf, and Debian 13 knows, is carried (base_sysctl); decide about the rest.",
    reference="Documentation/admin-guide/sysctl of Linux; values read from Debian 11, 12 and 13 as they boot",
    surprise=(18,), needs=("kernel",),
)  # fmt: skip
def sysctl_drift(draft: Draft) -> Iterator[Finding]:
    for guest in draft.guests:
        host = draft.hosts[guest.host]
        carried = draft.settings[guest.name].get("base_sysctl") or {}
        groups: dict[tuple[str, bool], list[tuple[str, str]]] = {}
        for name, old, rank in _differences(host):
            groups.setdefault((rank, name in carried), []).append((name, old))
        for (severity, applied), rows in groups.items():
            count = len(rows)
            yield Finding(
                host=host.name,
                severity=severity,
                service=guest.services[0],
                title=f"{guest.name} would run with {count} other kernel parameter{'s' if count > 1 else ''}",
                old=listed([old for _, old in rows]),
                new=listed([f"{name} = {DEFAULTS.get(name, 'by its memory' if known(name) else 'unknown to Debian 13')}" for name, _ in rows]),
                remedy="The guest gets the old values (base_sysctl)." if applied else
                "Decide for each whether the guest needs it; set it in plan_settings (base_sysctl), or in a file on the old host, and survey again.",
                applied=applied,
            )  # fmt: skip


def _differences(host: LegacyHost) -> Iterator[tuple[str, str, str]]:
    """Name, evidence, severity."""
    kernel = host.part("kernel")
    running, told = kernel.get("sysctl") or {}, {str(row["name"]): row for row in kernel.get("set_by") or ()}
    for name, row in told.items():
        value = str(running.get(name, row["value"]))
        where = f"{name} = {value} ({row['file']}:{row['line']}" + (f" says {row['value']})" if row["value"] != value else ")")
        if differs(name, value):
            yield name, where, "critical" if name in DECISIVE and CARRIED.fullmatch(name) else "warning"
        elif not known(name) and name in running:
            yield name, where, "warning"
    for name, value in running.items():
        if name in DEFAULTS and name not in told and differs(name, str(value)) and str(value) not in FORMER.get(name, ()):
            yield name, f"{name} = {value} (no file says so)", "warning" if name in DECISIVE else "info"


DETECTOR = sysctl_drift
