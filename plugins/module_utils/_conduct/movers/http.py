# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server: requests wait at the edge, the old server's port is frozen, and then both lead to the guest.

The fence is the network's: nothing reaches the old port any more, not even on connections that were open before, but from 127.0.0.1.
What is under way inside is waited for: the PHP processes that hold a request. After the cutover the old address forwards new connections
to the guest and refuses what is left of old ones; whatever still reaches the old server is counted by the kernel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..._domain.errors import LotseError
from .. import forward
from ..hosts import Host, RemoteError, Shell
from ..probe import Page, ask
from ..switchboard import Backend, Target
from .base import Context, Mover

INSIDE_S = 1.0
WARM_UP = 4
LOOPBACK = "127.0.0.1"

# Connections of the web server to PHP, by socket or by port, that hold a request now.
REQUESTS_INSIDE = "{ ss -Hx state established; ss -Htn state established dst 127.0.0.1 dport = :9000; } | grep -cE 'php|:9000' || :"


class HttpMover(Mover):
    """Moves a web server. Parameters: ``port``; ``backend`` and ``server`` at the edge; ``probes``, pages that are asked for."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.port = int(context.parameters["port"])
        self.pages = [Page(str(probe["host"]), str(probe.get("path", "/"))) for probe in context.parameters.get("probes", [])]
        self._shells: dict[str, Shell] = {}

    # ---------------------------------------------------------------- before

    async def prepare(self) -> None:
        if not self.pages:
            raise LotseError("the plan names no page to ask for", str(self.context.move["id"]), "give the move probes; without one nothing is proven")
        for host in (self.context.source, self.context.target):
            if (await (await self._shell(host)).run("command -v nft && command -v ss", check=False)).status != 0:
                raise LotseError("nft or ss is missing: its port could not be fenced", host.name, "install nftables and iproute2")
        if not self.context.back:
            # After a rollback the guest leads its own clients to the legacy host. It shall serve, so it must not.
            undo = f"{self.context.target.name} forwards port {self.port} to {self.context.source.name}"
            with self.context.journal.step("own-port", undo):
                await self._shells[self.context.target.name].run(forward.stop(self.port))

    async def gate(self) -> dict[str, Any]:
        """The target answers every page as the source does, and is warm."""
        source, target = self.context.source, self.context.target
        await self._shell(source), await self._shell(target)
        seen: dict[str, dict[str, Any]] = {}
        for page in self.pages:
            old = await ask(source, LOOPBACK, self.port, page)
            answers = await asyncio.gather(*(ask(target, LOOPBACK, self.port, page, within=10) for _ in range(WARM_UP)))
            new = await ask(target, LOOPBACK, self.port, page)
            wrong = {answer.status for answer in (*answers, new)} - {old.status}
            if wrong or old.status >= 500:
                what = f"{page.text} answers {', '.join(map(str, sorted(wrong or {old.status})))}, {old.status} on {source.name}"
                raise LotseError(what, target.name, "see the error logs of its web server and of PHP")
            if old.body and not new.body:
                raise LotseError(f"{page.text} answers with nothing, {source.name} with {len(old.body)} bytes", target.name, "see its error logs")
            seen[page.text] = {"status": new.status, "cold_ms": round(max(answer.ms for answer in answers), 1), "warm_ms": round(new.ms, 1)}
        direct = await self._direct_clients()
        if direct:
            self.context.say(f"{', '.join(direct)} talk to {source.name} without the edge; their open connections end at the cutover")
        return {"pages": seen, "versions": await self._versions(), "direct_clients": direct}

    async def reopen(self) -> None:
        for host in (self.context.source, self.context.target):
            await self._shell(host)

    # ------------------------------------------------------ critical section

    def lift_script(self) -> str:
        return forward.stop(self.port)

    def forward_script(self) -> str:
        return self._forward()

    async def fence(self) -> None:
        """Nothing comes in any more; returns when what was inside is done. Raises RemoteError when that takes too long."""
        shell = self._shells[self.context.source.name]
        await shell.run(forward.freeze(self.port))
        loop = asyncio.get_running_loop()
        end = loop.time() + INSIDE_S
        while inside := int((await shell.run(REQUESTS_INSIDE)).out.strip() or 0):
            if loop.time() > end:
                raise RemoteError(f"{inside} requests did not end within {INSIDE_S:g} s", self.context.source.name, "try again")
            await asyncio.sleep(0.005)

    async def catch_up(self) -> dict[str, Any]:
        """There is nothing to bring: the files have a mover of their own."""
        return {}

    async def open(self) -> None:
        """The target serves already; it must not pass its requests on (it does after a rollback)."""
        await self._shells[self.context.target.name].run(forward.stop(self.port))

    async def route(self) -> None:
        await self._shells[self.context.source.name].run(self._forward())

    def edge_targets(self) -> Mapping[Backend, Target]:
        backend, server = self.context.parameters.get("backend"), self.context.parameters.get("server")
        if not (backend and server):
            return {}
        return {Backend(str(backend), str(server)): (self.context.target.address, self.port)}

    async def lift(self) -> None:
        await (await self._shell(self.context.source)).run(self.lift_script())

    # ----------------------------------------------------------------- after

    async def observe(self) -> dict[str, Any]:
        """Pages on the target itself and by the source's old address; connections that reached the source's server."""
        context = self.context
        wrong: list[str] = []
        for page in self.pages:
            for asker, address, way in self._ways():
                try:
                    status = (await ask(asker, address, self.port, page)).status
                    if status >= 500:
                        wrong.append(f"{page.text} answers {status} {way}")
                except RemoteError as failure:
                    wrong.append(str(failure))
        counted = (await self._shells[context.source.name].run(forward.reached(self.port))).out.split()
        reached, refused = (int(counted[0]), int(counted[1])) if len(counted) == 2 else (0, 0)
        if len(counted) != 2:
            wrong.append(f"{context.source.name} does not count what reaches its old port")
        evidence = f"{reached} connections reached the server on {context.source.name}, {refused} packets of old ones were refused"
        return {"healthy": not wrong, "evidence": "; ".join([*wrong, evidence]), "writes": reached}

    async def finish(self) -> None:
        await (await self._shell(self.context.target)).run(forward.clean())

    # ----------------------------------------------------------------- parts

    def _forward(self) -> str:
        return forward.start(self.port, self.context.target.address, refuse=True)

    def _ways(self) -> list[tuple[Host, str, str]]:
        """Who asks where: the target itself, and the edge at the old address, which forwards."""
        ways = [(self.context.target, LOOPBACK, f"on {self.context.target.name}")]
        board = self.context.switchboard
        if board is not None and board.host.name not in {self.context.source.name, self.context.target.name}:
            ways.append((board.host, self.context.source.address, f"by the address of {self.context.source.name}"))
        return ways

    async def _direct_clients(self) -> list[str]:
        """Addresses with an open connection to the source's port, without the edge's."""
        rows = (await self._shells[self.context.source.name].run(f"ss -Htn state established sport = :{self.port}")).out.split("\n")
        peers = {words[3].rpartition(":")[0].strip("[]").removeprefix("::ffff:") for words in (row.split() for row in rows) if len(words) > 3}
        edge = {self.context.switchboard.host.address} if self.context.switchboard else set()
        return sorted(peers - edge - {LOOPBACK})

    async def _versions(self) -> dict[str, str]:
        php = "for php in /usr/sbin/php-fpm[0-9]*; do [ -x $php ] && $php -v | head -n 1 | cut -d' ' -f1,2; done"
        script = f"nginx -v 2>&1 | sed 's,.*/,nginx ,'; {php}; :"
        found = {}
        for host in (self.context.source, self.context.target):
            found[host.name] = ", ".join((await self._shells[host.name].run(script)).out.split("\n")).strip(", ")
        return found

    async def _shell(self, host: Host) -> Shell:
        if host.name not in self._shells:
            self._shells[host.name] = await host.shell()
        return self._shells[host.name]
