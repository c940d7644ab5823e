# SPDX-License-Identifier: GPL-3.0-or-later
"""Processor features that programs use and the guest may not have."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ...processors import TELLING, has, level, wanted
from ..detector import detector, listed

UNKNOWN = "the template's CPU type, which the plan does not know; the API's default kvm64 has none of these"


@detector(
    "cpu-flags", "Processor features that the guest would not have",
    severity="critical where a running program says that it needs them, else warning; info where the template's CPU type is not known to the plan",
    compares="/proc/cpuinfo and what running programs need (ELF notes) with the CPU type of the guests (plan_guest_defaults.cpu)",
    remedy="Choose a CPU type that has them: x86-64-v2-AES or x86-64-v3, or host where all nodes are alike.",
    reference="Proxmox VE administration guide, CPU Type; System V ABI for x86-64, micro-architecture levels; QEMU, kvm64 has no SSE4, AES, AVX",
    surprise=(36,), needs=("machine", "binaries"),
)  # fmt: skip
def cpu_flags(draft: Draft) -> Iterator[Finding]:
    told = False
    for guest in draft.guests:
        host = draft.hosts[guest.host]
        flags = {str(flag) for flag in host.part("machine").get("cpu_flags") or ()}
        kind = guest.cpu
        needs = [row for row in host.part("binaries").get("needs") or () if not level(kind, str(row["isa"]))]
        lost = [name for name in TELLING if name in flags and not has(kind, name)]
        if not needs and (told or not lost or not wanted(kind)):
            continue
        told = told or kind is None  # that the plan does not know the type is one matter, not one for each guest
        programs = listed([f"{row['exe']} needs {row['isa']}" for row in needs])
        yield Finding(
            host=host.name,
            severity=("critical" if needs else "warning") if kind else "warning" if needs else "info",
            service=guest.services[0],
            title=f"{guest.name} would have fewer processor features",
            old="; ".join(filter(None, [f"the processor has {', '.join(lost)}" if lost else "", programs])),
            new=f"CPU type {kind} has none of these" if kind else UNKNOWN,
            remedy="Set plan_guest_defaults.cpu to x86-64-v2-AES, to x86-64-v3 for AVX2, or to host where all nodes have the same processor.",
        )


DETECTOR = cpu_flags
