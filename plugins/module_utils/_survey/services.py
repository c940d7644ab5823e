# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of whatever starts them: systemd, Upstart, SysV scripts, OpenRC; and programs that process 1 started itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .processes import PASSING, Packages, Process
from .wire import Section, number

SHELL = re.compile(r"(/usr)?/bin/(ba|da)?sh")
LINK = re.compile(r"/etc/rc(?P<level>[0-9S])\.d/S\d\d(?P<name>.+)")
JOB = re.compile(r"(?P<name>[^\s/]+)(?: \([^)]*\))? (?P<goal>start|stop)/(?P<state>[a-z-]+)(?:, process (?P<pid>\d{1,9}))?", re.ASCII)
HINT = re.compile(r"(?P<path>/[^:]+):\s*(?:# *(?P<header>processname|pidfile):|(?:export )?(?P<name>[A-Za-z]+)=)(?P<value>.*)")
SCRIPTS = "/etc/init.d/"
# Scripts that do something once at boot or shutdown, and those that bring the system itself down.
NO_SERVICES = {"rc", "rcS", "rc.local", "README", "functions", "skeleton", "halt", "reboot", "single", "killall", "killprocs", "sendsigs", "umountfs",
               "umountroot", "umountnfs.sh", "bootlogs", "rmnologin", "motd", "urandom", "stop-bootlogd", "ondemand", "grub-common"}  # fmt: skip


@dataclass(frozen=True)
class World:
    """What else is known about the host: its processes, packages and accounts."""

    processes: Mapping[int, Process]
    owned: Packages | None
    users: Mapping[int, str]

    def row(self, kind: str, name: str, state: str, enabled: bool | None, process: Process | None, **known: Any) -> dict[str, Any]:
        exe = process.exe if process else known.get("started")
        package = _package(self.owned, known.get("started"), exe)
        user = self.user(process) if process else ""
        return {
            "name": name,
            "unit": known.get("unit"),
            "kind": kind,
            "state": state,
            "enabled": enabled,
            "package": package,
            "version": self.owned.versions.get(package) if self.owned and package else None,
            "nofile": process.nofile if process else None,
            "nofile_unit": known.get("nofile_unit"),
            "exe": exe,
            "exec_start": known.get("started"),
            "user": user or known.get("user", ""),
        }

    def user(self, process: Process) -> str:
        return "" if process.uid is None else self.users.get(process.uid, str(process.uid))


def survey(section: Section, processes: Mapping[int, Process], owned: Packages | None, users: Mapping[int, str]) -> list[dict[str, Any]]:
    """Services that run, failed, or would start at the next boot, sorted. Raises UnseenError when the host did not say."""
    world = World(processes, owned, users)
    if "show" in section.blocks:
        return sorted(_of_systemd(section, world), key=lambda row: str(row["unit"]))
    if not section.absent and not {"init", "initctl", "scripts", "openrc"} & set(section.blocks):
        section.lines("show")
    found: dict[str, dict[str, Any]] = {}
    for row in (*_of_upstart(section, world), *_of_openrc(section, world), *_of_scripts(section, world)):
        found.setdefault(row["name"], row)
    known = {row["exe"] for row in found.values()}
    rest = [row for row in _of_process_1(world) if row["exe"] not in known]
    return [found[name] for name in sorted(found)] + rest


def _of_systemd(section: Section, world: World) -> Iterator[dict[str, Any]]:
    at_boot = {name for name, _ in _links(section)}
    for unit in _units(section.blocks["show"]):
        name = unit.get("Id", "")
        if unit.get("LoadState") != "loaded" or PASSING.fullmatch(name) or not name.endswith(".service"):
            continue
        bare, started = name.removesuffix(".service"), unit.get("ExecStart") or None
        main = world.processes.get(number(unit.get("MainPID", "")) or -1)
        script = unit.get("SourcePath", "").startswith(SCRIPTS)
        yield world.row(
            "sysv" if script else "systemd",
            bare,
            unit.get("SubState", ""),
            bare in at_boot if script else unit.get("UnitFileState", "").startswith("enabled"),
            main,
            unit=name,
            started=None if script else started,
            nofile_unit=number(unit.get("LimitNOFILE", "")),
            user=unit.get("User") or "root",
        )


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


def _of_upstart(section: Section, world: World) -> Iterator[dict[str, Any]]:
    """``initctl list``: ``cron start/running, process 1024``; a job of several instances has its instance in brackets."""
    at_boot, by_hand = ({posixpath.splitext(posixpath.basename(path))[0] for path in section.blocks.get(block, [])} for block in ("jobs", "manual"))
    best: dict[str, tuple[bool, int | None]] = {}
    for line in section.blocks.get("initctl", []):
        job = JOB.match(line)
        if job:
            runs = (job["goal"], job["state"]) == ("start", "running")
            before = best.get(job["name"], (False, None))
            best[job["name"]] = (before[0] or runs, before[1] or (number(job["pid"] or "") if runs else None))
    for name, (runs, pid) in best.items():
        enabled = name in at_boot and name not in by_hand
        # A job without a process did something once; it is no service.
        if pid is not None or (enabled and not runs):
            yield world.row("upstart", name, "running" if runs else "stopped", enabled, world.processes.get(pid or -1))


def _of_openrc(section: Section, world: World) -> Iterator[dict[str, Any]]:
    """The links below /run/openrc and /etc/runlevels, as rc-status reads them."""
    states: dict[str, str] = {}
    for path in section.blocks.get("openrc", []):
        state, _, name = path.partition("/openrc/")[2].partition("/") if "/openrc/" in path else path.partition("/init.d/")[2].partition("/")
        if name:
            states.setdefault(name, {"started": "running"}.get(state, state))
    enabled = {posixpath.basename(path) for path in section.blocks.get("runlevels", []) if path.startswith("/etc/runlevels/")}
    hints: dict[str, dict[str, str]] = {}
    for line in section.blocks.get("daemons", []):
        path, _, setting = line.partition(":")
        key, sign, value = setting.partition("=")
        if sign and "/daemons/" in path:
            hints.setdefault(path.partition("/daemons/")[2].split("/")[0], {}).setdefault(key, value.strip())
    pids = _pid_files(section)
    for name in {**states, **dict.fromkeys(sorted(enabled), "")}:
        hint = hints.get(name, {})
        process = _process(world, pids.get(hint.get("pidfile", "")), hint.get("exec"), ())
        yield world.row("openrc", name, states.get(name, "stopped"), name in enabled, process, started=hint.get("exec"))


def _of_scripts(section: Section, world: World) -> Iterator[dict[str, Any]]:
    """SysV scripts: enabled by a link at the level that runs; running by pid file, program or name. Scripts are never asked: they are programs."""
    level = _runlevel(section)
    links = {name for name, at in _links(section) if at == "S" or (at == level if level else at in "2345")}
    hints, pids = _hints(section), _pid_files(section)
    locks = {line.strip() for line in section.blocks.get("locks", [])}
    for name in section.blocks.get("scripts", []):
        hint = hints.get(name, {})
        program = next((hint[key] for key in ("DAEMON", "exec", "command") if hint.get(key, "").startswith("/")), None)
        pid = next((pids[hint[key]] for key in ("pidfile", "PIDFILE") if hint.get(key) in pids), pids.get(f"/var/run/{name}.pid"))
        process = _process(world, pid, program, (name, hint.get("processname", name)))
        if name in NO_SERVICES or not (process or name in links):
            continue
        state = "running" if process else "stopped" if program or "processname" in hint else "exited" if name in locks else "unknown"
        yield world.row("sysv", name, state, name in links, process, started=program)


def _process(world: World, pid: int | None, program: str | None, names: Iterable[str]) -> Process | None:
    by_pid = world.processes.get(pid or -1)
    if by_pid:
        return by_pid
    candidates = sorted(world.processes.values(), key=lambda process: (process.parent != 1, process.pid))
    for process in candidates:
        if process.exe == program or (process.parent == 1 and process.name in names):
            return process
    return None


def _runlevel(section: Section) -> str:
    """``N 3`` of runlevel, or ``run-level 3 …`` of who -r."""
    match = re.search(r"(?:^[N0-9S] |run-level )([0-9S])\b", section.first("runlevel"), re.ASCII)
    return match[1] if match else ""


def _links(section: Section) -> list[tuple[str, str]]:
    matches = (LINK.fullmatch(line.strip()) for line in section.blocks.get("links", []))
    return [(match["name"], match["level"]) for match in matches if match]


def _hints(section: Section) -> dict[str, dict[str, str]]:
    """By script: ``DAEMON=/usr/sbin/$NAME`` with the script's own settings put in; what stays open is left out."""
    found: dict[str, dict[str, str]] = {}
    for line in section.blocks.get("hints", []):
        match = HINT.match(line)
        if not match:
            continue
        known = found.setdefault(posixpath.basename(match["path"]), {})
        value = match["value"].strip().strip("\"'")[:300]
        for name in ("NAME", "prog", "exec", "DAEMON"):
            if name in known:
                value = value.replace(f"${{{name}}}", known[name]).replace(f"${name}", known[name])[:300]
        if value and "$" not in value:
            known.setdefault(match["header"] or match["name"], value)
    return found


def _pid_files(section: Section) -> dict[str, int]:
    """``/var/run/crond.pid:1234``; the file is known under /run and /var/run."""
    found: dict[str, int] = {}
    for line in section.blocks.get("pids", []):
        path, _, text = line.partition(":")
        pid = number(text.split()[0]) if text.split() else None
        if pid:
            found.setdefault(path, pid)
            found.setdefault(path.removeprefix("/var") if path.startswith("/var/run/") else f"/var{path}", pid)
    return found


def _of_process_1(world: World) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    for process in world.processes.values():
        if process.parent == 1 and process.exe not in rows:
            rows[process.exe] = world.row("process", process.name, "running", None, process)
    return [rows[exe] for exe in sorted(rows)]
