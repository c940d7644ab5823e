# SPDX-License-Identifier: GPL-3.0-or-later
"""The live users' browser against a server whose every connection follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest

from tests.lab.load import WWW, Address
from tests.lab.load.browser import Browser, NoAnswerError, Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\nok"
CLOSE = b""
URL = f"http://{WWW}/page"


@dataclass
class Server:
    """Each connection answers its requests with the next words of its script, and is closed at CLOSE."""

    scripts: list[list[bytes]]
    seen: list[tuple[int, str]] = field(default_factory=list)  # number of the connection, method
    ended: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len({connection for connection, _ in self.seen})
        for answer in self.scripts[number]:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except asyncio.IncompleteReadError:
                break
            length = next((int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length")), 0)
            await reader.readexactly(length)
            self.seen.append((number, head.split()[0]))
            writer.write(answer)
            await writer.drain()
            if answer in {CLOSE, HALF}:
                break
        else:
            await reader.read()
        self.ended += 1
        writer.close()


@asynccontextmanager
async def scripted(*scripts: list[bytes]) -> AsyncIterator[tuple[Server, Browser]]:
    server = Server(list(scripts))
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening, Browser(Address("127.0.0.1", listening.sockets[0].getsockname()[1]), aiohttp.CookieJar()) as browser:
        yield server, browser


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def test_a_visit_keeps_its_connection_and_closes_it() -> None:
    async def visit() -> None:
        async with scripted([OK, OK, OK]) as (server, browser):
            for method in ("GET", "POST", "GET"):
                assert await browser.request(method, URL) == Reply(200, b"ok")
            assert not browser.retried
        await asyncio.sleep(0.05)
        assert server.seen == [(0, "GET"), (0, "POST"), (0, "GET")]
        assert server.ended == 1

    run(visit)


def test_a_get_on_a_reused_connection_that_was_closed_is_sent_once_more() -> None:
    async def visit() -> None:
        async with scripted([OK, CLOSE], [OK, CLOSE], [CLOSE]) as (server, browser):
            await browser.request("GET", URL)
            assert await browser.request("GET", URL) == Reply(200, b"ok")
            assert browser.retried
            with pytest.raises(NoAnswerError):
                await browser.request("GET", URL)
            assert server.seen == [(0, "GET"), (0, "GET"), (1, "GET"), (1, "GET"), (2, "GET")]

    run(visit)


def test_a_write_is_never_sent_twice() -> None:
    async def visit() -> None:
        async with scripted([OK, CLOSE], [OK]) as (server, browser):
            await browser.request("GET", URL)
            with pytest.raises(NoAnswerError, match="ServerDisconnectedError"):
                await browser.request("POST", URL, data={"token": "x"})
            assert not browser.retried
            assert server.seen == [(0, "GET"), (0, "POST")]

    run(visit)


def test_a_fresh_connection_that_is_closed_is_a_failure() -> None:
    async def visit() -> None:
        async with scripted([CLOSE], [OK]) as (server, browser):
            with pytest.raises(NoAnswerError):
                await browser.request("GET", URL)
            assert not browser.retried
            assert server.seen == [(0, "GET")]

    run(visit)


def test_half_an_answer_is_a_failure() -> None:
    async def visit() -> None:
        async with scripted([OK, HALF], [OK]) as (server, browser):
            await browser.request("GET", URL)
            with pytest.raises(NoAnswerError):
                await browser.request("GET", URL)
            assert server.seen == [(0, "GET"), (0, "GET")]

    run(visit)


def test_nobody_listens() -> None:
    async def visit() -> None:
        async with Browser(Address("127.0.0.1", 9), aiohttp.CookieJar()) as browser:
            with pytest.raises(NoAnswerError, match="Connect"):
                await browser.request("GET", URL)

    run(visit)


def test_no_answer_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.lab.load.browser.TIMEOUT_S", 0.2)

    async def visit() -> None:
        async with scripted([]) as (_, browser):
            with pytest.raises(NoAnswerError, match=r"no answer within 0\.2 s"):
                await browser.request("GET", URL)

    run(visit)
