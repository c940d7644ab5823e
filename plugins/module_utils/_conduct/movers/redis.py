# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis to Valkey: the guest follows the legacy server and takes over at one and the same replication offset.

The way back cannot be replication: an old server that is attached to a newer one first forgets everything and then does not understand what
it gets. So keys are copied by an explicit tool (cache/copy.py) while users write, once more behind the fence, and compared one by one.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from ..._domain.errors import LotseError
from .. import forward, lasting
from ..cache import gates, scripts
from ..cache.copy import Difference, compare, compare_again, compare_keys, repair
from ..cache.track import Tracker
from ..cache.wire import Cache
from ..hosts import Host, RemoteError, Shell
from .base import Context, Mover

CATCH_UP = 2.0  # seconds, in the section
PASSES = 20  # of the copy tool while users write
CLOSE = 200  # keys that may differ before the section


class RedisMover(Mover):
    """Moves a Redis or Valkey server with all its databases. Parameters: ``port``."""

    holds: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.port = int(context.parameters["port"])
        self._caches: dict[str, Cache] = {}
        self._shells: dict[str, Shell] = {}
        self._config_file = ""
        self._tracker: Tracker | None = None
        self._compared = Difference()
        self._writing: frozenset[str] = frozenset()

    # ---------------------------------------------------------------- before

    async def prepare(self) -> None:
        await self._refuse()
        for host in (self.context.source, self.context.target):
            done = await host.run("command -v nft >/dev/null && nft list tables >/dev/null", check=False)
            if done.status != 0:
                raise LotseError("nft does not work there; its address could not be forwarded", host.name, "install nftables; nothing was changed")

    async def replicate(self) -> None:
        if self.context.back:
            await self._copy_back()
        else:
            await self._follow()

    async def gate(self) -> dict[str, Any]:
        source, _ = await self._refuse()
        self._config_file = source.config_file
        await self.reopen()
        await self._count(await self._cache(self.context.source))  # the list of commands is long: not in the section
        return await (self._gate_of_the_copy() if self.context.back else self._gate_of_the_replica())

    async def reopen(self) -> None:
        for host in (self.context.source, self.context.target):
            await self._cache(host)
            await self._shell(host)

    # ------------------------------------------------------ critical section

    def lift_script(self) -> str:
        return scripts.lift_fence(self.port)

    def forward_script(self) -> str:
        return scripts.carry_through(self.context.token, self.port, self.context.target.address)

    def open_script(self) -> str:
        return scripts.open_if_committed(self.context.token, self.port, guest=not self.context.back)

    async def fence(self) -> None:
        cache, shell = await self._cache(self.context.source), await self._shell(self.context.source)
        await asyncio.gather(
            shell.run(scripts.raise_fence(self.port, self._config_file)),
            cache.call("CONFIG", "SET", "min-replicas-to-write", scripts.REPLICAS),
        )
        await self._end_clients(self.context.source)

    async def catch_up(self) -> dict[str, Any]:
        source, shell = await self._cache(self.context.source), await self._shell(self.context.source)
        counted = await self._count(source)
        try:
            async with asyncio.timeout(CATCH_UP):
                proof, _ = await asyncio.gather(
                    self._copied() if self.context.back else self._caught_up(),
                    shell.run(f"echo {counted} > {scripts.calls_file(self.context.token)}"),
                )
        except TimeoutError as failure:
            what = f"the new side was not equal within {CATCH_UP:g} s"
            raise RemoteError(what, self.context.target.name, "try again when less is written") from failure
        return {**proof, "write_calls": counted}

    async def open(self) -> None:
        context = self.context
        cache, shell = await self._cache(context.target), await self._shell(context.target)
        await asyncio.gather(
            cache.many([("REPLICAOF", "NO", "ONE"), ("CONFIG", "SET", "min-replicas-to-write", 0)]),
            shell.run(scripts.serve(context.token, guest=not context.back)),
        )

    async def route(self) -> None:
        context = self.context
        source, target = await self._shell(context.source), await self._shell(context.target)
        # The target may still forward to the source since an earlier way in the other direction.
        await asyncio.gather(source.run(forward.start(self.port, context.target.address)), target.run(forward.stop(self.port)))

    async def lift(self) -> None:
        context = self.context
        if self._tracker is not None:
            await self._tracker.stop()
            self._tracker = None
        await (await self._shell(context.source)).run(scripts.lift_fence(self.port))
        if context.back:
            await (await self._cache(context.target)).call("CONFIG", "SET", "min-replicas-to-write", scripts.REPLICAS)

    # ----------------------------------------------------------------- after

    async def settle(self) -> None:
        context = self.context
        target, shell = await self._cache(context.target), await self._shell(context.target)
        with context.journal.step("persist", "none is needed: what was written is what is true", host=context.target.name) as result:
            await shell.run(scripts.unfence())
            result["saved"] = await self._save(target)
            await shell.run(lasting.forget(self.port))
        if self._tracker is not None:
            await self._tracker.stop()
        await self._buffers_as_before()
        await (await self._shell(context.source)).run(lasting.keep(self.port, context.target.address))
        if context.back:
            await (await self._shell(context.guest)).run(f"rm -f {scripts.SERVING}")

    async def observe(self) -> dict[str, Any]:
        context = self.context
        source, target = await self._cache(context.source), await self._cache(context.target)
        ours, theirs = await target.info("replication"), await source.info("replication")
        wrong = []
        if ours["role"] != "master" or await target.setting("min-replicas-to-write") != "0":
            wrong.append(f"{context.target.name} takes no writes")
        if await source.setting("min-replicas-to-write") != str(scripts.REPLICAS):
            wrong.append(f"{context.source.name} is not fenced")
        if theirs["connected_slaves"] != "0":
            wrong.append(f"{context.source.name} still has a replica, so its fence could open")
        writes = await self._writes(source)
        good = f"{context.target.name} serves, {context.source.name} refuses writes"
        evidence = f"{'; '.join(wrong) or good}; {writes} write commands were executed on {context.source.name} behind the fence"
        return {"healthy": not wrong and writes == 0, "evidence": evidence, "writes": writes}

    async def finish(self) -> None:
        if self.context.back:
            await self.context.legacy.run(forward.clean())

    async def abandon(self) -> None:
        await (await self._cache(self.context.guest)).call("REPLICAOF", "NO", "ONE")
        await self._buffers_as_before()

    # ----------------------------------------------------------------- parts

    async def _cache(self, host: Host) -> Cache:
        if host.name not in self._caches:
            self._caches[host.name] = await Cache.open(host, self.port)
        return self._caches[host.name]

    async def _shell(self, host: Host) -> Shell:
        if host.name not in self._shells:
            self._shells[host.name] = await host.shell()
        return self._shells[host.name]

    async def _refuse(self) -> tuple[gates.Facts, gates.Facts]:
        context = self.context
        source, target = [await gates.look(await self._cache(host)) for host in (context.source, context.target)]
        gates.refuse(source, target, context.target.address, back=context.back)
        return source, target

    async def _end_clients(self, host: Host) -> None:
        """Ends every connection to the server of a host but ours: who comes again waits at the gate, or is forwarded."""
        cache = await self._cache(host)
        ours = {str(await cache.call("CLIENT", "ID"))} | ({str(self._tracker.id)} if self._tracker else set())
        for _ in range(20):
            listed = [text.decode(errors="replace") for text in await cache.many([("CLIENT", "LIST", "TYPE", kind) for kind in ("normal", "pubsub")])]
            others = {line.split()[0].removeprefix("id=") for text in listed for line in text.splitlines()} - ours
            if not others:
                return
            await cache.many([("CLIENT", "KILL", "ID", number) for number in others])
            await asyncio.sleep(0.001)
        raise RemoteError(f"{len(others)} clients do not end", host.name)

    # The way there: replication.

    async def _follow(self) -> None:
        context = self.context
        source, target = await self._cache(context.source), await self._cache(context.target)
        link = await target.info("replication")
        if link["role"] == "master":
            served = await context.guest.run(f"test -e {scripts.SERVING} && echo serving; true")
            if "serving" in served.out:
                what = f"it serves, or did: {scripts.SERVING} is there"
                raise LotseError(what, context.guest.name, "its data is not replaced; take the move back with rollback first")
        if (link["role"], link.get("master_host")) != ("slave", context.source.address):
            before = await source.setting("client-output-buffer-limit")
            # A full copy must not be ended because users write much meanwhile: the buffer may grow as large as the data.
            size = max(256 * 2**20, 2 * int((await source.info("memory"))["used_memory"]))
            with context.journal.step("follow", f"REPLICAOF NO ONE on {context.guest.name}; the buffer limit as before", buffers=before):
                await source.call("CONFIG", "SET", "client-output-buffer-limit", f"replica {size} {size} 60")
                if source.password:
                    await target.call("CONFIG", "SET", "masterauth", source.password)
                await target.call("REPLICAOF", context.source.address, self.port)
        context.say("waiting for the new side to catch up")
        await self._linked()

    async def _linked(self, within: float = 3600) -> None:
        target, loop = await self._cache(self.context.target), asyncio.get_running_loop()
        end = loop.time() + within
        while loop.time() < end:
            link = await target.info("replication")
            if link["role"] != "slave":
                raise LotseError("it follows nobody any more", self.context.target.name, "see who changed that, and start again")
            if link["master_link_status"] == "up" and link["master_sync_in_progress"] == "0":
                return
            await asyncio.sleep(0.1)
        raise LotseError(f"it did not get the data within {within:g} s", self.context.target.name, "look at both servers' logs")

    async def _gate_of_the_replica(self) -> dict[str, Any]:
        context = self.context
        source, target = await self._cache(context.source), await self._cache(context.target)
        link = await target.info("replication")
        if (link["role"], link.get("master_host"), link.get("master_link_status")) != ("slave", context.source.address, "up"):
            raise LotseError(f"it does not follow {context.source.name}", f"Redis on {context.target.name}", "nothing was cut; start again")
        if link["slave_read_only"] != "1":
            raise LotseError("a replica that takes writes", f"Redis on {context.target.name}", "CONFIG SET replica-read-only yes; nothing was cut")
        ahead = await self._offset(source)
        return {"source_offset": ahead, "lag_bytes": ahead - int(link["slave_repl_offset"])}

    async def _caught_up(self) -> dict[str, Any]:
        """Waits for equal offsets. The source's own heartbeat moves its offset, too, so both are read until they meet."""
        source, target = await self._cache(self.context.source), await self._cache(self.context.target)
        while True:
            before = await self._offset(source)
            link = await target.info("replication")
            after = await self._offset(source)
            if link.get("master_link_status") == "up" and before == after == int(link["slave_repl_offset"]):
                return {"offset": after}
            await asyncio.sleep(0.001)

    @staticmethod
    async def _offset(cache: Cache) -> int:
        return int((await cache.info("replication"))["master_repl_offset"])

    async def _buffers_as_before(self) -> None:
        """On the legacy side: what `_follow` has widened."""
        before = (self.context.journal.last("intent", "follow") or {}).get("buffers")
        if before:
            await (await self._cache(self.context.legacy)).call("CONFIG", "SET", "client-output-buffer-limit", before)

    # The way back: the copy tool.

    async def _copy_back(self) -> None:
        context = self.context
        source, target = await self._cache(context.source), await self._cache(context.target)
        with context.journal.step("copy", "CONFIG SET min-replicas-to-write 99 on the legacy side", host=context.legacy.name) as result:
            # Nobody may reach it but us: its address forwards (a reboot of the host would have forgotten that), and whoever is connected is not
            # any more. Its file keeps the fence for a restart.
            await (await self._shell(context.legacy)).run(forward.start(self.port, context.guest.address))
            await self._end_clients(context.legacy)
            await target.call("CONFIG", "SET", "min-replicas-to-write", 0)
            for number in range(1, PASSES + 1):
                found = await compare(source, target)
                result |= {"passes": number, "differing": found.size, "keys": found.keys}
                if found.size <= CLOSE:
                    break
                context.say(f"pass {number}: {found.size} of {found.keys} keys differ")
                await repair(source, target, found)
        if found.size > CLOSE:
            raise LotseError(f"{found.size} keys still differ after {PASSES} passes", context.legacy.name, "try again when less is written")
        await repair(source, target, found)

    async def _gate_of_the_copy(self) -> dict[str, Any]:
        """Looks at every key once more, and keeps note of what is written from before that look on."""
        loop = asyncio.get_running_loop()
        source, target = await self._cache(self.context.source), await self._cache(self.context.target)
        if self._tracker is None:
            self._tracker = await Tracker.start(self.context.source, self.port, source)
        began = loop.time()
        self._compared = await compare(source, target)
        seconds = loop.time() - began
        await repair(source, target, self._compared)
        return {"keys": self._compared.keys, "differing": self._compared.size, "comparison_ms": round(seconds * 1000, 1)}

    async def _copied(self) -> dict[str, Any]:
        """Compares and repairs what was written since the gate's look at every key, until nothing differs."""
        source, target = await self._cache(self.context.source), await self._cache(self.context.target)
        written = await self._tracker.written() if self._tracker is not None else None
        if written is None:
            found = await compare(source, target)
        else:
            # What the gate found unlike was repaired while users wrote, so it is looked at again.
            unlike = {name for part in (self._compared.changed, self._compared.extra) for names in part.values() for name in names}
            found = await compare_keys(source, target, written | unlike, self._compared)
        repaired = found.size
        while True:
            await repair(source, target, found)
            found = await compare_again(source, target, found)
            if not found.size:
                break
            repaired += found.size
        return {"keys": found.keys, "written_since_the_gate": None if written is None else len(written), "repaired": repaired}

    # Writes behind the fence.

    async def _count(self, cache: Cache) -> str:
        """The server's run id, and how many write commands it has executed in this run; refused ones do not count."""
        if not self._writing:
            self._writing = frozenset({bytes(row[0]).decode() for row in await cache.call("COMMAND") if b"write" in row[2]} | {"xgroup"})
        total = 0
        for name, value in (await cache.info("commandstats")).items():
            if name.removeprefix("cmdstat_").split("|")[0] in self._writing:
                total += int(dict(pair.split("=", 1) for pair in value.split(","))["calls"])
        return f"{(await cache.info('server'))['run_id']} {total}"

    async def _writes(self, source: Cache) -> int:
        """Write commands on the fenced side since the fence was up. A server that was started again counts from nothing."""
        context = self.context
        kept = await (await self._shell(context.source)).run(f"cat {scripts.calls_file(context.token)}", check=False)
        words = kept.out.split() if kept.status == 0 else []
        if not words:  # the host was started again since: the journal knows it, too, unless the conductor died in the section
            cut = context.journal.last("result", "cut") or {}
            words = str(cut.get("proofs", {}).get(context.move["id"], {}).get("write_calls", "")).split()
        if len(words) != 2:
            raise LotseError("what it had executed at the fence is not known any more: writes cannot be counted", context.source.name)
        run, total = (await self._count(source)).split()
        return int(total) - (int(words[1]) if run == words[0] else 0)

    @staticmethod
    async def _save(cache: Cache) -> bool:
        """Writes a dump, where the server keeps dumps, so that a crash right after the move costs nothing older."""
        if not await cache.setting("save"):
            return False
        before = (await cache.info("persistence"))["rdb_last_save_time"]
        await cache.call("BGSAVE", "SCHEDULE")
        for _ in range(600):
            state = await cache.info("persistence")
            if state["rdb_bgsave_in_progress"] == "0" and state["rdb_last_save_time"] != before:
                break
            if state["rdb_bgsave_in_progress"] == "0" and state["rdb_last_bgsave_status"] != "ok":
                raise LotseError("it cannot write its dump", f"Redis on {cache.host}", "look at its disk; the move goes on when it is run again")
            await asyncio.sleep(0.1)
        return True
