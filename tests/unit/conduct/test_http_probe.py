# SPDX-License-Identifier: GPL-3.0-or-later
"""A request through another host's ssh, against a real server of this machine; and what the http mover makes of the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct import forward
from ansible_collections.lotse.estate.plugins.module_utils._conduct.hosts import Done, RemoteError
from ansible_collections.lotse.estate.plugins.module_utils._conduct.journal import Journal
from ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.base import Context
from ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.http import HttpMover
from ansible_collections.lotse.estate.plugins.module_utils._conduct.probe import AGENT, Answer, Page, ask
from ansible_collections.lotse.estate.plugins.module_utils._conduct.switchboard import Backend
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

WWW = Page("www.community.lab", "/x?y=1")


async def _connect(address: str, port: int, *, encoding: None) -> Any:
    return await asyncio.open_connection(address, port)


HOST: Any = SimpleNamespace(name="neighbour", connection=SimpleNamespace(open_connection=_connect))


def asked(answer: bytes, *, within: float = 5, hang: bool = False) -> tuple[Answer, bytes]:
    """Asks a server that gives this answer. Gives ours, and what it was asked."""

    async def both() -> tuple[Answer, bytes]:
        seen = b""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal seen
            seen = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            if hang:
                await asyncio.sleep(5)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            return await ask(HOST, "127.0.0.1", server.sockets[0].getsockname()[1], WWW, within=within), seen
        finally:
            server.close()

    return asyncio.run(both())


def test_a_page_is_asked_for_by_its_host_and_known_as_ours() -> None:
    answer, request = asked(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\nbody")
    assert (answer.status, answer.body) == (302, b"body")
    assert request.startswith(b"GET /x?y=1 HTTP/1.1\r\nHost: www.community.lab\r\n")
    assert f"User-Agent: {AGENT}\r\n".encode() in request


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 fine\r\n\r\n"])
def test_half_an_answer_is_none(answer: bytes) -> None:
    with pytest.raises(RemoteError, match="no HTTP answer"):
        asked(answer)


def test_a_server_that_does_not_end_is_given_up() -> None:
    with pytest.raises(RemoteError, match="no answer"):
        asked(b"HTTP/1.1 200 OK\r\n\r\n", within=0.2, hang=True)


# ------------------------------------------------------------------- the mover

MOVE: dict[str, Any] = {
    "id": "http",
    "kind": "http",
    "from": "web1",
    "to": "web-01",
    "parameters": {"port": 80, "backend": "be_web", "server": "web1", "probes": [{"host": "www.community.lab", "path": "/"}]},
}


class Scripted:
    """A host that answers by the first rule whose words are in the script, and records what it was asked."""

    def __init__(self, name: str, address: str, *rules: tuple[str, Callable[[], str]]) -> None:
        self.name = self.host = name
        self.address, self.rules, self.seen = address, rules, list[str]()
        self.connection = SimpleNamespace(open_connection=_connect)

    async def shell(self, *, errors: str = "replace") -> Scripted:
        return self

    async def run(self, script: str, *, within: float = 10, check: bool = True, data: bytes = b"") -> Done:
        self.seen.append(script)
        return Done(0, next((answer() for words, answer in self.rules if words in script), ""))


def mover(tmp_path: Path, source: Scripted, target: Scripted, *, back: bool = False, **parameters: Any) -> HttpMover:
    move = {**MOVE, "parameters": {**MOVE["parameters"], **parameters}}
    old: Any = source
    new: Any = target
    hosts: Any = SimpleNamespace(addresses={})
    context = Context(move, {"moves": [move]}, old, new, back, "web1-go-1", hosts, Journal(tmp_path, "http", "r"), tmp_path, print)
    return HttpMover(context)


def test_the_edge_leads_to_the_target(tmp_path: Path) -> None:
    source, target = Scripted("web1", "10.77.0.12"), Scripted("web-01", "10.77.0.102")
    assert mover(tmp_path, source, target).edge_targets() == {Backend("be_web", "web1"): ("10.77.0.102", 80)}
    assert mover(tmp_path, source, target, backend=None).edge_targets() == {}


def test_nothing_is_cut_without_a_page_to_ask_for(tmp_path: Path) -> None:
    source, target = Scripted("web1", "10.77.0.12"), Scripted("web-01", "10.77.0.102")
    with pytest.raises(LotseError, match="no page to ask for"):
        asyncio.run(mover(tmp_path, source, target, probes=[]).prepare())
    assert (source.seen, target.seen) == ([], [])


def test_the_fence_waits_for_the_requests_inside(tmp_path: Path) -> None:
    inside = iter(["2\n", "1\n", "0\n"])
    source, target = Scripted("web1", "10.77.0.12", ("ss -Hx", lambda: next(inside))), Scripted("web-01", "10.77.0.102")

    async def fence() -> None:
        one = mover(tmp_path, source, target)
        await one.reopen()
        await one.fence()

    asyncio.run(fence())
    assert source.seen[0] == forward.freeze(80)
    assert len(source.seen) == 4


def test_a_request_that_does_not_end_stops_the_fence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.http.INSIDE_S", 0.05)
    source, target = Scripted("web1", "10.77.0.12", ("ss -Hx", lambda: "1\n")), Scripted("web-01", "10.77.0.102")

    async def fence() -> None:
        one = mover(tmp_path, source, target)
        await one.reopen()
        await one.fence()

    with pytest.raises(RemoteError, match="1 requests did not end"):
        asyncio.run(fence())


@pytest.mark.parametrize(("counted", "healthy", "writes"), [("0\n7\n", True, 0), ("3\n7\n", True, 3), ("0\n", False, 0), ("", False, 0)])
def test_what_reached_the_old_side_is_counted_or_it_is_not_healthy(tmp_path: Path, counted: str, healthy: bool, writes: int) -> None:
    source, target = Scripted("web1", "10.77.0.12", ("nft list", lambda: counted)), Scripted("web-01", "10.77.0.102")

    async def look() -> dict[str, Any]:
        server = await asyncio.start_server(_fine, "127.0.0.1", 0)
        one = mover(tmp_path, source, target, port=server.sockets[0].getsockname()[1])
        await one.reopen()
        try:
            return await one.observe()
        finally:
            server.close()

    seen = asyncio.run(look())
    assert (seen["healthy"], seen["writes"]) == (healthy, writes)


async def _fine(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\nfine")
    writer.close()


def test_the_way_back_frees_the_legacy_port_only_after_the_decision(tmp_path: Path) -> None:
    """Until then its old address must lead to the guest, which serves."""
    guest, legacy = Scripted("web-01", "10.77.0.102"), Scripted("web1", "10.77.0.12")
    one = mover(tmp_path, guest, legacy, back=True)

    async def to_the_end() -> None:
        await one.prepare()
        assert forward.stop(80) not in legacy.seen
        await one.open()
        await one.route()

    asyncio.run(to_the_end())
    assert legacy.seen[-1] == forward.stop(80)
    assert guest.seen[-1] == forward.start(80, "10.77.0.12", refuse=True)
