# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the old host and would not come back with it."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "not-enabled", "What runs, and no boot would start",
    severity="warning",
    compares="running units and programs that outlived a login with what systemd would start; the guest's services are enabled",
    remedy="Enable it on the old host, or write down how it is started: a rollback may need it after a reboot.",
    reference="systemctl(1), is-enabled; incident: a cache started by hand in a screen three years before",
    surprise=(48,), needs=("boot",),
)  # fmt: skip
def not_enabled(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        boot = host.part("boot")
        hand = [f"{row['process']} (user {row['uid']}, started by hand)" for row in boot.get("by_hand") or ()]
        units = [f"{unit} (not enabled)" for unit in boot.get("not_enabled") or ()]
        if hand or units:
            yield Finding(
                host=host.name,
                severity="warning",
                old=listed([*units, *hand]),
                new="after a reboot of the old host it would be missing; what moves is started by the guest's own unit",
                remedy="Enable it, or write down how it is started, before the move that may have to come back.",
            )


DETECTOR = not_enabled
