# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB: the guest becomes a replica of the legacy server, takes over in one transaction's time, and is followed by it from then on.

Way back: the same with the sides swapped. Each side's fence is `read_only`, at run time and in a file that survives a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, ClassVar

from ..._domain.errors import LotseError
from .. import forward, lasting
from ..fence import COMMIT, Ballot
from ..hosts import Host, RemoteError, Shell
from ..mariadb import gates, gtid, scripts, seed
from ..mariadb.sql import CLIENT, Row, Sql, SqlError, name
from .base import Context, Mover

CATCH_UP = 3.0  # seconds, in the section
OLDEST = 2  # seconds of the oldest transaction that may be ended by the fence
QUIET = 10.0  # seconds that a gate waits for lag and long transactions to pass
LOCK = 0.15  # seconds that the fence may stall writers before it gives up
PATIENCE = 0.05  # seconds before the fence ends those who block it
NO_SUCH_THREAD, TOO_LONG = 1094, 1969


class MariadbMover(Mover):
    """Moves a whole MariaDB server. Parameters: ``port``, ``databases`` (all that it has)."""

    holds: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.port = int(context.parameters["port"])
        self.databases = [str(database) for database in context.parameters["databases"]]
        self._sql: dict[str, list[Sql]] = {}
        self._shells: dict[str, Shell] = {}
        self._frozen = ""

    # ---------------------------------------------------------------- before

    async def prepare(self) -> None:
        context = self.context
        source, target = await self._facts(context.source), await self._facts(context.target)
        gates.refuse(source, target, back=context.back, databases=self.databases, port=self.port)
        await self._refuse_closed_host(context.source)
        if context.back:
            with context.journal.step("old-address", "none is needed: clients find the side that serves"):
                # A reboot of the legacy host would have forgotten it.
                await context.legacy.run(forward.start(self.port, context.guest.address))
        sql = await self._open(context.source)
        with context.journal.step("schema", "DROP DATABASE lotse, on the side that writes", host=context.source.name):
            await sql.run(*scripts.SCHEMA, "DELETE FROM lotse.decision WHERE at < NOW() - INTERVAL 1 HOUR")
            await sql.rows("REPLACE INTO lotse.carried VALUES ('event_scheduler', %s)", source["event_scheduler"])

    async def replicate(self) -> None:
        context = self.context
        target = await self._open(context.target)
        if not gates.follows(await seed.status(target), context.source.address):
            if context.back:
                await seed.refuse_unsound(target, context.source.address)
            await self._seed()
        context.say("waiting for the new side to catch up")
        await self._caught_up()
        # What was granted after the accounts were read and before the copy began came neither way.
        await seed.carry_grants(await self._open(context.source), target)

    async def gate(self) -> dict[str, Any]:
        """Waits a little for lag and long transactions to pass, then insists."""
        context = self.context
        source, target = await self._facts(context.source), await self._facts(context.target)
        gates.refuse(source, target, back=context.back, databases=self.databases, port=self.port)
        if not target.on("read_only"):
            raise LotseError("both sides take writes", f"MariaDB on {context.target.name}", "find out who opened the new side before you go on")
        await self._refuse_closed_host(context.source)
        await self.reopen()
        loop = asyncio.get_running_loop()
        end = loop.time() + QUIET
        while True:
            seen = await self._look_at_load()
            wrong = await self._not_quiet(seen)
            if not wrong:
                await self._source.run(f"SET SESSION max_statement_time = {LOCK}")
                return seen
            if loop.time() > end:
                raise LotseError("; ".join(wrong), f"MariaDB on {context.source.name}", "nothing was cut; try again when it is quieter")
            await asyncio.sleep(0.25)

    async def reopen(self) -> None:
        for host in (self.context.source, self.context.target):
            for number in (0, 1):
                await self._open(host, number)
            await self._shell(host)

    # ------------------------------------------------------ critical section

    def ballot(self, token: str) -> Ballot:
        return scripts.DecisionRow(token, self._execute)

    def lift_script(self) -> str:
        return scripts.lift_fence(self.port)

    def forward_script(self) -> str:
        return forward.start(self.port, self.context.target.address)

    def open_script(self) -> str:
        return scripts.open_if_committed(self.context.token, self.port, guest=not self.context.back)

    async def fence(self) -> None:
        shell = await self._shell(self.context.source)
        await asyncio.gather(shell.run(scripts.raise_fence(self.port)), self._close())
        await self._end_sessions()
        first = await self._position()
        self._frozen = await self._position()
        if first != self._frozen:
            what = f"somebody still writes behind the fence ({first}, then {self._frozen})"
            raise RemoteError(what, self.context.source.name, "find who bypasses read_only")

    async def catch_up(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        target = await self._open(self.context.target)
        if await target.value("SELECT MASTER_GTID_WAIT(%s, %s)", self._frozen, CATCH_UP) != 0:
            row = await seed.status(target)
            why = f"at {row.get('Gtid_Slave_Pos')}" if gates.follows(row, self.context.source.address) else gates.trouble(row)
            raise RemoteError(f"the new side did not reach {self._frozen} within {CATCH_UP:g} s ({why})", self.context.target.name)
        return {"position": self._frozen, "waited_ms": round((loop.time() - began) * 1000, 1)}

    async def open(self) -> None:
        """Opens the target when the decision itself has arrived there, which is the last thing that the source has written."""
        context = self.context
        target, shell = await self._open(context.target), await self._shell(context.target)
        loop = asyncio.get_running_loop()
        end = loop.time() + CATCH_UP
        while await target.value(scripts.DecisionRow(context.token).select) != COMMIT:
            if loop.time() > end:
                raise RemoteError("the commit did not arrive there", context.target.name)
            await asyncio.sleep(0.001)
        await asyncio.gather(
            target.run("STOP SLAVE", "SET GLOBAL read_only = 0"),
            shell.run(scripts.serve(context.token, guest=not context.back)),
        )

    async def route(self) -> None:
        context = self.context
        source, target = await self._shell(context.source), await self._shell(context.target)
        # The target may still forward to the source since an earlier way in the other direction.
        await asyncio.gather(source.run(self.forward_script()), target.run(forward.stop(self.port)))
        await self._end_sessions()  # who came in before the old address was forwarded would stay for ever

    async def lift(self) -> None:
        self._frozen = ""
        await (await self._shell(self.context.source)).run(self.lift_script())

    # ----------------------------------------------------------------- after

    async def settle(self) -> None:
        context = self.context
        source, target = await self._open(context.source), await self._open(context.target)
        facts = await self._facts(context.target)
        if await seed.status(target):
            await target.run("STOP SLAVE", "RESET SLAVE ALL")
        if not gates.follows(await seed.status(source), context.target.address):
            with context.journal.step("reverse", "STOP SLAVE; RESET SLAVE ALL, on the fenced side", host=context.source.name) as result:
                result["position"] = await self._follow_back(source, target)
        await (await self._shell(context.source)).run(lasting.keep(self.port, context.target.address))
        await (await self._shell(context.target)).run(lasting.forget(self.port))
        await (await self._shell(context.target)).run(f"rm -f {scripts.FENCE_FILE}\n{CLIENT}\n{scripts.EVENTS_ON}")
        if facts["event_scheduler"] != "DISABLED":
            await self._enable_events(target)
        if context.back:
            await (await self._shell(context.guest)).run(f"rm -f {scripts.SERVING}")

    async def observe(self) -> dict[str, Any]:
        context = self.context
        await self.reopen()
        source, target = await self._open(context.source), await self._open(context.target)
        row = await seed.status(source)
        wrong = []
        if str(await target.value("SELECT @@GLOBAL.read_only")) != "0":
            wrong.append(f"{context.target.name} takes no writes")
        if str(await source.value("SELECT @@GLOBAL.read_only")) != "1":
            wrong.append(f"{context.source.name} takes writes")
        if not gates.follows(row, context.target.address):
            wrong.append(f"{context.source.name} does not follow: {gates.trouble(row)}")
        writes = await self._own_writes(source)
        follows = f"follows {row.get('Seconds_Behind_Master')} s behind at {row.get('Gtid_IO_Pos')}"
        seen = f"{context.target.name} serves, {context.source.name} is read-only and {follows}"
        evidence = f"{'; '.join(wrong) or seen}; {writes} transactions of its own on {context.source.name} after the decision"
        return {"healthy": not wrong and writes == 0, "evidence": evidence, "writes": writes}

    async def finish(self) -> None:
        context = self.context
        if context.back:
            await self._leave_legacy()
            return
        # On the side that writes, or the fenced side would have written something itself.
        await (await self._open(context.target)).run("DELETE FROM lotse.decision")
        await seed.drop_account(await self._open(context.source), context.target.address)

    async def abandon(self) -> None:
        await self._leave_legacy()

    # ----------------------------------------------------------------- parts

    @property
    def _source(self) -> Sql:
        return self._sql[self.context.source.name][0]

    async def _open(self, host: Host, number: int = 0) -> Sql:
        """The first or second connection to a host's server; it stays open."""
        lines = self._sql.setdefault(host.name, [])
        while len(lines) <= number:
            lines.append(await Sql.open(host))
        return lines[number]

    async def _shell(self, host: Host) -> Shell:
        if host.name not in self._shells:
            self._shells[host.name] = await host.shell()
        return self._shells[host.name]

    async def _facts(self, host: Host) -> gates.Facts:
        return await gates.look(await self._open(host))

    @staticmethod
    async def _refuse_closed_host(host: Host) -> None:
        """The fence needs nft, and a place for its file."""
        done = await host.run(f"command -v nft >/dev/null && nft list tables >/dev/null && [ -d {scripts.FENCE_FOLDER} ]", check=False)
        if done.status != 0:
            what = f"nft does not work there, or {scripts.FENCE_FOLDER} is missing; the old address could not be forwarded"
            raise LotseError(what, host.name, "install nftables; nothing was changed")

    async def _seed(self) -> None:
        context = self.context
        source, target = await self._open(context.source), await self._open(context.target)
        facts = await self._facts(context.target)
        await seed.refuse_to_wipe(context.guest, facts)
        databases = list((await self._facts(context.source)).databases)
        with context.journal.step("seed", f"the copy on {context.guest.name} is made anew", databases=databases) as result:
            context.say(f"copying {', '.join(databases)}")
            await seed.wipe(target, list(facts.databases))
            # Views and routines name accounts, so these come before the data; grants name tables, so those come after.
            result["accounts"] = await seed.carry_accounts(source, target)
            await seed.copy(context.source, context.target, databases)
            await seed.carry_grants(source, target)
            result["position"] = await target.value("SELECT @@GLOBAL.gtid_slave_pos")
        undo = f"STOP SLAVE; RESET SLAVE ALL on {context.guest.name}; DROP USER {gates.REPLICA_ACCOUNT} on {context.source.name}"
        with context.journal.step("follow", undo):
            password = await seed.make_account(source, context.target.address)
            await seed.follow(target, context.source.address, self.port, password, facts)

    async def _caught_up(self, within: float = 6 * 3600) -> None:
        """Waits until the target needs less than a second for what the source has at that moment."""
        context, loop = self.context, asyncio.get_running_loop()
        target = await self._open(context.target)
        end = loop.time() + within
        while loop.time() < end:
            position = await self._position()
            began = loop.time()
            arrived = await target.value("SELECT MASTER_GTID_WAIT(%s, 5)", position) == 0
            row = await seed.status(target)
            if arrived and loop.time() - began < 1 and gates.follows(row, context.source.address):
                return
            if not arrived and row.get("Slave_IO_Running") != "Connecting":
                await seed.refuse_unsound(target, context.source.address)
                context.say(f"{row.get('Seconds_Behind_Master')} s behind")
            elif not arrived and row["Last_IO_Errno"]:
                await seed.refuse_unsound(target, context.source.address)
        raise LotseError(f"the new side did not catch up within {within / 3600:g} h", context.target.name, "look at its load and its disk")

    async def _position(self) -> str:
        return str(await (await self._open(self.context.source)).value("SELECT @@GLOBAL.gtid_binlog_pos"))

    async def _look_at_load(self) -> dict[str, Any]:
        context = self.context
        source, target = await self._open(context.source), await self._open(context.target)
        row = await seed.refuse_unsound(target, context.source.address)
        position = await self._position()
        arrived = await target.value("SELECT MASTER_GTID_WAIT(%s, 1)", position) == 0
        return {
            "position": position,
            "lag_s": row["Seconds_Behind_Master"] if arrived else 1,
            "oldest_transaction_s": int(await source.value(gates.OLDEST) or 0),
        }

    async def _not_quiet(self, seen: Row) -> list[str]:
        wrong = []
        if seen["lag_s"] != 0:
            wrong.append(f"the new side is {seen['lag_s']} s behind")
        if seen["oldest_transaction_s"] >= OLDEST:
            wrong.append(f"a transaction is open for {seen['oldest_transaction_s']} s")
        accounts = [(await seed.accounts(await self._open(host))).keys() for host in (self.context.source, self.context.target)]
        if accounts[0] != accounts[1]:
            wrong.append(f"accounts are not on both sides: {', '.join(sorted(accounts[0] ^ accounts[1]))}")
        return wrong

    async def _close(self) -> None:
        """read_only on the source. Somebody's long write would stall everybody, so it is ended after a moment, and we give up soon after."""
        first, second = [await self._open(self.context.source, number) for number in (0, 1)]
        closing = asyncio.ensure_future(first.run("SET GLOBAL read_only = 1", "SET GLOBAL event_scheduler = OFF"))
        done, _ = await asyncio.wait({closing}, timeout=PATIENCE)
        if not done:
            for row in await second.rows(gates.BUSY, self._ours(self.context.source)):
                await self._kill(second, row)
        try:
            await closing
        except SqlError as failure:
            if failure.code != TOO_LONG:
                raise
            remedy = "nothing was cut; try again when it is quieter"
            raise RemoteError("a running write did not end in time", self.context.source.name, remedy) from failure

    async def _execute(self, statement: str) -> bool:
        """Runs a statement on the source over the second connection, if that is open."""
        lines = self._sql.get(self.context.source.name, [])
        if len(lines) < 2:
            return False
        try:
            await lines[1].run(statement)
        except SqlError:
            return False
        return True

    def _ours(self, host: Host) -> tuple[int, ...]:
        return tuple(line.id for line in self._sql[host.name])

    async def _end_sessions(self) -> None:
        """Ends every session of somebody on the source."""
        first = await self._open(self.context.source)
        for _ in range(50):
            rows = await first.rows(gates.SESSIONS, self._ours(self.context.source))
            if not rows:
                return
            for row in rows:
                await self._kill(first, row)
        who = ", ".join(sorted({f"{row['user']}@{row['host']}" for row in rows}))
        raise RemoteError(f"sessions do not end: {who}", self.context.source.name)

    @staticmethod
    async def _kill(sql: Sql, row: Row) -> None:
        try:
            await sql.run(f"KILL {int(row['id'])}")
        except SqlError as failure:
            if failure.code != NO_SUCH_THREAD:
                raise

    async def _follow_back(self, source: Sql, target: Sql) -> str:
        """The fenced side follows the new one from its own last transaction, the decision."""
        context = self.context
        position = str(await source.value("SELECT @@GLOBAL.gtid_current_pos"))
        await source.run("STOP SLAVE", "RESET SLAVE ALL")
        await source.rows("SET GLOBAL gtid_slave_pos = %s", position)
        password = await seed.make_account(target, context.source.address)
        await seed.follow(source, context.target.address, self.port, password, await self._facts(context.source))
        for _ in range(100):
            if gates.follows(await seed.status(source), context.target.address):
                break
            await asyncio.sleep(0.1)
        await seed.refuse_unsound(source, context.target.address)
        return position

    @staticmethod
    async def _enable_events(target: Sql) -> None:
        """Events that were made while this side followed wait for somebody to say that it is the primary now."""
        for row in await target.rows("SELECT event_schema, event_name FROM information_schema.events WHERE status = 'SLAVESIDE_DISABLED'"):
            schema, event = (str(value) for value in row.values())
            await target.run(f"ALTER EVENT {name(schema, event)} ENABLE")

    async def _own_writes(self, source: Sql) -> int:
        """Transactions that the fenced server wrote itself after the decision."""
        mark = await source.rows("SELECT position FROM lotse.decision WHERE token = %s", self.context.token)
        if not mark:
            raise LotseError("the decision is not there any more: writes cannot be counted", self.context.source.name)
        before, server = str(mark[0]["position"]), int(await source.value("SELECT @@GLOBAL.server_id"))
        own = gtid.own_beyond(before, str(await source.value("SELECT @@GLOBAL.gtid_binlog_state")), server)
        if gtid.only_the_mark(before, own):
            return 0
        return await self._count(source, before, server) - 1

    @staticmethod
    async def _count(source: Sql, before: str, server: int) -> int:
        """Counts a server's own transactions after a position, in its binary logs from the newest back to the one that holds it."""
        count = 0
        for log in reversed(await source.rows("SHOW BINARY LOGS")):
            events = await source.rows("SHOW BINLOG EVENTS IN %s", log["Log_name"])
            own = [event for event in events if event["Event_type"] == "Gtid" and int(event["Server_id"]) == server]
            fresh = [event for event in own if gtid.own_beyond(before, str(event["Info"]).split("GTID ")[1].split()[0], server)]
            count += len(fresh)
            if len(fresh) < len(own):
                break
        return count

    async def _leave_legacy(self) -> None:
        """Nothing of ours stays on the legacy side, which serves; the guest stops following it and stays fenced."""
        context = self.context
        legacy, guest = await self._open(context.legacy), await self._open(context.guest)
        await guest.run("STOP SLAVE", "RESET SLAVE ALL")
        await legacy.run("DROP DATABASE IF EXISTS lotse")
        for address in (context.guest.address, context.legacy.address):
            await seed.drop_account(legacy, address)
        with contextlib.suppress(RemoteError):
            await context.legacy.run(forward.clean())
