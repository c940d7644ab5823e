# SPDX-License-Identifier: GPL-3.0-or-later
"""The new edge as the switchboard: holds requests, sees when the old ones are done, and releases them to one side.

Holding is pointing a backend's server at a closed port: HAProxy tries again every 25 ms and no request fails for about six seconds.
Releasing is pointing it at a live server. Both are one command on HAProxy's runtime socket, over a connection that is opened beforehand.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass

import asyncssh

from .._domain.errors import LotseError
from .fence import FOLDER, DeadMan
from .hosts import Host, RemoteError, Shell

SOCKET = "/run/haproxy/admin.sock"
CLOSED = ("127.0.0.1", 1)  # nothing listens there


@dataclass(frozen=True)
class Backend:
    """A backend and its only server, by HAProxy's names."""

    name: str
    server: str

    @property
    def path(self) -> str:
        return f"{self.name}/{self.server}"


Target = tuple[str, int]


class Switchboard:
    """HAProxy on the edge guest."""

    def __init__(self, host: Host, backends: tuple[Backend, ...]) -> None:
        if not backends:
            raise LotseError("the plan's edge has no backend: nothing could be held", host.name, "run the playbook plan again")
        self.host, self.backends = host, backends
        self._reader: asyncssh.SSHReader[str] | None = None
        self._writer: asyncssh.SSHWriter[str] | None = None
        self._shell: Shell | None = None

    async def open(self) -> None:
        """Opens the runtime connection and a shell, both kept until the connection to the host ends."""
        if self._writer is None:
            try:
                self._reader, self._writer = await self.host.connection.open_unix_connection(SOCKET, encoding="utf-8")
            except (asyncssh.Error, OSError) as failure:
                raise LotseError(f"HAProxy's runtime socket cannot be opened ({failure})", self.host.name, "run the playbook configure") from failure
            self._writer.write("prompt\n")
            await asyncio.wait_for(self._reader.readuntil("> "), 5)
            self._shell = await self.host.shell()

    async def command(self, line: str) -> str:
        """One runtime command and its answer. A `set` that HAProxy refuses raises RemoteError."""
        if self._writer is None or self._reader is None:
            raise RuntimeError("the switchboard was not opened")
        self._writer.write(f"{line}\n")
        try:
            answer = str(await asyncio.wait_for(self._reader.readuntil("\n> "), 5))
        except (TimeoutError, asyncio.IncompleteReadError, OSError) as failure:
            raise RemoteError(f"HAProxy does not answer ({type(failure).__name__})", f"{self.host.name}: {line}") from failure
        return answer.removesuffix("> ").strip()

    async def targets(self) -> dict[Backend, Target]:
        """Where each backend's server points now. Raises RemoteError when HAProxy does not know one."""
        rows = [line.split() for line in (await self.command("show servers state")).splitlines()]
        header = next((row[1:] for row in rows if row and row[0] == "#"), [])
        found: dict[Backend, Target] = {}
        for row in rows:
            values = dict(zip(header, row, strict=False))
            backend = Backend(values.get("be_name", ""), values.get("srv_name", ""))
            if backend in self.backends:
                found[backend] = (values["srv_addr"], int(values["srv_port"]))
        missing = [backend.path for backend in self.backends if backend not in found]
        if missing:
            raise RemoteError(f"HAProxy has no server {', '.join(missing)}", self.host.name, "run the playbook configure")
        return found

    async def recorded(self) -> dict[Backend, Target]:
        """Where requests go according to the configuration on the edge, which holds no closed port: what they went to before a hold."""
        text = (await self.host.run("cat /etc/haproxy/haproxy.cfg")).out
        found: dict[Backend, Target] = {}
        section = ""
        for words in (line.split() for line in text.splitlines()):
            if len(words) == 2 and words[0] in {"backend", "frontend", "listen"}:
                section = words[1]
            elif len(words) >= 3 and words[0] == "server" and Backend(section, words[1]) in self.backends:
                address, _, port = words[2].rpartition(":")
                found[Backend(section, words[1])] = (address, int(port))
        missing = [backend.path for backend in self.backends if backend not in found]
        if missing:
            raise RemoteError(f"its configuration names no server {', '.join(missing)}", self.host.name, "run the playbook configure")
        return found

    async def point(self, targets: Mapping[Backend, Target]) -> None:
        """Points backends at addresses and proves that HAProxy took them."""
        for backend, (address, port) in targets.items():
            answer = await self.command(f"set server {backend.path} addr {address} port {port}")
            if not any(words in answer for words in ("changed from", "no need to change", "nothing changed")):
                raise RemoteError(f"HAProxy refused: {answer or 'no answer'}", f"{self.host.name}: {backend.path} to {address}:{port}")

    async def hold(self) -> None:
        """From now on every new request waits."""
        await self.point(dict.fromkeys(self.backends, CLOSED))

    async def drained(self, within: float) -> float:
        """Returns when no request is with a server any more, with the seconds waited. Raises RemoteError after that."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            sessions = await self._sessions()
            if not sessions:
                return loop.time() - began
            if loop.time() - began > within:
                remedy = "they are released to the old side; try again"
                raise RemoteError(f"{sessions} requests did not end within {within:g} s", self.host.name, remedy)
            await asyncio.sleep(0.002)

    async def _sessions(self) -> int:
        rows = csv.DictReader(io.StringIO((await self.command("show stat")).removeprefix("# ")))
        wanted = {(backend.name, backend.server) for backend in self.backends}
        return sum(int(row["scur"] or 0) for row in rows if (row["pxname"], row["svname"]) in wanted)

    async def persist(self) -> None:
        """Makes the present targets last over a reload and a restart (configuration, state file and the role's record)."""
        for backend, (address, port) in (await self.targets()).items():
            if (address, port) != CLOSED:
                await self.host.run(f"lotse-edge-persist {backend.name} {backend.server} {address} {port}")

    async def arm(self, token: str, seconds: float, targets: Mapping[Backend, Target]) -> DeadMan:
        """A timer on the edge that releases what is still held then, to ``targets``, if we are gone."""
        if self._shell is None:
            raise RuntimeError("the switchboard was not opened")
        # A later hold belongs to another timer: an old one must never release it.
        await self._shell.run(f"umask 077; mkdir -p {FOLDER} && echo {token} > {FOLDER}/holder")
        lines = [f'[ "$(cat {FOLDER}/holder)" = {token} ] || exit 0']
        lines += [
            f'case "$(echo "show servers state {backend.name}" | socat -t 5 - UNIX-CONNECT:{SOCKET})" in *" {CLOSED[0]} "*) '
            f'echo "set server {backend.path} addr {address} port {port}" | socat -t 5 - UNIX-CONNECT:{SOCKET} ;; esac'
            for backend, (address, port) in targets.items()
        ]
        script = "\n".join(["(", *lines, ")"])
        man = DeadMan(self._shell, f"{token}-edge", seconds, lift=script, forward=script)
        await man.arm()
        return man
