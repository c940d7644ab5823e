# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a Redis or Valkey server on its own loopback address, through ssh: nothing is opened on any network, nor on our side.

It speaks the protocol itself (RESP2) over the ssh channel. A connection that breaks stays broken, and so does one whose answer nobody
waited for: nothing is ever sent twice behind our back, and no answer is taken for that of another command.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import asyncssh

from ..._domain.errors import LotseError
from ..hosts import Host

PASSWORD = "sed -n 's/^requirepass[[:space:]]*//p' /etc/redis/*.conf /etc/valkey/*.conf 2>/dev/null | tail -n 1 | tr -d '\"'"  # noqa: S105 - sh
CLIENT = f'cli=$(command -v valkey-cli || command -v redis-cli); auth=$({PASSWORD}); [ -z "$auth" ] || export REDISCLI_AUTH="$auth"'
"""sh that finds the client and lets it in."""

Word = bytes | str | int
Command = Sequence[Word]
Receive = Callable[[int], Awaitable[bytes]]


class CacheError(LotseError):
    """The server refused a command, or is gone."""


class Refusal(str):
    """An error answer of the server."""

    __slots__ = ()


def encode(commands: Iterable[Command]) -> bytes:
    """Commands as RESP2 sends them."""
    parts = []
    for command in commands:
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        parts.append(b"*%d\r\n" % len(words))
        parts += [b"$%d\r\n%b\r\n" % (len(word), word) for word in words]
    return b"".join(parts)


class Answers:
    """Reads answers from a stream of bytes: bytes, int, list, None, or Refusal. ``receive`` gives some bytes, none at the end."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._buffer = bytearray()
        self._at = 0

    async def next(self) -> Any:
        """Raises EOFError when the stream ends, ValueError for what is no answer."""
        line = await self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return Refusal(rest.decode(errors="replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else await self._exactly(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else [await self.next() for _ in range(int(rest))]
        raise ValueError(f"not an answer: {line[:40]!r}")

    async def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n", self._at)) < 0:
            await self._more()
        line = bytes(self._buffer[self._at : end])
        self._at = end + 2
        return line

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < self._at + size + 2:
            await self._more()
        data = bytes(self._buffer[self._at : self._at + size])
        self._at += size + 2
        return data

    async def _more(self) -> None:
        del self._buffer[: self._at]
        self._at = 0
        data = await self._receive(2**18)
        if not data:
            raise EOFError
        self._buffer += data


class Cache:
    """One connection. ``password`` is the one that the server asks for, None when it asks for none."""

    def __init__(self, host: str, reader: Any, writer: Any, password: str | None, within: float) -> None:
        self.host, self.password = host, password
        self._answers, self._writer, self._within = Answers(reader.read), writer, within
        self._lock = asyncio.Lock()
        self._broken = False

    @classmethod
    async def open(cls, host: Host, port: int, *, within: float = 10) -> Cache:
        """Connects. ``within`` bounds each round trip in seconds. Raises CacheError when the server does not let us in."""
        password = (await host.run(PASSWORD, check=False)).out.strip() or None
        try:
            reader, writer = await host.connection.open_connection("127.0.0.1", port, encoding=None)
        except (asyncssh.Error, OSError) as failure:
            what = f"nobody answers on 127.0.0.1:{port} ({failure})"
            raise CacheError(what, f"Redis on {host.name}", "see that it runs and listens there") from failure
        cache = cls(host.name, reader, writer, password, within)
        await cache.many([*([("AUTH", password)] if password else []), ("PING",)])
        return cache

    async def call(self, *words: Word) -> Any:
        """One command, its answer as bytes, int, list or None. Raises CacheError."""
        return (await self.many([words]))[0]

    async def many(self, commands: Sequence[Command], *, atomic: bool = False) -> list[Any]:
        """Many commands in one round trip, if ``atomic`` as one transaction. Raises CacheError when one of them is refused."""
        sent: list[Command] = [("MULTI",), *commands, ("EXEC",)] if atomic else list(commands)
        async with self._lock:
            answers = await self._exchange(sent)
        if refused := next((answer for answer in answers if isinstance(answer, Refusal)), None):
            raise CacheError(f"it says: {refused}", f"Redis on {self.host}")
        if not atomic:
            return answers
        done: list[Any] = answers[-1]
        if refused := next((answer for answer in done if isinstance(answer, Refusal)), None):
            raise CacheError(f"it says: {refused}", f"Redis on {self.host}")
        return done

    async def _exchange(self, commands: Sequence[Command]) -> list[Any]:
        if self._broken:
            raise CacheError("the connection is broken", f"Redis on {self.host}")
        self._broken = True  # until all of the answer is here
        try:
            async with asyncio.timeout(self._within):
                self._writer.write(encode(commands))
                answers = [await self._answers.next() for _ in commands]
        except (TimeoutError, EOFError, ValueError, asyncssh.Error, OSError) as failure:
            raise CacheError(f"no answer ({type(failure).__name__} {failure})", f"Redis on {self.host}") from failure
        self._broken = False
        return answers

    async def message(self) -> list[Any]:
        """Waits for what the server says by itself, on a connection that has subscribed. Raises CacheError when the connection ends."""
        try:
            message: list[Any] = await self._answers.next()
        except (EOFError, ValueError, asyncssh.Error, OSError) as failure:
            raise CacheError(f"the connection ended ({type(failure).__name__})", f"Redis on {self.host}") from failure
        return message

    def close(self) -> None:
        self._broken = True
        self._writer.close()

    async def info(self, section: str) -> dict[str, str]:
        text = (await self.call("INFO", section)).decode(errors="replace")
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))

    async def setting(self, name: str) -> str:
        """The value of CONFIG GET. Raises CacheError for a setting that the server does not have."""
        answer = await self.call("CONFIG", "GET", name)
        if len(answer) != 2:
            raise CacheError(f"it has no setting {name}", f"Redis on {self.host}")
        return str(answer[1].decode())

    async def databases(self) -> list[int]:
        """Numbers of the databases that have keys."""
        return sorted(int(name.removeprefix("db")) for name in await self.info("keyspace") if name.startswith("db"))
