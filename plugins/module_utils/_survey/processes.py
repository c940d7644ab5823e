# SPDX-License-Identifier: GPL-3.0-or-later
"""Running programs: services, sockets with their process, and programs that no package owns."""

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
SHELL = re.compile(r"(/usr)?/bin/(ba|da)?sh")
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


def upstream(version: str) -> str:
    """``1:10.5.23-0+deb11u1`` -> ``10.5.23``; ``5:6.0.16-1`` -> ``6.0.16``."""
    bare = re.sub(r"^\d+:", "", version).rsplit("-", 1)[0]
    return re.sub(r"[+~].*$", "", bare)


def services(section: Section, processes: Mapping[int, Process], owned: Packages | None, users: Mapping[int, str]) -> list[dict[str, Any]]:
    """Services of systemd; where it does not run, the programs that process 1 started."""
    if section.absent:
        return _without_systemd(processes, owned, users)
    rows = []
    for unit in _units(section.blocks.get("show", [])):
        name = unit.get("Id", "")
        if unit.get("LoadState") != "loaded" or PASSING.fullmatch(name) or not name.endswith(".service"):
            continue
        main = processes.get(number(unit.get("MainPID", "")) or -1)
        exe = main.exe if main else unit.get("ExecStart") or None
        user = users.get(main.uid, str(main.uid)) if main and main.uid is not None else unit.get("User") or "root"
        package = _package(owned, unit.get("ExecStart") or None, exe)
        rows.append(
            {
                "name": name.removesuffix(".service"),
                "unit": name,
                "kind": "systemd",
                "state": unit.get("SubState", ""),
                "enabled": unit.get("UnitFileState", "").startswith("enabled"),
                "package": package,
                "version": owned.versions.get(package) if owned and package else None,
                "nofile": main.nofile if main else None,
                "nofile_unit": number(unit.get("LimitNOFILE", "")),
                "exe": exe,
                "exec_start": unit.get("ExecStart") or None,
                "user": user,
            }
        )
    return sorted(rows, key=lambda row: str(row["unit"]))


def _package(owned: Packages | None, started: str | None, exe: str | None) -> str | None:
    """The owner of what the unit starts: a script's owner, not its interpreter's; for ``sh -c …`` the owner of what runs."""
    if owned is None:
        return None
    named = exe if started is None or SHELL.fullmatch(started) else started
    return owned.owner(named) if named else None


def _units(lines: Iterable[str]) -> list[dict[str, str]]:
    """The paragraphs of ``systemctl show``; the first of several ExecStart counts."""
    units: list[dict[str, str]] = [{}]
    for line in lines:
        name, sign, value = line.partition("=")
        if sign:
            units[-1].setdefault(name, value.strip())
        elif not line.strip():
            units.append({})
    return [unit for unit in units if unit.get("Id")]


def _without_systemd(processes: Mapping[int, Process], owned: Packages | None, users: Mapping[int, str]) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for process in processes.values():
        if process.parent != 1 or process.exe in rows:
            continue
        package = owned.owner(process.exe) if owned else None
        rows[process.exe] = {
            "name": process.name,
            "unit": None,
            "kind": "process",
            "state": "running",
            "enabled": None,
            "package": package,
            "version": owned.versions.get(package) if owned and package else None,
            "nofile": process.nofile,
            "exe": process.exe,
            "exec_start": None,
            "user": users.get(process.uid, str(process.uid)) if process.uid is not None else "",
        }
    return [rows[exe] for exe in sorted(rows)]


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
    """Listening TCP sockets, and connections (established, or ended within the last minute) as ``ss -tanp`` shows them."""
    listening: dict[tuple[Any, ...], dict[str, Any]] = {}
    connections: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in section.lines("sockets"):
        words = line.split(" ", 3)
        if len(words) < 3:
            continue
        local, peer = endpoint(words[1]), endpoint(words[2])
        if local is None or peer is None or local[1] is None:
            continue
        process, unit = _owner(words[3] if len(words) > 3 else "", processes)
        if words[0] == "LISTEN":
            row: dict[str, Any] = {"protocol": "tcp", "address": local[0], "port": local[1], "process": process, "unit": unit}
            listening.setdefault(local, row)
        elif peer[1] is not None:
            row = {"local_address": local[0], "local_port": local[1], "peer_address": peer[0], "peer_port": peer[1]}
            row |= {"process": process, "unit": unit, "state": "established" if words[0] == "ESTAB" else "ended"}
            known = connections.get((*local, *peer))
            if known is None or (known["process"] is None and process):
                connections[*local, *peer] = row
    return [listening[key] for key in sorted(listening)], [connections[key] for key in sorted(connections)]


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
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    value = number(port)
    if value is None and port != "*":
        return None
    return str(mapped or parsed), value


def _owner(text: str, processes: Mapping[int, Process]) -> tuple[str | None, str | None]:
    match = re.search(r'\("([^"]*)",pid=(\d{1,9})', text, re.ASCII)
    if not match:
        return None, None
    # A socket that systemd passed on belongs to the unit that uses it, not to process 1.
    pids = [int(pid) for pid in re.findall(r"pid=(\d{1,9})", text, re.ASCII)]
    units = [processes[pid].unit for pid in pids if pid in processes and processes[pid].unit]
    return match[1], units[0] if units else None
