# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs, sockets with their process, and programs that no package owns."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .wire import Section, number

DELETED = " (deleted)"
UNIT = re.compile(r"[^/]+\.(?:service|socket|scope)")
PASSING = re.compile(r"(user@\d+|user-runtime-dir@\d+|run-.*|session-.*)\.service")
MERGED = re.compile(r"/(?:s?bin|lib)(?:64|32|x32)?/")


@dataclass
class Process:
    """One process as /proc shows it; memory in KiB, PSS where the kernel tells it, else RSS."""

    pid: int
    name: str = ""
    parent: int = 0
    uid: int | None = None
    rss_kib: int = 0
    pss_kib: int | None = None
    exe: str = ""
    deleted: bool = False
    unit: str | None = None
    nofile: int | None = None
    script: str | None = None


@dataclass(frozen=True)
class Packages:
    """Owner of each program's path, upstream version of each package, and the paths that were asked about."""

    owners: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    merged: bool = False

    def owner(self, path: str) -> str | None:
        """The package that owns a file, also under its name before /usr was merged."""
        for name in (path, *(_other_names(path) if self.merged else ())):
            if name in self.owners:
                return self.owners[name]
        return None


def _other_names(path: str) -> Iterable[str]:
    if path.startswith("/usr/") and MERGED.match(path[4:]):
        yield path[4:]
    elif MERGED.match(path):
        yield f"/usr{path}"


def table(section: Section) -> dict[int, Process]:
    """Processes by pid. Kernel threads have no program and are not in it."""
    found: dict[int, Process] = {}
    for pid, text in _by_pid(section, "exe"):
        found[pid] = Process(pid, exe=text.removesuffix(DELETED), deleted=text.endswith(DELETED))
    for pid, text in _by_pid(section, "status"):
        if pid in found:
            _status(found[pid], text)
    for pid, text in _by_pid(section, "cgroup"):
        if pid in found and found[pid].unit is None:
            found[pid].unit = unit_of(text)
    for pid, text in _by_pid(section, "nofile"):
        match = re.match(r"Max open files\s+(\d{1,18})\s", text, re.ASCII)
        if pid in found and match:
            found[pid].nofile = int(match[1])
    for pid, text in _by_pid(section, "pss"):
        match = re.match(r"Pss:\s+(\d{1,15}) kB", text, re.ASCII)
        if pid in found and match:
            found[pid].pss_kib = int(match[1])
    for pid, text in _by_pid(section, "script"):
        if pid in found:
            found[pid].script = text
    return found


def _by_pid(section: Section, block: str) -> Iterable[tuple[int, str]]:
    for line in section.lines(block):
        pid, _, text = line.partition(" ")
        if (value := number(pid)) is not None:
            yield value, text


def _status(process: Process, text: str) -> None:
    name, _, value = text.partition(":")
    words = value.split()
    if name == "Name":
        process.name = value.strip()
    elif name == "PPid" and words:
        process.parent = number(words[0]) or 0
    elif name == "Uid" and words:
        process.uid = number(words[0])
    elif name == "VmRSS" and words:
        process.rss_kib = number(words[0]) or 0


def unit_of(cgroup: str) -> str | None:
    """The unit in a line of /proc/PID/cgroup: its innermost service, never a session's scope."""
    units = UNIT.findall(cgroup.split(":", 2)[-1])
    services = [unit for unit in units if not unit.endswith(".scope") and not PASSING.fullmatch(unit)]
    return services[-1] if services else None


def used_kib(processes: Mapping[int, Process]) -> int:
    """Memory of all processes: PSS counts shared pages once."""
    return sum(process.rss_kib if process.pss_kib is None else process.pss_kib for process in processes.values())


def packages(section: Section) -> Packages:
    """Owners and versions. Raises UnseenError where there is no package manager."""
    if "apk" in section.blocks:
        return _of_alpine(section)
    owners: dict[str, str] = {}
    for line in section.lines("owners"):
        name, _, path = line.partition(": ")
        if path:
            owners.setdefault(path, name.split(",")[0].split(":")[0].strip())
    versions = {}
    for line in section.lines("versions"):
        package, _, version = line.partition("\t")
        versions[package] = upstream(version.strip())
    return Packages(owners, versions, frozenset(section.lines("paths")), "merged" in section.marks)


def _of_alpine(section: Section) -> Packages:
    """``/usr/sbin/nginx is owned by nginx-1.24.0-r16``."""
    owners: dict[str, str] = {}
    versions: dict[str, str] = {}
    for line in section.lines("apk"):
        path, sign, package = line.strip().rpartition(" is owned by ")
        name, _, version = package.rsplit("-r", 1)[0].rpartition("-")
        if sign and name:
            owners.setdefault(path, name)
            versions[name] = version
    return Packages(owners, versions, frozenset(section.lines("paths")), "merged" in section.marks)


def upstream(version: str) -> str:
    """``1:10.5.23-0+deb11u1`` -> ``10.5.23``; ``5:6.0.16-1`` -> ``6.0.16``."""
    bare = re.sub(r"^\d+:", "", version).rsplit("-", 1)[0]
    return re.sub(r"[+~].*$", "", bare)


def unpackaged(
    processes: Mapping[int, Process], started: Iterable[Mapping[str, Any]], owned: Packages, users: Mapping[int, str]
) -> list[dict[str, Any]]:
    """Programs and interpreted files that run, or that a unit starts, and that no package owns, and deleted ones that still run."""
    rows: dict[tuple[str, str | None], dict[str, Any]] = {}

    def add(exe: str, unit: str | None, user: str, deleted: bool, how: str) -> None:
        rows.setdefault((exe, unit), {"exe": exe, "unit": unit, "user": user, "deleted": deleted, "how": how})

    for _, process in sorted(processes.items()):
        user = users.get(process.uid, str(process.uid)) if process.uid is not None else ""
        if process.deleted or (process.exe in owned.asked and owned.owner(process.exe) is None):
            add(process.exe, process.unit, user, process.deleted, "running")
        if process.script and process.script.startswith("/usr/local/") and process.unit:
            add(process.script, process.unit, user, False, "script")
    for service in started:
        path = service["exec_start"]
        if path and path in owned.asked and owned.owner(path) is None:
            add(path, service["unit"], service["user"], False, "started")
    return [rows[key] for key in sorted(rows, key=lambda key: (key[0], key[1] or ""))]


def sockets(section: Section, processes: Mapping[int, Process]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Listening sockets, and TCP connections (established, or ended within the last minute), from ``ss`` or from the kernel's tables."""
    listening: dict[tuple[Any, ...], dict[str, Any]] = {}
    connections: dict[tuple[Any, ...], dict[str, Any]] = {}
    for protocol, state, local, peer, process, unit in _seen(section, processes):
        if local[1] is None:
            continue
        if state == "LISTEN":
            row: dict[str, Any] = {"protocol": protocol, "address": local[0], "port": local[1], "process": process, "unit": unit}
            listening.setdefault((*local, protocol), row)
        elif peer[1] is not None:
            row = {"local_address": local[0], "local_port": local[1], "peer_address": peer[0], "peer_port": peer[1]}
            row |= {"process": process, "unit": unit, "state": "established" if state == "ESTAB" else "ended"}
            known = connections.get((*local, *peer))
            if known is None or (known["process"] is None and process):
                connections[*local, *peer] = row
    return [listening[key] for key in sorted(listening)], [connections[key] for key in sorted(connections)]


Address = tuple[str, int | None]
Socket = tuple[str, str, Address, Address, str | None, str | None]  # protocol, state, local, peer, process, unit
STATES = {"0A": "LISTEN", "01": "ESTAB", "06": "TIME-WAIT", "07": "LISTEN"}


def _seen(section: Section, processes: Mapping[int, Process]) -> Iterable[Socket]:
    low, high = _own_ports(section)
    owners = _socket_owners(section, processes)
    of_kernel = "tcp" in section.blocks
    swapped = section.first("order") not in ("", "97")
    for block, protocol in (("tcp" if of_kernel else "sockets", "tcp"), ("udp", "udp")):
        # Answers from before there were UDP sockets have no such block.
        for line in section.lines(block) if protocol == "tcp" else section.blocks.get(block, []):
            seen = _of_kernel(line, swapped, owners) if of_kernel else _of_ss(line, processes)
            # A client's UDP socket looks like a server's; its port is one that the kernel gave it.
            if seen and not (protocol == "udp" and low <= (seen[1][1] or 0) <= high):
                yield (protocol, "LISTEN" if protocol == "udp" else seen[0], *seen[1:])


def _own_ports(section: Section) -> tuple[int, int]:
    ends = [number(word) for word in section.first("ports").split()]
    return (ends[0], ends[1]) if len(ends) == 2 and ends[0] and ends[1] else (32768, 60999)


def _of_ss(line: str, processes: Mapping[int, Process]) -> tuple[str, Address, Address, str | None, str | None] | None:
    words = line.split(" ", 3)
    local, peer = (endpoint(words[1]), endpoint(words[2])) if len(words) > 2 else (None, None)
    return None if local is None or peer is None else (words[0], local, peer, *_owner(words[3] if len(words) > 3 else "", processes))


def _of_kernel(
    line: str, swapped: bool, owners: Mapping[str, tuple[str | None, str | None]]
) -> tuple[str, Address, Address, str | None, str | None] | None:
    """A line of /proc/net/tcp: ``0100007F:0CEA 00000000:0000 0A 12345`` (local, peer, state, inode)."""
    words = line.split()
    local, peer = (_hexadecimal(words[0], swapped), _hexadecimal(words[1], swapped)) if len(words) == 4 else (None, None)
    if local is None or peer is None or words[2] not in STATES:
        return None
    return STATES[words[2]], local, (peer[0], peer[1] or None), *owners.get(words[3], (None, None))


def _hexadecimal(text: str, swapped: bool) -> Address | None:
    """Each 32 bits are written as one number of the machine: on most of them the last byte comes first."""
    match = re.fullmatch(r"((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})", text)
    if not match or len(match[1]) not in (8, 32):
        return None
    raw = bytes.fromhex(match[1])
    if not swapped:
        raw = b"".join(raw[start : start + 4][::-1] for start in range(0, len(raw), 4))
    return _bare(ipaddress.ip_address(raw)), int(match[2], 16)


def _socket_owners(section: Section, processes: Mapping[int, Process]) -> dict[str, tuple[str | None, str | None]]:
    """Inode to process and unit; a socket that several have open belongs to the one that is in a unit."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for line in section.blocks.get("inodes", []):
        inode, _, pid = line.partition(" ")
        process = processes.get(number(pid) or -1)
        if process and found.get(inode, (None, None))[1] is None:
            found[inode] = (found.get(inode, (process.name, None))[0], process.unit)
    return found


def endpoint(text: str) -> tuple[str, int | None] | None:
    """``10.77.0.12:80``, ``[::ffff:10.77.0.12]:80``, ``*:80`` -> address without mapping or zone, and port (None for ``*``)."""
    address, sign, port = text.rpartition(":")
    if not sign:
        return None
    bare = address.strip("[]").split("%")[0]
    if bare in ("*", ""):
        bare = "0.0.0.0"  # noqa: S104 - what the host listens on
    try:
        parsed = ipaddress.ip_address(bare)
    except ValueError:
        return None
    value = number(port)
    if (value is None and port != "*") or (value or 0) > 65535:
        return None
    return _bare(parsed), value


def _bare(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    return str((address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address)


def _owner(text: str, processes: Mapping[int, Process]) -> tuple[str | None, str | None]:
    """``users:(("nginx",pid=7,fd=8),("nginx",pid=6,fd=8))``; before iproute2 4.0 ``users:(("nginx",7,8))``."""
    match = re.search(r'\("([^"]*)",(?:pid=)?(\d{1,9})', text, re.ASCII)
    if not match:
        return None, None
    # A socket that systemd passed on belongs to the unit that uses it, not to process 1.
    pids = [int(pid) for pid in re.findall(r'",(?:pid=)?(\d{1,9})', text, re.ASCII)]
    units = [processes[pid].unit for pid in pids if pid in processes and processes[pid].unit]
    return match[1], units[0] if units else None
