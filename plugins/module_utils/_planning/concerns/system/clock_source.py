# SPDX-License-Identifier: GPL-3.0-or-later
"""A clock source that hides a sick machine."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector

SLOW = {"hpet", "acpi_pm", "jiffies", "pit"}


@detector(
    "clock-source", "Another clock source",
    severity="info",
    compares="current_clocksource of the old kernel with what a guest of KVM has (kvm-clock, or tsc)",
    remedy="Nothing to do. Software that reads the time very often will become faster; measure it in the rehearsal.",
    reference="Documentation/virt/kvm/x86/timekeeping.rst: hpet and acpi_pm leave the virtual machine at each reading",
    surprise=(37,), needs=("kernel",),
)  # fmt: skip
def clock_source(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        kernel = host.part("kernel")
        source = str(kernel.get("clocksource") or "")
        set_by_hand = [word for word in kernel.get("command_line") or () if str(word).startswith(("clocksource=", "tsc=", "notsc"))]
        if source in SLOW or set_by_hand:
            yield Finding(
                host=host.name,
                severity="info",
                old=f"{source or 'unknown'}" + (f", by {' '.join(set_by_hand)} on the kernel's command line" if set_by_hand else ""),
                new="kvm-clock or tsc",
                remedy="Nothing to do for the guest; do not carry these words of the command line over.",
            )


DETECTOR = clock_source
