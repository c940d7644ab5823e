# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: system, hardware, file systems, addresses, accounts."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .wire import Section, number

ZONEINFO = "zoneinfo/"
UNREAL = {"tmpfs", "devtmpfs", "proc", "sysfs", "cgroup", "cgroup2", "squashfs", "efivarfs", "ramfs", "devpts", "mqueue", "fuse.lxcfs", "iso9660"}


def system(section: Section) -> dict[str, Any]:
    """id, version, pretty_name, kernel, hostname, time_zone (IANA name, or empty where the host does not say), architecture."""
    release: dict[str, str] = {}
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in section.files.get(path, []):
            name, _, value = line.partition("=")
            release.setdefault(name.strip(), value.strip().strip("\"'"))
    zone = section.first("localtime")
    written = next((line.strip() for line in section.files.get("/etc/timezone", []) if line.strip()), "")
    return {
        "id": release.get("ID", ""),
        "version": release.get("VERSION_ID", ""),
        "pretty_name": release.get("PRETTY_NAME", ""),
        "kernel": section.first("kernel"),
        "hostname": section.first("hostname"),
        "time_zone": zone.rsplit(ZONEINFO, 1)[1].removeprefix("posix/") if ZONEINFO in zone else written,
        "architecture": section.first("architecture"),
    }


def hardware(section: Section) -> dict[str, Any]:
    """cpus, memory_mib, model, cpu_model, disks with size_mib. In a container: the whole machine's."""
    disks = []
    for line in section.lines("disks"):
        words = line.split()
        sectors = number(words[1]) if len(words) > 1 else None
        if sectors:
            disks.append({"name": words[0], "size_mib": sectors * 512 // 1048576, "rotational": words[2:3] == ["1"]})
    return {
        "cpus": number(section.first("cpus")) or 0,
        "memory_mib": _kib(section.lines("memory"), "MemTotal") // 1024,
        "model": section.first("model") or None,
        "cpu_model": section.first("cpu_model"),
        "disks": sorted(disks, key=lambda disk: str(disk["name"])),
    }


def _kib(lines: list[str], name: str) -> int:
    for line in lines:
        match = re.match(rf"{name}:\s*(\d{{1,15}}) kB", line, re.ASCII)
        if match:
            return int(match[1])
    return 0


def measured(section: Section, processes: int, used_kib: int) -> dict[str, Any]:
    """Volatile figures. ``used_kib`` is the sum over the host's own processes: a container's /proc/meminfo is the whole machine's."""
    load = [float(word) for word in section.first("load").split()[:3] if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", word, re.ASCII)]
    uptime = section.first("uptime").split(".")[0].split()
    return {
        "load": load,
        "memory_used_mib": used_kib // 1024,
        "memory_available_mib": _kib(section.lines("memory"), "MemAvailable") // 1024,
        "uptime_s": (number(uptime[0]) if uptime else None) or 0,
        "processes": processes,
    }


def mounts(section: Section) -> list[dict[str, Any]]:
    """Real file systems with size and use in MiB."""
    rows = []
    for line in section.lines("df"):
        match = re.match(r"(.+?)\s+(\S+)\s+(\d{1,18})\s+(\d{1,18})\s+-?\d+\s+\S+\s+(/.*)$", line, re.ASCII)
        if not match or match[2] in UNREAL or re.match(r"/(proc|sys|dev|run)(/|$)", match[5]):
            continue
        if match[2] == "overlay" and match[5] != "/":
            continue
        rows.append(
            {"source": match[1], "type": match[2], "size_mib": int(match[3]) // 1024, "used_mib": int(match[4]) // 1024, "target": match[5].strip()}
        )
    return sorted(rows, key=lambda row: str(row["target"]))


def addresses(section: Section) -> list[str]:
    """The host's global addresses with prefix, IPv4 before IPv6."""
    found = set()
    for line in section.lines("addresses"):
        match = re.search(r"\sinet6?\s+(\S+)", line)
        if match:
            try:
                found.add(ipaddress.ip_interface(match[1]))
            except ValueError:
                continue
    return [str(one) for one in sorted(found, key=lambda one: (one.version, int(one.ip), one.network.prefixlen))]


def users(section: Section) -> list[dict[str, Any]]:
    """All accounts of /etc/passwd with the name of their primary group."""
    groups: dict[int, str] = {}
    for line in section.lines("group"):
        name, _, gid = line.partition(":")
        if (key := number(gid)) is not None:
            groups.setdefault(key, name)
    rows = []
    for line in section.lines("passwd"):
        words = line.split(":")
        if len(words) < 5:
            continue
        uid, gid_number = number(words[1]), number(words[2])
        if uid is None or gid_number is None:
            continue
        rows.append({"name": words[0], "uid": uid, "gid": gid_number, "group": groups.get(gid_number, ""), "home": words[3], "shell": words[4]})
    return sorted(rows, key=lambda row: (row["uid"], row["name"]))
