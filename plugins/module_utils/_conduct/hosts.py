# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections that are opened before anything is cut: one ssh connection for each host, and shells that are kept open on it.

A program over ``Host.run`` costs a new channel (some milliseconds). A command over an open ``Shell`` costs one round trip and what the
command itself needs, so everything inside a critical section goes through shells, forwarded sockets or database connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from .._domain.errors import LotseError


class RemoteError(LotseError):
    """A command on a host failed; ``str()`` has its last words."""


@dataclass(frozen=True)
class Done:
    """The end of a command: exit status, output, error output (a shell joins both in ``out``)."""

    status: int
    out: str
    err: str = ""


@dataclass(frozen=True)
class Access:
    """How hosts are logged in to. An unknown host key is never accepted."""

    user: str
    key_file: Path
    known_hosts: tuple[Path, ...]
    port: int = 22
    connect_timeout: float = 5


class Shell:
    """A POSIX shell that waits for commands on its host. One command at a time."""

    def __init__(self, host: str, process: asyncssh.SSHClientProcess[str]) -> None:
        self.host = host
        self._process = process
        self._mark, self._count = secrets.token_hex(12), 0
        self._lock = asyncio.Lock()

    async def run(self, script: str, *, within: float = 10, check: bool = True) -> Done:
        """Runs a script in this very shell. Raises RemoteError when it fails, or does not end in time (the shell is then of no use any more)."""
        async with self._lock:
            self._count += 1
            mark = f"{self._mark}-{self._count}"
            # In a subshell, so that an `exit` in the script does not end the shell that we keep.
            self._process.stdin.write(f"( {script}\n) </dev/null 2>&1; printf '\\n%s %d %s.\\n' {mark} $? {mark}\n")
            try:
                answer = await asyncio.wait_for(self._process.stdout.readuntil(f" {mark}.\n"), within)
            except (TimeoutError, asyncio.IncompleteReadError, asyncssh.Error, OSError) as failure:
                raise RemoteError(f"no answer within {within:g} s ({type(failure).__name__})", f"{self.host}: {_first_line(script)}") from failure
        out, end = answer.rsplit(f"\n{mark} ", 1)
        # A command that nobody waited for to its end may have left its own answer before ours.
        done = Done(status := int(end.split()[0]), re.split(rf"\n{self._mark}-\d+ \d+ \S+\.\n", out)[-1])
        if check and status != 0:
            raise RemoteError(f"failed ({status}): {_last_words(done.out)}", f"{self.host}: {_first_line(script)}")
        return done


SHELLS_PER_CONNECTION = 6
"""sshd allows 10 sessions on a connection (MaxSessions), and programs need some as well."""


class Host:
    """One machine that we are logged in to. ``connect`` opens another connection to it when shells need one."""

    def __init__(
        self, name: str, address: str, connection: asyncssh.SSHClientConnection, connect: Callable[[], Awaitable[asyncssh.SSHClientConnection]]
    ) -> None:
        self.name, self.address = name, address
        self.connection = connection
        self._connect = connect
        self._for_shells: list[asyncssh.SSHClientConnection] = []
        self._shells: list[asyncssh.SSHClientProcess[str]] = []
        self._lock = asyncio.Lock()

    async def shell(self, *, errors: str = "replace") -> Shell:
        """A new open shell. It ends with the connection. ``surrogateescape`` for ``errors`` keeps file names that are not UTF-8."""
        async with self._lock:
            if len(self._shells) >= len(self._for_shells) * SHELLS_PER_CONNECTION:
                self._for_shells.append(await self._connect())
            process = await self._for_shells[-1].create_process("exec sh", encoding="utf-8", errors=errors)
            self._shells.append(process)
        return Shell(self.name, process)

    async def run(self, script: str, *, data: bytes = b"", within: float = 60, check: bool = True) -> Done:
        """Runs a script with ``data`` on its standard input. Raises RemoteError when it fails or does not end in time."""
        try:
            answer = await asyncio.wait_for(
                self.connection.run(f"sh -c {shlex.quote(script)}", input=data, encoding=None, check=False), within
            )
        except (TimeoutError, asyncssh.Error, OSError) as failure:
            raise RemoteError(f"no answer within {within:g} s ({type(failure).__name__})", f"{self.name}: {_first_line(script)}") from failure
        done = Done(-1 if answer.exit_status is None else answer.exit_status, _text(answer.stdout), _text(answer.stderr))
        if check and done.status != 0:
            raise RemoteError(f"failed ({done.status}): {_last_words(done.err or done.out)}", f"{self.name}: {_first_line(script)}")
        return done

    async def close(self) -> None:
        for process in self._shells:
            with contextlib.suppress(asyncssh.Error, OSError):
                process.stdin.write_eof()
                process.close()
        for connection in (*self._for_shells, self.connection):
            connection.close()
            await connection.wait_closed()


async def pipe(source: Host, producer: str, target: Host, consumer: str, *, within: float = 3600) -> str:
    """``producer`` on one host feeds ``consumer`` on another through us, without a file. Gives the producer's error output.

    Raises RemoteError when either fails: half a dump is no dump.
    """
    out = await source.connection.create_process(f"sh -c {shlex.quote(producer)}", encoding=None)
    into = await target.connection.create_process(f"sh -c {shlex.quote(consumer)}", stdin=out.stdout, encoding=None)
    try:
        ends = await asyncio.wait_for(asyncio.gather(out.wait(), into.wait()), within)
    except TimeoutError as failure:
        out.terminate()
        into.terminate()
        raise RemoteError(f"did not end within {within:g} s", f"{source.name} to {target.name}: {_first_line(producer)}") from failure
    for host, end, script in ((source, ends[0], producer), (target, ends[1], consumer)):
        if end.exit_status != 0:
            raise RemoteError(f"failed ({end.exit_status}): {_last_words(_text(end.stderr))}", f"{host.name}: {_first_line(script)}")
    return _text(ends[0].stderr)


class Hosts:
    """Hosts by name; each is connected to once, when it is first asked for."""

    def __init__(self, addresses: Mapping[str, str], access: Access) -> None:
        self.addresses, self.access = addresses, access
        self._open: dict[str, Host] = {}
        self._lock = asyncio.Lock()

    async def get(self, name: str) -> Host:
        """Raises LotseError when the host is unknown, unreachable, or has another host key than the known one."""
        async with self._lock:
            if name not in self._open:
                self._open[name] = await self._connect(name)
            return self._open[name]

    async def _connect(self, name: str) -> Host:
        address = self.addresses.get(name)
        if address is None:
            raise LotseError("the plan names no such host", name, "run the playbook plan again")
        access = self.access
        known = [str(path) for path in access.known_hosts if path.is_file()]
        options: dict[str, Any] = {
            "port": access.port,
            "username": access.user,
            "client_keys": [str(access.key_file)],
            "known_hosts": asyncssh.read_known_hosts(known),
            "config": None,
            "agent_path": None,
            "connect_timeout": access.connect_timeout,
            "keepalive_interval": 5,
        }

        async def connect() -> asyncssh.SSHClientConnection:
            return await asyncssh.connect(address, **options)

        try:
            connection = await connect()
        except asyncssh.HostKeyNotVerifiable as failure:
            remedy = f"compare it with {', '.join(known) or 'nothing: no known_hosts file exists'}"
            raise LotseError("its ssh host key is not the known one", f"{name} ({address})", remedy) from failure
        except (asyncssh.Error, OSError, TimeoutError) as failure:
            what = f"cannot be reached over ssh ({failure or type(failure).__name__})"
            raise LotseError(what, f"{name} ({address})", "nothing was changed there; see that it runs, then start again") from failure
        return Host(name, address, connection, connect)

    async def close(self) -> None:
        await asyncio.gather(*(host.close() for host in self._open.values()), return_exceptions=True)
        self._open.clear()


def _text(data: bytes | str | None) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else data or ""


def _last_words(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return " | ".join(lines[-3:])[-600:] or "it said nothing"


def _first_line(script: str) -> str:
    line = next((line.strip() for line in script.splitlines() if line.strip()), "")
    return line if len(line) <= 90 else f"{line[:87]}…"
