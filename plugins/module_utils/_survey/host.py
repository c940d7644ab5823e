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
    name, version, pretty = _older(section)
    zone = section.first("localtime")
    return {
        "id": release.get("ID", name),
        "version": release.get("VERSION_ID", version),
        "pretty_name": release.get("PRETTY_NAME", pretty),
        "kernel": section.first("kernel"),
        "hostname": section.first("hostname"),
        "time_zone": zone.rsplit(ZONEINFO, 1)[1].removeprefix("posix/") if ZONEINFO in zone else _written_zone(section),
        "architecture": section.first("architecture"),
    }


def _line(section: Section, path: str) -> str:
    return next((line.strip() for line in section.files.get(path, []) if line.strip()), "")


def _older(section: Section) -> tuple[str, str, str]:
    """Id, version and name where there is no os-release: ``CentOS release 6.10 (Final)``; ``3.4.6``; ``8.11``."""
    red_hat = _line(section, "/etc/redhat-release")
    match = re.match(r"(\D*?)(?: Linux)?(?: Server| Enterprise Linux.*?)? release (\d[\w.]*)", red_hat)
    if match:
        name = {"red hat": "rhel", "centos": "centos", "scientific": "scientific", "oracle": "ol", "fedora": "fedora"}
        return name.get(match[1].strip().lower(), match[1].strip().lower()), match[2], red_hat
    for path, system, title in (("/etc/alpine-release", "alpine", "Alpine Linux v"), ("/etc/debian_version", "debian", "Debian GNU/Linux ")):
        version = _line(section, path)
        if version:
            return system, version, f"{title}{version}"
    return "", "", _line(section, "/etc/SuSE-release")


def _written_zone(section: Section) -> str:
    """Where /etc/localtime is a copy: /etc/timezone of Debian, /etc/sysconfig/clock of Red Hat."""
    for line in section.files.get("/etc/sysconfig/clock", []):
        match = re.match(r"\s*ZONE=[\"']?([A-Za-z0-9_+/-]+)", line)
        if match:
            return match[1]
    return _line(section, "/etc/timezone")


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
        "memory_available_mib": _available(section.lines("memory")) // 1024,
        "uptime_s": (number(uptime[0]) if uptime else None) or 0,
        "processes": processes,
    }


def _available(lines: list[str]) -> int:
    """Kernels before 3.14 do not say MemAvailable; free memory and caches come near it."""
    if any(line.startswith("MemAvailable:") for line in lines):
        return _kib(lines, "MemAvailable")
    return sum(_kib(lines, name) for name in ("MemFree", "Buffers", "Cached"))


def mounts(section: Section) -> list[dict[str, Any]]:
    """Real file systems with size and use in MiB."""
    rows: dict[str, dict[str, Any]] = {}
    for line in section.lines("df") if "sizes" not in section.blocks else _with_types(section):
        match = re.match(r"(.+?)\s+(\S+)\s+(\d{1,18})\s+(\d{1,18})\s+-?\d+\s+\S+\s+(/.*)$", line, re.ASCII)
        if not match or match[2] in UNREAL or re.match(r"/(proc|sys|dev|run)(/|$)", match[5]):
            continue
        if match[2] == "overlay" and match[5] != "/":
            continue
        target = match[5].strip()
        sizes = {"size_mib": int(match[3]) // 1024, "used_mib": int(match[4]) // 1024}
        rows.setdefault(target, {"source": match[1], "type": match[2], **sizes, "target": target})
    return [rows[target] for target in sorted(rows)]


def _with_types(section: Section) -> list[str]:
    """Lines of a ``df`` that knows no types, with those of the kernel's table."""
    kinds: dict[str, str] = {}
    for line in section.blocks.get("types", []):
        words = line.split(" ")
        if len(words) == 3:
            kinds[words[1].replace("\\040", " ")] = words[2]
    joined = []
    for line in section.lines("sizes"):
        match = re.match(r"(.+?)(\s+\d{1,18}\s+\d{1,18}\s+-?\d+\s+\S+\s+)(/.*)$", line, re.ASCII)
        if match:
            joined.append(f"{match[1]} {kinds.get(match[3].strip(), 'unknown')}{match[2]}{match[3]}")
    return joined


def addresses(section: Section) -> list[str]:
    """The host's global addresses with prefix, IPv4 before IPv6."""
    found = set()
    for text in _addresses(section):
        try:
            found.add(ipaddress.ip_interface(text))
        except ValueError:
            continue
    mine = [one for one in found if not (one.ip.is_loopback or one.ip.is_link_local or one.ip.is_unspecified)]
    return [str(one) for one in sorted(mine, key=lambda one: (one.version, int(one.ip), one.network.prefixlen))]


def _addresses(section: Section) -> list[str]:
    """From ``ip -o addr``, from ifconfig of either age, or from the kernel's tables, whichever the host had."""
    if "ifconfig" in section.blocks:
        found = []
        for line in section.blocks["ifconfig"]:
            four = re.search(r"inet (?:addr:)?(\S+).*?(?:Mask:|netmask )([0-9a-fA-Fx.]+)", line)
            six = re.search(r"inet6 (?:addr: )?([0-9a-fA-F:]+)(?:/(\d{1,3})| +prefixlen (\d{1,3}))", line, re.ASCII)
            if four:
                found.append(f"{four[1]}/{_mask(four[2])}")
            elif six:
                found.append(f"{six[1]}/{six[2] or six[3]}")
        return found
    if "local" in section.blocks:
        return _of_kernel(section)
    matches = (re.search(r"\sinet6?\s+(\S+)", line) for line in section.lines("addresses"))
    return [match[1] for match in matches if match]


def _mask(text: str) -> str:
    """``255.255.255.0`` stays; the BSD way to write it, ``0xffffff00``, becomes a prefix."""
    return str(int(text, 16).bit_count()) if re.fullmatch(r"0x[0-9a-fA-F]{8}", text) else text


def _of_kernel(section: Section) -> list[str]:
    """/proc/net/fib_trie names local addresses, /proc/net/route their nets (bytes from right to left), if_inet6 all of IPv6."""
    nets = []
    for line in section.blocks.get("routes", []):
        match = re.fullmatch(r"([0-9A-F]{8})\s+([0-9A-F]{8})", line.strip())
        if match and match[1] != "00000000":
            net, mask = (ipaddress.IPv4Address(bytes.fromhex(word)[::-1]) for word in match.groups())
            nets.append((int(net), int(mask)))
    found, before = [], ""
    for line in section.blocks["local"]:
        if "LOCAL" in line:
            try:
                address = int(ipaddress.IPv4Address(before))
            except ValueError:
                continue
            lengths = [mask.bit_count() for net, mask in nets if mask and address & mask == net]
            found.append(f"{before}/{max(lengths, default=32)}")
        before = line.strip()
    for line in section.blocks.get("six", []):
        match = re.fullmatch(r"([0-9a-f]{32}) ?([0-9a-f]{2}) ([0-9a-f]{2})", line.strip())
        if match and match[3] == "00":
            found.append(f"{ipaddress.IPv6Address(bytes.fromhex(match[1]))}/{min(int(match[2], 16), 128)}")
    return found


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
