# SPDX-License-Identifier: GPL-3.0-or-later
"""A reboot that would change the old host."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "reboot-pending", "A reboot would change the old host",
    severity="info",
    compares="the running kernel with the newest installed one, /run/reboot-required, failed units, enabled daemons that do not run",
    remedy="Do not reboot it before the moves are committed, or reboot it well before them.",
    reference="update-notifier's reboot-required; systemctl --failed",
    surprise=(48,), needs=("boot",),
)  # fmt: skip
def reboot_pending(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        boot = host.part("boot")
        running, newest = str(boot.get("kernel_running") or ""), boot.get("kernel_newest")
        told = [f"kernel {running} runs, {newest} is installed" if newest and running and newest != running else ""]
        told += [str(boot["reboot_required"]) if boot.get("reboot_required") else ""]
        told += [f"failed: {listed([str(row['unit']) for row in boot.get('failed') or ()])}" if boot.get("failed") else ""]
        told += [f"enabled and not running: {listed(list(boot.get('enabled_not_running') or ()))}" if boot.get("enabled_not_running") else ""]
        if any(told):
            yield Finding(
                host=host.name,
                severity="info",
                old="; ".join(filter(None, told)),
                new="a rollback after a reboot meets another system than the one that was left",
                remedy="Reboot it well before the moves, or not at all until they are committed.",
            )


DETECTOR = reboot_pending
