# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge: its public address moves to the new edge without one failed request and without one broken connection (see handover.py).

``replicate`` passes new flows on until the old edge has no connection left; the critical section then moves the address, when nobody
hangs on it any more. The fence is the rule that passes everything on. So a conductor that dies never leaves two edges that answer:
before the decision the old edge takes its flows back one by one, after it every packet reaches the new one, whoever owns the address.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from ipaddress import IPv4Interface
from typing import Any, ClassVar

from ..._domain.errors import LotseError
from .. import forward, handover
from ..handover import Handover, Side
from ..hosts import Host, RemoteError, Shell
from ..probe import Page, ask
from .base import Context, Mover

LEASE = 60.0  # seconds that new flows are passed on without a conductor
NEIGHBOURS = 4  # how many other hosts are asked what they see
RETRIES = 20


class EdgeMover(Mover):
    """Moves the public address. Parameters: ``public_address`` (with prefix), ``port``, ``drain_s`` (120) to wait for old connections."""

    holds: ClassVar[bool] = False
    writes: ClassVar[bool] = False
    pause_counts: ClassVar[bool] = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.public = IPv4Interface(str(context.parameters["public_address"]))
        self.port = int(context.parameters["port"])
        self.drain_s = float(context.parameters.get("drain_s", 120))
        self._sides: dict[str, Side] = {}
        self._shells: dict[str, Shell] = {}
        self._neighbours: list[Host] = []
        self._keeper: asyncio.Task[None] | None = None

    # ---------------------------------------------------------------- before

    async def prepare(self) -> None:
        context = self.context
        await self._look()
        await self._refuse_what_would_break()
        if context.back:
            with context.journal.step("old-address", f"new connections to {context.legacy.address} go to {context.guest.name} again"):
                await self._run(context.legacy, forward.stop(self.port))
        target = self._sides[context.target.name]
        # What an earlier cutover still passes the other way stays so until it ends; new flows must end here.
        await self._run(context.target, Handover(self.public, self.port, target.device, self._sides[context.source.name].address).give_back())
        if not (target.listens or target.owns):
            arp = (await self._run(context.target, f"cd /proc/sys/net/ipv4/conf/{target.device} && cat arp_ignore arp_announce")).split()
            with context.journal.step("listen", f"{self.public.ip} leaves {context.target.name}'s loopback interface", arp=arp):
                await self._run(context.target, handover.listen(self.public, target))
        await self._same_answers()
        if not self._moved:
            await self._prove_the_path()

    async def replicate(self) -> None:
        """New flows go to the new edge; returns when the old one has no connection of the public address any more."""
        context = self.context
        if self._moved:
            return
        undo = f"new flows stay on {context.source.name}; those that were passed on are passed on until their end"
        with context.journal.step("hand-over", undo, drain_s=self.drain_s) as result:
            await self._run(context.source, self._handover.offer(LEASE))
            # A shell of its own: a command that is cancelled leaves its shell in disorder.
            self._keeper = asyncio.create_task(self._keep_the_lease(await context.source.shell()))
            try:
                result["waited_s"] = await self._drained()
            except BaseException:
                await self.lift()
                raise

    async def gate(self) -> dict[str, Any]:
        context = self.context
        await self._look()
        target = self._sides[context.target.name]
        if not (target.listens or target.owns):
            raise LotseError(f"it does not take packets for {self.public.ip}", context.target.name, "run it again; nothing was changed")
        if not self._moved and (self._keeper is None or self._keeper.done()):
            raise LotseError("new flows are not passed on any more", context.source.name, "run it again; nothing was changed")
        left = await self._connections()
        if left:
            raise LotseError(f"{len(left)} connections came to the old edge after it was drained", context.source.name, "run it again")
        seen = await self._answers(self.public.ip.exploded)
        return {"connections_on_the_old_edge": 0, "answers": seen, "neighbours": [host.name for host in self._neighbours]}

    async def reopen(self) -> None:
        await self._look()

    # ------------------------------------------------------ critical section

    def lift_script(self) -> str:
        if not self._sides:
            return ""
        return f"{self._handover.give_back()}\n{handover.own(self.public, self._sides[self.context.source.name])}"

    def forward_script(self) -> str:
        if not self._sides:
            return ""
        source, target = self._sides[self.context.source.name], self._sides[self.context.target.name]
        script = f"( {handover.disown_if_answered(self.public, source, target)}\n)"
        return script if self.context.back else f"{script}\n{self._old_address()}"

    async def fence(self) -> None:
        await self.catch_up()
        await self._run(self.context.source, self._handover.all())
        await self._stop_the_keeper()

    async def catch_up(self) -> dict[str, Any]:
        left = await self._connections()
        if left:
            raise RemoteError(f"a connection came to the old edge ({left[0]})", self.context.source.name, "run it again")
        return {"connections_on_the_old_edge": 0}

    async def open(self) -> None:
        """The address moves. In between both have it, and both lead to the new edge: the old one passes everything on."""
        context = self.context
        target = self._sides[context.target.name]
        await self._run(context.source, self._handover.all())
        await self._run(context.target, handover.own(self.public, target))
        await self._run(context.target, handover.unlisten(self.public, target, self._arp_before()))
        await self._run(context.source, handover.disown(self.public, self._sides[context.source.name]))
        await self._announce(times=3, pause=0.02)

    async def route(self) -> None:
        if not self.context.back:
            await self._run(self.context.legacy, self._old_address())

    async def lift(self) -> None:
        """The old edge takes new flows again. Also after a crash whose decision nobody knows any more: the new edge then gets mute first."""
        context = self.context
        await self._stop_the_keeper()
        if not self._sides:
            await self._look()
        source, target = self._sides[context.source.name], self._sides[context.target.name]
        if target.owns:
            await self._run(context.target, f"{handover.listen(self.public, target)}\n{handover.disown(self.public, target)}")
        await self._run(context.source, self.lift_script())
        if target.owns:
            await self._announce(times=5, pause=0.1, owner=source)
        if context.back:
            await self._run(context.legacy, self._old_address())

    # ----------------------------------------------------------------- after

    async def settle(self) -> None:
        context, guest = self.context, self._sides[self.context.guest.name]
        await self._announce(times=5, pause=0.2)
        if context.back:
            with context.journal.step("persist", "the address is in the guest's network configuration again"):
                await self._run(context.guest, handover.forget(guest))
            return
        with context.journal.step("persist", "the address leaves the guest's network configuration"):
            await self._run(context.guest, handover.persist(self.public, guest))
        files = (await self._run(context.legacy, handover.configured(self.public))).split()
        context.journal.observe("old-configuration", files=files)
        if files:
            context.say(f"{', '.join(files)} on {context.legacy.name} still names {self.public.ip}: do not restart that host before it is retired")

    async def observe(self) -> dict[str, Any]:
        await self._look()
        source, target = self._sides[self.context.source.name], self._sides[self.context.target.name]
        wrong = []
        if source.owns:
            wrong.append(f"{self.public.ip} is still on {self.context.source.name}")
        if not target.owns:
            wrong.append(f"{self.public.ip} is not on {self.context.target.name}")
        seen: Mapping[str, int] = {}
        macs: dict[str, str] = {}
        try:
            seen = await self._answers(self.public.ip.exploded)
            macs = await self._macs()
        except LotseError as failure:
            wrong.append(str(failure))
        wrong += [f"{text} answers {status}" for text, status in seen.items() if status >= 500]
        wrong += [f"{name} sees it at {mac}" for name, mac in macs.items() if mac != target.mac]
        good = f"{self.public.ip} is at {target.mac} ({self.context.target.name}) for {', '.join(macs) or 'nobody near'}"
        return {"healthy": not wrong, "evidence": "; ".join(wrong) or f"{good}; {len(seen)} pages answer"}

    async def finish(self) -> None:
        """Ends the passing on, when nothing comes the old way any more."""
        context = self.context
        await self._stop_the_keeper()
        before = await self._passed()
        for _ in range(RETRIES):
            await asyncio.sleep(1)
            passed = await self._passed()
            if passed == before:
                await self._run(context.source, Handover.remove())
                break
            before = passed
        else:
            context.say(f"somebody still sends packets for {self.public.ip} to {context.source.name}; it goes on passing them on")
        context.journal.observe("stale-neighbours", packets=before)
        if context.back:
            await self._run(context.legacy, forward.clean())

    # ----------------------------------------------------------------- parts

    @property
    def _handover(self) -> Handover:
        return Handover(self.public, self.port, self._sides[self.context.source.name].device, self._sides[self.context.target.name].address)

    @property
    def _moved(self) -> bool:
        return self._sides[self.context.target.name].owns and not self._sides[self.context.source.name].owns

    def _old_address(self) -> str:
        return forward.start(self.port, self._sides[self.context.guest.name].address)

    async def _look(self) -> None:
        """Opens shells, looks at both hosts' addresses, and finds other hosts to ask."""
        context = self.context
        for host in (context.source, context.target):
            if host.name not in self._shells:
                self._shells[host.name] = await host.shell()
            self._sides[host.name] = Side.read(await self._run(host, handover.LOOK), self.public, host.name)
        if not self._neighbours:
            others = [name for name in context.hosts.addresses if name not in {context.source.name, context.target.name}]
            for name in others:
                # A retired host, a guest that is not there yet, an sshd that forwards nothing: another one will do.
                with contextlib.suppress(LotseError):
                    host = await context.hosts.get(name)
                    await ask(host, self.public.ip.exploded, self.port, self._pages()[0])
                    self._neighbours.append(host)
                if len(self._neighbours) == NEIGHBOURS:
                    break

    async def _run(self, host: Host, script: str) -> str:
        return (await self._shells[host.name].run(script)).out

    async def _connections(self) -> list[str]:
        return handover.open_peers(await self._run(self.context.source, self._handover.flows()))

    async def _passed(self) -> int:
        return int((await self._run(self.context.source, Handover.passed())).strip() or 0)

    async def _refuse_what_would_break(self) -> None:
        """What cannot be moved is said before anything is changed."""
        source, target, guest, legacy = self.context.source, self.context.target, self.context.guest, self.context.legacy
        address = self.public.ip
        owners = [host.name for host in (source, target) if self._sides[host.name].owns]
        if not owners:
            raise LotseError(f"neither {source.name} nor {target.name} has {address}", source.name, "correct the plan's public address")
        if len(owners) > 1:
            raise LotseError(f"{' and '.join(owners)} both have {address}", target.name, "take it from the one that shall not have it")
        for host in (source, target):
            if (await self._shells[host.name].run("command -v nft && command -v ip && command -v ss", check=False)).status != 0:
                raise LotseError("nft, ip or ss is missing: new connections could not be passed on", host.name, "install nftables and iproute2")
        routes = handover.routes_from(await self._run(source, handover.LOOK), address)
        if routes:
            raise LotseError(f"a route would vanish with its source {address}: {routes[0]}", source.name, "give the route another source first")
        files = (await self._run(legacy, handover.configured(self.public))).split()
        keeper = await self._shells[legacy.name].run("pgrep -x keepalived >/dev/null", check=False)
        if keeper.status == 0 and any(file.startswith("/etc/keepalived/") for file in files):
            raise LotseError(f"keepalived would take {address} back", legacy.name, "take it out of the VRRP instance first")
        kept = await self._shells[guest.name].run(handover.persistable(self._sides[guest.name]), check=False)
        if kept.status != 0:
            raise LotseError(f"the address could not be made to last: {kept.out.strip()}", guest.name, "let systemd-networkd configure the interface")

    def _pages(self) -> list[Page]:
        """What is asked for: the pages that the plan names for the web servers behind the edge, else the front page of each vhost."""
        probes = [probe for move in self.context.plan["moves"] if move["kind"] == "http" for probe in move["parameters"].get("probes", [])]
        pages = [Page(str(probe["host"]), str(probe.get("path", "/"))) for probe in probes]
        return pages or [Page(self.public.ip.exploded)]

    async def _answers(self, address: str) -> dict[str, int]:
        """Page to status, asked by the first neighbour. Raises RemoteError when there is no answer."""
        return {page.text: (await ask(self._asker, address, self.port, page)).status for page in self._pages()}

    @property
    def _asker(self) -> Host:
        if not self._neighbours:
            raise LotseError("no other host of the plan can be reached to see what users see", self.context.source.name, "start one of them")
        return self._neighbours[0]

    async def _same_answers(self) -> None:
        """Gate: the new edge answers as the old one does, each through its own address."""
        source, target = self.context.source.name, self.context.target.name
        old = await self._answers(self._sides[source].address)
        new = await self._answers(self._sides[target].address)
        other = [f"{text}: {old[text]} there, {new[text]} here" for text in old if old[text] != new[text]]
        if other:
            raise LotseError(f"it does not answer as {source} does ({'; '.join(other)})", target, "run the playbook configure")
        self.context.journal.observe("answers", pages=new)

    async def _prove_the_path(self) -> None:
        """Passes on only what our own probes send, and sees that each is answered: by the new edge, on the way that users will take."""
        context = self.context
        ways = [await host.run(f"ip -4 route get {self.public.ip} | sed -n 's/.* src \\([^ ]*\\).*/\\1/p'") for host in self._neighbours]
        clients = [way.out.strip() for way in ways]
        expected = await self._answers(self.public.ip.exploded)
        with context.journal.step("path", f"{context.source.name} passes nothing on", clients=clients) as result:
            await self._run(context.source, f"{self._handover.offer(LEASE, only=clients)}\n{Handover.sweeper()}")
            try:
                for host in self._neighbours:
                    before = await self._passed()
                    for page in self._pages():
                        status = (await ask(host, self.public.ip.exploded, self.port, page)).status
                        if status != expected[page.text]:
                            raise LotseError(f"{page.text} answers {status} on the new way, {expected[page.text]} on the old one", host.name)
                    passed = await self._passed() - before
                    result[host.name] = passed
                    if not passed:
                        what = f"{host.name}'s packets for {self.public.ip} are not passed on"
                        raise LotseError(what, context.source.name, "see that nothing filters there")
            except BaseException:
                await self._run(context.source, self._handover.give_back())
                raise

    async def _drained(self) -> float:
        """Seconds until the old edge had no connection. Raises LotseError when some stay."""
        loop = asyncio.get_running_loop()
        began = said = loop.time()
        while True:
            left = await self._connections()
            waited = loop.time() - began
            if not left:
                return round(waited, 1)
            if waited > self.drain_s:
                peers = ", ".join(sorted(set(left))[:5])
                remedy = "nothing broke: it serves on. Try again, or give the move more time (parameters.drain_s)"
                what = f"{len(left)} connections of {self.public.ip} did not end within {self.drain_s:g} s ({peers})"
                raise LotseError(what, self.context.source.name, remedy)
            if loop.time() - said >= 2:
                said = loop.time()
                self.context.say(f"{len(left)} old connections left on {self.context.source.name}")
            await asyncio.sleep(0.25)

    async def _keep_the_lease(self, shell: Shell) -> None:
        while True:
            await asyncio.sleep(LEASE / 6)
            await shell.run(self._handover.renew(LEASE))

    async def _stop_the_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError, LotseError):
                await self._keeper
            self._keeper = None

    def _arp_before(self) -> tuple[int, int]:
        before = (self.context.journal.last("intent", "listen") or {}).get("arp", ["0", "0"])
        return int(before[0]), int(before[1])

    async def _announce(self, *, times: int, pause: float, owner: Side | None = None) -> None:
        guest, owner = self._sides[self.context.guest.name], owner or self._sides[self.context.target.name]
        await self._run(self.context.guest, handover.announce(self.public, guest, owner, times=times, pause=pause))

    async def _macs(self) -> dict[str, str]:
        """Neighbour to the MAC where it sees the public address; those to which it is not a neighbour are left out."""
        found = {}
        for host in self._neighbours:
            await ask(host, self.public.ip.exploded, self.port, self._pages()[0])
            words = (await host.run(f"ip -4 neigh show to {self.public.ip}")).out.split()
            if "lladdr" in words:
                found[host.name] = words[words.index("lladdr") + 1]
        return found
