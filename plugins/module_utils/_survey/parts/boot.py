# SPDX-License-Identifier: GPL-3.0-or-later
"""What the next boot would bring back, and what it would not."""

from __future__ import annotations

import re
from typing import Any

from ..part import COUNT, FLAG, MAYBE, TEXT, WORDS, Limits, Part, record, rows
from ..processes import PASSING
from ..wire import Section, number
from .storage import UNREAL

# Nothing enables these, and yet they come: by dependencies of systemd itself, by generators, by sockets and by the bus.
SELF_STARTING = {"static", "indirect", "generated", "transient", "alias", "enabled", "enabled-runtime", "linked-runtime"}
PASSING_MOUNTS = re.compile(r"/(proc|sys|dev|run|snap|var/lib/(docker|containers|lxc))(/|$)")
SHELLS = re.compile(r"(ba|da|z|k|a)?sh|tmux.*|screen|SCREEN|systemd|\(sd-pam\)|sshd.*|dbus-daemon|ssh-agent|gpg-agent|su|sudo|login|agetty|sleep")


def parse(section: Section) -> dict[str, Any]:
    units = _units(section.blocks.get("units", []))
    rows_by_pid = _processes(section)
    kernels = sorted({line.strip().removeprefix("vmlinuz-") for line in section.lines("kernels")} - {"vmlinuz"}, key=version_key)
    return {
        "systemd": "systemd" in section.marks,
        "kernel_running": section.first("kernel"),
        "kernel_newest": kernels[-1] if kernels else None,
        "reboot_required": section.first("pending") or None,
        "reboot_packages": sorted({line.strip() for line in section.lines("pending_packages")}),
        "not_enabled": [_name(unit) for unit in units if _would_not_start(unit)],
        "failed": [{"unit": _name(unit), "result": unit.get("Result", "")} for unit in units if unit.get("ActiveState") == "failed"],
        "enabled_not_running": _idle(_units(section.blocks.get("inactive", []))),
        "by_hand": [row for row in rows_by_pid if not SHELLS.fullmatch(str(row["process"]))],
        "mounts_not_configured": _loose_mounts(section),
        "sysv": sorted({line.strip() for line in section.blocks.get("sysv", []) if line.strip()}),
    }


def version_key(text: str) -> list[tuple[int, int, str]]:
    """Numbers compare as numbers: 5.10.0-9 comes before 5.10.0-30."""
    return [(1, int(part[:15]), "") if part.isdecimal() else (0, 0, part) for part in re.findall(r"[0-9]+|[A-Za-z]+", text)]


def _units(lines: list[str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{}]
    for line in lines:
        name, sign, value = line.partition("=")
        if sign:
            found[-1].setdefault(name.strip(), value.strip())
        elif not line.strip():
            found.append({})
    named = [unit for unit in found if unit.get("Id", "").endswith(".service") and not PASSING.fullmatch(unit["Id"])]
    return sorted(named, key=_name)


def _name(unit: dict[str, str]) -> str:
    return unit["Id"]


def _would_not_start(unit: dict[str, str]) -> bool:
    """Running, and neither enabled, wanted, required nor triggered by anything."""
    running = unit.get("ActiveState") == "active" and unit.get("SubState") == "running"
    pulled = any(unit.get(name) for name in ("TriggeredBy", "WantedBy", "RequiredBy"))
    state = unit.get("UnitFileState", "")
    orphaned = state == "generated" and "init.d" in unit.get("SourcePath", "")  # a SysV script without a link in rcN.d is wanted by nothing
    return running and not pulled and (orphaned or (bool(state) and state not in SELF_STARTING))


def _idle(units: list[dict[str, str]]) -> list[str]:
    """Enabled daemons that do not run: a boot would start them. One-shots, and those whose condition says no, have done their work."""
    return [
        _name(unit) for unit in units
        if unit.get("ActiveState") == "inactive" and unit.get("Type") not in ("oneshot", "dbus") and unit.get("ConditionResult") == "yes"
    ]  # fmt: skip


def _processes(section: Section) -> list[dict[str, Any]]:
    """Programs in a login's slice whose parent is process 1: they outlived their shell."""
    hand = {pid for line in section.lines("cgroup") if (pid := number(line.partition(" ")[0])) is not None}
    found: dict[int, dict[str, Any]] = {}
    for line in section.lines("status"):
        key, _, text = line.partition(" ")
        pid = number(key)
        if pid not in hand or pid is None:
            continue
        name, _, value = text.partition(":")
        words = value.split()
        if words:
            found.setdefault(pid, {})[name] = value.strip() if name == "Name" else words[0]
    named = {(str(row["Name"]), number(row["Uid"]) or 0) for row in found.values() if row.get("PPid") == "1" and {"Name", "Uid"} <= set(row)}
    return [{"process": name, "uid": uid} for name, uid in sorted(named)]


def _loose_mounts(section: Section) -> list[str]:
    configured = {words[1] for line in section.files.get("/etc/fstab", []) if len(words := line.split()) >= 3 and not words[0].startswith("#")}
    configured |= {line.strip() for line in section.lines("mount_units")}
    found = set()
    for line in section.lines("mounts"):
        words = line.split(" ")
        if len(words) >= 3 and words[2] not in UNREAL and words[1] != "/" and not PASSING_MOUNTS.match(words[1]):
            found.add(words[1])
    return sorted(found - configured)


PART = Part(
    "boot",
    Limits(20, 1_000_000),
    parse,
    record(
        systemd=FLAG, kernel_running=TEXT, kernel_newest=MAYBE, reboot_required=MAYBE, reboot_packages=WORDS, not_enabled=WORDS,
        failed=rows(unit=TEXT, result=TEXT), enabled_not_running=WORDS, by_hand=rows(process=TEXT, uid=COUNT), mounts_not_configured=WORDS,
        sysv=WORDS,
    ),
    empty={
        "systemd": True, "kernel_running": "", "kernel_newest": None, "reboot_required": None, "reboot_packages": [], "not_enabled": [],
        "failed": [], "enabled_not_running": [], "by_hand": [], "mounts_not_configured": [], "sysv": [],
    },
)  # fmt: skip
