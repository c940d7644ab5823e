# SPDX-License-Identifier: GPL-3.0-or-later
"""Crontabs: the table leaves one host and enters the other between two minutes, so that each slot runs once.

cron looks at its tables when a minute begins, before it starts that minute's jobs. So a table that moves in the middle of a minute, when
the jobs of that minute are done, neither misses a run nor makes two. Where something goes wrong a run is missed: two are worse.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from ..._domain.errors import LotseError
from ..files.courier import Courier
from ..files.sync import TreeSync
from ..hosts import RemoteError, Shell
from .base import Context, Mover
from .files import last_cut, refuse_what_would_be_left_out, rules, whole_passes

FROM_S, TO_S = 8, 45  # of a minute: jobs that start with it are under way, and there is time left for a dead-man
CLOCKS_S = 2.0  # how far two hosts' clocks may differ
INSIDE_S = 1.0
TRIES = 3
DAEMONS = frozenset({"cron", "crond"})

PROCESSES = "cat /proc/[0-9]*/stat 2>/dev/null; echo ==; stat -c '%u %n' /proc/[0-9]* 2>/dev/null; :"
"""What ``jobs`` reads."""


@dataclass(frozen=True)
class Table:
    """A user's crontab, as `crontab -l` prints it."""

    user: str
    text: str

    @property
    def entries(self) -> list[str]:
        """Its lines without comments and empty ones."""
        lines = (line.strip() for line in self.text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]

    @property
    def commands(self) -> list[str]:
        """What its lines start, without schedule."""
        found = []
        for line in self.entries:
            fields = line.split(None, 1 if line.startswith("@") else 5)
            if line[0].isdigit() or line[0] in "*@":
                found += fields[-1:] if len(fields) == (2 if line.startswith("@") else 6) else []
        return found

    def install(self) -> str:
        """A script that makes this the user's table."""
        word = f"LOTSE_{secrets.token_hex(8)}"
        return f"crontab -u {shlex.quote(self.user)} - <<'{word}'\n{self.text.rstrip(chr(10))}\n{word}"

    def restore(self) -> str:
        """A script that does so where the user has none."""
        return f"if ! crontab -u {shlex.quote(self.user)} -l >/dev/null 2>&1; then\n{self.install()}\nfi"


def jobs(output: str, uids: Iterable[int]) -> list[int]:
    """Process ids of the jobs that cron has started for these users and that still run, from the output of ``PROCESSES``."""
    stats, _, owners = output.partition("==\n")
    parent: dict[int, int] = {}
    name: dict[int, str] = {}
    for line in stats.splitlines():
        head, found, tail = line.rpartition(")")
        pid, _, comm = head.partition(" (")
        if found and pid.isdigit():
            parent[int(pid)], name[int(pid)] = int(tail.split()[1]), comm
    uid = {int(path.rsplit("/", 1)[1]): int(owner) for owner, path in (line.split() for line in owners.splitlines())}
    wanted = set(uids)

    def from_cron(pid: int) -> bool:
        while (pid := parent.get(pid, 0)) > 1:
            if name.get(pid, "").lower() in DAEMONS:
                return True
        return False

    return sorted(pid for pid in parent if uid.get(pid) in wanted and from_cron(pid))


class CronMover(Mover):
    """Moves crontabs. Parameters: ``tables`` of ``user`` and ``lines``; ``paths`` and ``rewrite`` as for files; ``wait_s`` (600) for jobs."""

    holds: ClassVar[bool] = False
    pause_counts: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        parameters = context.parameters
        self.planned = {str(row["user"]): [str(line).strip() for line in row["lines"]] for row in parameters["tables"]}
        self.wait_s = float(parameters.get("wait_s", 600))
        self.paths = [str(path) for path in parameters.get("paths", [])]
        self._courier = Courier(context.legacy, context.guest, context.token)
        self.sync = TreeSync(
            context.source,
            context.target,
            self._courier,
            self.paths,
            rules(parameters),
            back=context.back,
            delete=not context.back,
            newer_only=context.back,
        )
        self._tables: list[Table] = []
        self._uids: dict[str, int] = {}
        self._shells: dict[str, Shell] = {}
        self._fenced_at: float | None = None

    # ---------------------------------------------------------------- before

    async def prepare(self) -> None:
        source, target = await self._open()
        for shell in (source, target):
            if (await shell.run("command -v crontab", check=False)).status != 0:
                raise LotseError(
                    "it has no crontab", shell.host, "run the playbook configure" if shell.host == self.context.guest.name else "install cron"
                )
        await self._read_tables()
        if self.paths:
            await refuse_what_would_be_left_out(source, target, self.paths, guest=self.context.guest.name)

    async def replicate(self) -> None:
        context = self.context
        if not self.paths:
            return
        if context.back:
            cut = last_cut(context.journal, "jobs")
            await self.sync.since(float(cut["target_at"]), float(cut["source_at"]))
            return
        await whole_passes(context, self.sync, f"the copies on {context.target.name} stay, no job uses them")

    async def gate(self) -> dict[str, Any]:
        """Clocks agree, the commands are there, the paths can be brought; and then waits for a moment when no job runs."""
        await self._open()
        await self._read_tables()
        await self._refuse_other_times()
        await self._refuse_missing_commands()
        brought = None
        if self.paths:
            await self.sync.ready()
            brought = await self.sync.short(within=600, prove=False)
            await self.sync.ready()
        waited = await self._wait_for_silence()
        return {
            "tables": {table.user: len(table.entries) for table in self._tables},
            "waited_s": round(waited, 1),
            "brought": brought.brought if brought else 0,
        }

    async def reopen(self) -> None:
        """After a crash behind the commit: the tables are where the journal has them, or still on the source."""
        await self._open()
        kept = self.context.journal.last("intent", "fence-tables")
        self._tables = [Table(user, text) for user, text in (kept or {}).get("tables", {}).items()]
        if not self._tables:
            await self._read_tables()
        await self._know_users()

    # ------------------------------------------------------ critical section

    def lift_script(self) -> str:
        return "\n".join(table.restore() for table in self._tables)

    async def fence(self) -> None:
        context = self.context
        source = self._shells[context.source.name]
        texts = {table.user: table.text for table in self._tables}
        # The whole text, so that another controller can put it back even if this host has been restarted meanwhile.
        with context.journal.step("fence-tables", f"each table is installed on {context.source.name} again", tables=texts):
            users = " ".join(shlex.quote(table.user) for table in self._tables)
            await source.run(f"for user in {users}; do crontab -u $user -r || exit 1; done")
        self._fenced_at = await self.sync.clock(context.source)
        loop = asyncio.get_running_loop()
        end = loop.time() + INSIDE_S
        while running := await self._running():
            if loop.time() > end:
                raise RemoteError(f"{len(running)} jobs still run", context.source.name, "try again when they are done")
            await asyncio.sleep(0.02)

    async def catch_up(self) -> dict[str, Any]:
        if not self.paths:
            return {}
        for attempt in range(1, TRIES + 1):
            try:
                # Going back, what the legacy host has beyond the guest stays there, so the trees need not be equal.
                brought = await self.sync.short(within=2.5, prove=not self.context.back)
                break
            except RemoteError:
                if attempt == TRIES:
                    raise
                await self.sync.ready()
        return {"brought": brought.brought, "removed": brought.removed, "hashed": brought.hashed, "equal": brought.totals.text}

    async def open(self) -> None:
        context = self.context
        target = self._shells[context.target.name]
        for table in self._tables:
            await target.run(table.install())
            if (await self._table(target, table.user)).entries != table.entries:
                raise RemoteError(f"{table.user}'s crontab is not what was installed", context.target.name, "run it again: it goes on from here")
        last = context.journal.last("observation", "cut-time")
        if last is None or last["token"] != context.token:
            fenced = self._fenced_at or await self.sync.clock(context.source)
            at = await self.sync.clock(context.target)
            context.journal.observe("cut-time", source_at=fenced, target_at=at, token=context.token, back=context.back)

    async def lift(self) -> None:
        self.sync.leave()
        if not self._tables:
            await self.reopen()
        await self._shells[self.context.source.name].run(self.lift_script() or ":")

    # ----------------------------------------------------------------- after

    async def observe(self) -> dict[str, Any]:
        """Each table is on exactly one side. Runs on the other one are counted from its log."""
        context = self.context
        source, target = self._shells[context.source.name], self._shells[context.target.name]
        wrong = []
        for table in self._tables:
            if (await self._table(source, table.user)).entries:
                wrong.append(f"{table.user} has a crontab on {context.source.name} again")
            if (await self._table(target, table.user)).entries != table.entries:
                wrong.append(f"{table.user}'s crontab on {context.target.name} is another one")
        cut = context.journal.last("observation", "cut-time")
        runs, evidence = await self._runs_since(float(cut["source_at"]) if cut else 0.0)
        running = await self._running()
        runs = max(runs, len(running), len([text for text in wrong if text.endswith("again")]))
        return {"healthy": not wrong, "evidence": "; ".join([*wrong, evidence]), "writes": runs}

    async def finish(self) -> None:
        self.sync.leave()
        await self._courier.close()

    # ----------------------------------------------------------------- parts

    async def _open(self) -> tuple[Shell, Shell]:
        for host in (self.context.source, self.context.target):
            if host.name not in self._shells:
                self._shells[host.name] = await host.shell(errors="surrogateescape")
        return self._shells[self.context.source.name], self._shells[self.context.target.name]

    async def _table(self, shell: Shell, user: str) -> Table:
        """What the host has; an empty text where it has none."""
        done = await shell.run(f"crontab -u {shlex.quote(user)} -l 2>/dev/null", check=False)
        return Table(user, done.out if done.status == 0 else "")

    async def _read_tables(self) -> None:
        """The tables as they are on the source. Raises LotseError when they are not those that were planned."""
        context = self.context
        source, target = await self._open()
        await self._know_users()
        self._tables = [await self._table(source, user) for user in self.planned]
        for table in self._tables:
            if not table.entries:
                raise LotseError(f"{table.user} has no crontab there", context.source.name, "run the playbooks survey and plan again")
            if not context.back and table.entries != [line for line in self.planned[table.user] if line and not line.startswith("#")]:
                raise LotseError(
                    f"{table.user}'s crontab is not the planned one any more", context.source.name, "run the playbooks survey and plan again"
                )
            if (await self._table(target, table.user)).entries:
                raise LotseError(
                    f"{table.user} has a crontab there already: jobs would run twice", context.target.name, "see where it came from, and remove it"
                )

    async def _know_users(self) -> None:
        """The users' ids on the source; each must exist on the target too."""
        for user in self.planned:
            for host in (self.context.source, self.context.target):
                done = await self._shells[host.name].run(f"id -u {shlex.quote(user)}", check=False)
                if done.status != 0:
                    raise LotseError(f"it has no user {user}", host.name, "run the playbook configure")
                if host is self.context.source:
                    self._uids[user] = int(done.out)

    async def _refuse_other_times(self) -> None:
        source, target = await self._open()
        loop = asyncio.get_running_loop()
        seen = []
        for shell in (source, target):
            now, zone = (await shell.run("date '+%s.%N %z'")).out.split()
            seen.append((float(now) - loop.time(), zone))
        if seen[0][1] != seen[1][1]:
            raise LotseError(
                f"its time zone is {seen[1][1]}, {source.host}'s is {seen[0][1]}: jobs would run at other times",
                target.host,
                "run the playbook configure",
            )
        if abs(seen[0][0] - seen[1][0]) > CLOCKS_S:
            what = f"its clock is {seen[1][0] - seen[0][0]:+.1f} s away from {source.host}'s"
            raise LotseError(what, target.host, "set both by the same time server first: a slot could run twice or not at all")

    async def _refuse_missing_commands(self) -> None:
        """Each command's program, and each file that it names, is there for the job's user."""
        target = self._shells[self.context.target.name]
        for table in self._tables:
            for command in table.commands:
                try:
                    words = shlex.split(command)
                except ValueError:
                    words = command.split()
                files = [word for word in words[1:] if word.startswith("/") and any(word.startswith(f"{path.rstrip('/')}/") for path in self.paths)]
                checks = [f"command -v {shlex.quote(words[0])} >/dev/null", *(f"test -r {shlex.quote(file)}" for file in files)]
                script = shlex.quote(" && ".join(checks))
                done = await target.run(
                    f"cd / && PATH=/usr/bin:/bin setpriv --reuid={shlex.quote(table.user)} --clear-groups sh -c {script}", check=False
                )
                if done.status != 0:
                    raise LotseError(
                        f"{table.user} cannot run there: {command}",
                        self.context.target.name,
                        "install its program, or add its files to the move's paths",
                    )

    async def _wait_for_silence(self) -> float:
        """Seconds waited until, in the middle of a minute, no job ran. Raises LotseError when one never ends."""
        loop = asyncio.get_running_loop()
        began = said = loop.time()
        while True:
            second = await self.sync.clock(self.context.source) % 60
            if FROM_S <= second <= TO_S:
                running = await self._running()
                if not running:
                    return loop.time() - began
                if loop.time() - began > self.wait_s:
                    what = f"{len(running)} jobs did not end within {self.wait_s:g} s (process {running[0]})"
                    raise LotseError(what, self.context.source.name, "wait for them, or give the move more time (parameters.wait_s)")
                if loop.time() - said > 5:
                    said = loop.time()
                    self.context.say(f"waiting for {len(running)} running jobs")
                await asyncio.sleep(0.5)
            else:
                await asyncio.sleep((FROM_S - second) % 60)

    async def _running(self) -> list[int]:
        return jobs((await self._shells[self.context.source.name].run(PROCESSES)).out, self._uids.values())

    async def _runs_since(self, at: float) -> tuple[int, str]:
        """How many jobs of these users the source's log shows since then, and how that is known."""
        source = self._shells[self.context.source.name]
        log = f"journalctl --quiet --output=short-unix --since=@{int(at)} _COMM=cron + _COMM=crond + _COMM=CRON 2>/dev/null"
        done = await source.run(log, check=False, within=30)
        name = self.context.source.name
        if done.status != 0:
            return 0, f"{name} keeps no journal to count runs from; the tables are absent there and no job runs"
        users = {f"({user}) CMD" for user in self.planned}
        runs = 0
        for line in done.out.splitlines():
            stamp = line.split(" ", 1)[0]
            runs += any(user in line for user in users) and stamp.replace(".", "", 1).isdigit() and float(stamp) > at
        return runs, f"{runs} jobs ran on {name} since the cutover, by its journal"
