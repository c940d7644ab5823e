# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request as another host would make it: through that host's ssh, so nothing is needed there but sshd."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import asyncssh

from .hosts import Host, RemoteError

AGENT = "lotse-probe"
"""User-Agent of our own requests: whoever counts requests leaves these out."""


@dataclass(frozen=True)
class Page:
    """What is asked for: the Host header and the path."""

    host: str
    path: str = "/"

    @property
    def text(self) -> str:
        return f"{self.host}{self.path}"


@dataclass(frozen=True)
class Answer:
    """Status, body, and milliseconds from the connection's start to the body's end."""

    status: int
    body: bytes
    ms: float


async def ask(host: Host, address: str, port: int, page: Page, *, within: float = 5) -> Answer:
    """Asks ``address:port`` from ``host``. Raises RemoteError when there is no whole HTTP answer in time."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    where = f"{host.name}: http://{address}:{port} for {page.text}"
    try:
        async with asyncio.timeout(within):
            reader, writer = await host.connection.open_connection(address, port, encoding=None)
            try:
                writer.write(f"GET {page.path} HTTP/1.1\r\nHost: {page.host}\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n".encode())
                raw = await reader.read(-1)
            finally:
                writer.close()
    except (TimeoutError, asyncssh.Error, OSError) as failure:
        raise RemoteError(f"no answer ({failure or type(failure).__name__})", where) from failure
    head, blank, body = raw.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    if not blank or len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise RemoteError(f"no HTTP answer: {raw[:80]!r}", where)
    return Answer(int(words[1]), body, (loop.time() - began) * 1000)
