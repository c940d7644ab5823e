# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine is: maker and age, virtual or not, processors with their flags, NUMA, RAID controllers, disks, memory modules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ..part import COUNT, COUNT_OR_NULL, FLAG_OR_NULL, MAYBE, TEXT, WORDS, Limits, Part, record, rows
from ..wire import Section, number

# SMBIOS 3.7, table 17 (chassis types).
CHASSIS = {
    1: "other", 3: "desktop", 4: "low profile desktop", 6: "mini tower", 7: "tower", 8: "portable", 9: "laptop", 10: "notebook", 13: "all in one",
    17: "main server chassis", 22: "RAID chassis", 23: "rack mount chassis", 25: "multi-system chassis", 28: "blade", 29: "blade enclosure",
    35: "mini PC", 36: "stick PC",
}  # fmt: skip
# Makers' names that only a hypervisor gives: systemd-detect-virt's own table (src/basic/virt.c).
HYPERVISORS = (
    ("qemu", "qemu"), ("kvm", "kvm"), ("vmware", "vmware"), ("innotek", "oracle"), ("virtualbox", "oracle"), ("xen", "xen"), ("bochs", "bochs"),
    ("parallels", "parallels"), ("bhyve", "bhyve"), ("amazon ec2", "amazon"), ("google compute engine", "google"), ("hyper-v", "microsoft"),
    ("microsoft corporation virtual", "microsoft"), ("openstack", "kvm"), ("nutanix ahv", "kvm"),
)  # fmt: skip
PLACEHOLDERS = {
    "", "to be filled by o.e.m.", "default string", "not specified", "none", "n/a", "system serial number", "o.e.m.", "not available", "0",
    "system manufacturer", "system product name", "asset-tag", "chassis asset tag", "no asset tag", "no asset information", "unknown",
}  # fmt: skip
CLASSES = {"0x0100": "SCSI", "0x0104": "RAID", "0x0107": "SAS"}
MODULES = 256


def parse(section: Section) -> dict[str, Any]:
    info = section.lines("cpuinfo")
    flags = sorted({flag for flag in _value(info, "flags", "Features").split() if re.fullmatch(r"[A-Za-z0-9_]{1,40}", flag)})
    sockets = {line.partition(":")[2].strip() for line in info if line.startswith("physical id")}
    threads = sum(line.startswith("processor") for line in info)
    vendor, product = _dmi(section, "sys_vendor"), _dmi(section, "product_name")
    return {
        "vendor": vendor,
        "product": product,
        "serial": _dmi(section, "product_serial"),
        "asset_tag": _dmi(section, "chassis_asset_tag"),
        "chassis": CHASSIS.get(number(section.first("chassis_type")) or 0),
        "bios_version": _dmi(section, "bios_version"),
        "bios_date": _date(section.first("bios_date")),
        "virtual": _virtual(section.first("virtual"), f"{vendor or ''} {product or ''}", flags),
        "sockets": len(sockets) or None,
        "cores": _cores(info) or None,
        "threads": threads,
        "cpu_vendor": _value(info, "vendor_id") or None,
        "cpu_flags": flags,
        "numa": _numa(section),
        "raid": _raid(section),
        "disks": _disks(section),
        "modules": _modules(section.blocks.get("modules", [])),
    }


def _dmi(section: Section, name: str) -> str | None:
    value = section.first(name)
    return None if value.lower() in PLACEHOLDERS else value[:200]


def _date(text: str) -> str | None:
    """DMI writes MM/DD/YYYY, very old machines MM/DD/YY."""
    match = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4}|\d\d)", text, re.ASCII)
    if not match or not (1 <= int(match[1]) <= 12 and 1 <= int(match[2]) <= 31):
        return None
    return f"{match[3] if len(match[3]) == 4 else ('19' if match[3] >= '70' else '20') + match[3]}-{match[1]}-{match[2]}"


def _virtual(told: str, maker: str, flags: Iterable[str]) -> str | None:
    """The hypervisor's or container's name; ``none`` for a physical machine; None where nothing tells."""
    if re.fullmatch(r"[a-z0-9][a-z0-9-]{1,30}", told):
        return told
    for word, name in HYPERVISORS:
        if word in maker.lower():
            return name
    if "hypervisor" in flags:
        return "unknown"
    return "none" if maker.strip() else None


def _value(lines: Iterable[str], *names: str) -> str:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in names:
            return value.strip()
    return ""


def _cores(info: Iterable[str]) -> int:
    """Pairs of socket and core; threads of one core have the same pair."""
    found, socket = set(), ""
    for line in info:
        name, _, value = line.partition(":")
        if name.strip() == "physical id":
            socket = value.strip()
        elif name.strip() == "core id":
            found.add((socket, value.strip()))
    return len(found)


def _numa(section: Section) -> list[dict[str, Any]]:
    found = []
    for line in section.blocks.get("numa", []):
        match = re.fullmatch(r"(\d{1,4}) (\d{0,15}) ([0-9,-]*)", line.strip(), re.ASCII)
        if match:
            found.append({"node": int(match[1]), "memory_mib": int(match[2] or 0) // 1024, "cpus": match[3]})
    return sorted(found, key=lambda row: int(row["node"]))


def _raid(section: Section) -> list[dict[str, Any]]:
    """Controllers by their PCI class, with lspci's name where the host has lspci, and Linux' own arrays."""
    names = {}
    for line in section.blocks.get("lspci", []):
        words = re.findall(r'"([^"]{0,300})"', line)
        if len(words) >= 3:
            names[line.split(" ")[0].removeprefix("0000:")] = f"{words[1]} {words[2]}"
    found = []
    for line in section.blocks.get("controllers", []):
        words = line.split()
        if len(words) >= 4 and words[1][:6] in CLASSES and not "".join(words[4:]).startswith("virtio"):
            name = names.get(words[0].removeprefix("0000:"), f"{words[2]}:{words[3]}")
            found.append({"kind": CLASSES[words[1][:6]], "name": name, "driver": words[4] if len(words) > 4 else None, "state": None})
    return found + [{"kind": "md", "name": row["name"], "driver": row["level"], "state": row["state"]} for row in arrays(section)]


def arrays(section: Section) -> list[dict[str, Any]]:
    """/proc/mdstat: name, level, state (``[UU]``; ``_`` is a missing disk), devices."""
    found: list[dict[str, Any]] = []
    for line in section.blocks.get("mdstat", []):
        match = re.match(r"(md\S{1,40}) : (\w+)(?: \([a-z-]{1,20}\))? ?(raid\d+|linear|multipath|faulty)? ?(.{0,2000})$", line)
        if match:
            devices = sorted(re.findall(r"([\w/!-]{1,60})\[\d+\]", match[4]))
            found.append({"name": match[1], "level": match[3] or "", "state": match[2], "devices": devices})
        elif found and (state := re.search(r"\[([U_]{1,200})\]", line)):
            found[-1]["state"] = state[1]
    return sorted(found, key=lambda row: str(row["name"]))


def _disks(section: Section) -> list[dict[str, Any]]:
    found = []
    for line in section.blocks.get("disks", []):
        words = [word.strip() for word in line.split("\t")]
        if len(words) >= 6 and words[0]:
            model = f"{'' if words[1].startswith('0x') or words[1] == 'ATA' else words[1]} {words[2]}".strip()
            found.append({
                "name": words[0], "model": model or None, "rotational": {"1": True, "0": False}.get(words[3]), "write_cache": words[4] or None,
                "cache_type": words[5] or None,
            })  # fmt: skip
    return sorted(found, key=lambda row: str(row["name"]))


def _modules(lines: Iterable[str]) -> list[dict[str, Any]]:
    """dmidecode -t 17: one paragraph for each slot; empty slots are left out."""
    found: list[dict[str, Any]] = []
    for line in lines:
        if line.startswith("Memory Device"):
            found.append({"slot": "", "size_mib": 0, "type": "", "speed": ""})
            continue
        name, _, value = (part.strip() for part in line.partition(":"))
        if not found:
            continue
        if name == "Size" and (match := re.fullmatch(r"(\d{1,9}) (MB|GB|kB)", value, re.ASCII)):
            found[-1]["size_mib"] = int(match[1]) * 1024 if match[2] == "GB" else int(match[1]) // (1024 if match[2] == "kB" else 1)
        elif name in ("Locator", "Type", "Speed"):
            found[-1]["slot" if name == "Locator" else name.lower()] = value[:100]
    return [row for row in found if row["size_mib"]][:MODULES]


PART = Part(
    "machine",
    Limits(10, 300_000),
    parse,
    record(
        vendor=MAYBE, product=MAYBE, serial=MAYBE, asset_tag=MAYBE, chassis=MAYBE, bios_version=MAYBE, bios_date=MAYBE, virtual=MAYBE,
        sockets=COUNT_OR_NULL, cores=COUNT_OR_NULL, threads=COUNT, cpu_vendor=MAYBE, cpu_flags=WORDS,
        numa=rows(node=COUNT, memory_mib=COUNT, cpus=TEXT), raid=rows(kind=TEXT, name=TEXT, driver=MAYBE, state=MAYBE),
        disks=rows(name=TEXT, model=MAYBE, rotational=FLAG_OR_NULL, write_cache=MAYBE, cache_type=MAYBE),
        modules=rows(slot=TEXT, size_mib=COUNT, type=TEXT, speed=TEXT),
    ),
    empty={
        "vendor": None, "product": None, "serial": None, "asset_tag": None, "chassis": None, "bios_version": None, "bios_date": None,
        "virtual": None, "sockets": None, "cores": None, "threads": 0, "cpu_vendor": None, "cpu_flags": [], "numa": [], "raid": [], "disks": [],
        "modules": [],
    },
)  # fmt: skip
