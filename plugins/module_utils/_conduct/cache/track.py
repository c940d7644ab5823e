# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys were written since a moment: the server itself tells us (client side caching, Redis 6), whatever wrote them and whyever they went.

So every key is compared while users write, and behind the fence only those that were written meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib

from ..hosts import Host
from .wire import Cache, CacheError

INVALIDATE, MARKS = b"__redis__:invalidate", b"lotse:marks"
WHOLESALE = ("flushall", "flushdb", "swapdb")
"""Commands that change keys without naming them."""


class Tracker:
    """Collects the names of written keys, of all databases alike. ``id`` is that of its connection."""

    def __init__(self, cache: Cache, listener: Cache, number: int, wholesale: int) -> None:
        self.id = number
        self._cache, self._listener, self._wholesale = cache, listener, wholesale
        self._names: set[bytes] = set()
        self._everything = False
        self._marks = 0
        self._seen = asyncio.Condition()
        self._task = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, host: Host, port: int, cache: Cache) -> Tracker:
        """From now on. ``cache`` is the connection that asks for it."""
        listener = await Cache.open(host, port)
        number = int(await listener.call("CLIENT", "ID"))
        for channel in (INVALIDATE, MARKS):
            await listener.call("SUBSCRIBE", channel)
        await cache.call("CLIENT", "TRACKING", "ON", "REDIRECT", number, "BCAST")
        return cls(cache, listener, number, await _wholesale(cache))

    async def written(self) -> set[bytes] | None:
        """The keys written until now; None when only a look at every key can tell. Nobody may write while it is asked."""
        expected = self._marks + 1
        if not self._task.done():
            await self._cache.call("PUBLISH", MARKS, "")
            async with self._seen:
                await self._seen.wait_for(lambda: self._marks >= expected or self._everything)
        if self._everything or await _wholesale(self._cache) != self._wholesale:
            return None
        return set(self._names)

    async def stop(self) -> None:
        with contextlib.suppress(CacheError):
            await self._cache.call("CLIENT", "TRACKING", "OFF")
        self._task.cancel()
        self._listener.close()

    async def _listen(self) -> None:
        try:
            while True:
                _, channel, names = await self._listener.message()
                async with self._seen:
                    if channel == MARKS:
                        self._marks += 1
                    elif names is None:
                        self._everything = True
                    else:
                        self._names.update(names)
                    self._seen.notify_all()
        except CacheError:
            async with self._seen:
                self._everything = True  # what was not heard is not known
                self._seen.notify_all()


async def _wholesale(cache: Cache) -> int:
    stats = await cache.info("commandstats")
    calls = (stats.get(f"cmdstat_{name}", "calls=0") for name in WHOLESALE)
    return sum(int(text.split(",")[0].removeprefix("calls=")) for text in calls)
