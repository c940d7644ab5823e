# SPDX-License-Identifier: GPL-3.0-or-later
"""What a browser is to the platform: connections that stay open for a visit, cookies that stay for longer."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from . import Address

TIMEOUT_S = 10


@dataclass(frozen=True)
class Reply:
    """A complete answer."""

    status: int
    body: bytes


class NoAnswerError(Exception):
    """There was no complete answer; the text says why."""


class Closed(aiohttp.ClientError):
    """The connection went away before the first byte of an answer. Not one of the errors that aiohttp itself answers with a retry."""


class Edge(AbstractResolver):
    """Every name of the community is the edge's public address."""

    def __init__(self, address: Address) -> None:
        self._address = address

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=self._address.host, port=self._address.port, family=family, proto=0, flags=socket.AI_NUMERICHOST)]

    async def close(self) -> None:
        """Nothing is held."""


async def _mark_closed(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise Closed(f"{type(error).__name__}: {error}") from error


def _reuse_trace() -> aiohttp.TraceConfig:
    """Notes in the request's context whether its connection had served an earlier one."""
    trace = aiohttp.TraceConfig()

    async def reused(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: aiohttp.TraceConnectionReuseconnParams) -> None:
        if isinstance(context.trace_request_ctx, dict):
            context.trace_request_ctx["reused"] = True

    trace.on_connection_reuseconn.append(reused)
    return trace


class Browser:
    """One visit: at most one connection to each host, kept alive, closed when the visitor leaves. ``async with``."""

    def __init__(self, address: Address, cookies: aiohttp.CookieJar) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=Edge(address), limit_per_host=1, keepalive_timeout=60, use_dns_cache=False),
            cookie_jar=cookies,
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            trace_configs=[_reuse_trace()],
            middlewares=(_mark_closed,),
            headers={"User-Agent": "lotse-live-user"},
        )
        self.retried = False

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()

    async def request(self, method: str, url: str, *, params: Mapping[str, str] | None = None, data: Any = None) -> Reply:
        """Sends a request and reads the whole answer. Raises NoAnswerError.

        As browsers do, a GET is sent once more when the connection that it reused turns out to be closed. Nothing else is ever repeated.
        """
        context: dict[str, bool] = {}
        self.retried = False
        try:
            try:
                return await self._once(method, url, params, data, context)
            except Closed:
                if method != "GET" or not context.get("reused"):
                    raise
            self.retried = True
            return await self._once(method, url, params, data, {})
        except TimeoutError as error:
            raise NoAnswerError(f"no answer within {TIMEOUT_S} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error

    async def _once(self, method: str, url: str, params: Mapping[str, str] | None, data: Any, context: dict[str, bool]) -> Reply:
        async with self._session.request(method, url, params=params, data=data, allow_redirects=False, trace_request_ctx=context) as response:
            return Reply(response.status, await response.read())
