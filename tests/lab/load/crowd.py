# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the schedule with real visitors, at its own pace whatever the platform does, and always comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from . import Address
from .browser import TIMEOUT_S, Browser
from .person import Person, Shared
from .records import Records
from .schedule import Action, actions, seats

LONGEST_S = 900
DRAIN_S = 2 * TIMEOUT_S
ACCOUNTS = 200  # user1 … user200 exist on the platform
PEOPLE_PER_SEAT = 6  # how many take turns: each comes again about every 40 s


@dataclass(frozen=True)
class Settings:
    """``rate`` in requests a second; the load ends when ``until`` appears, or after ``limit`` seconds."""

    address: Address
    rate: float
    until: Path
    limit: float = LONGEST_S
    seed: int = 1


class Visit:
    """A visitor at a seat: does what is due, in order, over connections that end with the visit."""

    def __init__(self, person: Person, address: Address) -> None:
        self.person = person
        self.due: asyncio.Queue[tuple[float, str] | None] = asyncio.Queue()
        self._address = address

    async def run(self) -> None:
        async with Browser(self._address, self.person.cookies) as browser:
            while (item := await self.due.get()) is not None:
                at, op = item
                await self.person.act(browser, op, at)


class Crowd:
    """The visitors of one load."""

    def __init__(self, settings: Settings, records: Records) -> None:
        self._settings, self._records = settings, records
        shared, chance = Shared(), random.Random(settings.seed)
        count = min(ACCOUNTS, PEOPLE_PER_SEAT * seats(settings.rate))
        self._free = deque(Person(f"user{number}", records, shared, chance) for number in range(1, count + 1))
        self._visits: dict[int, Visit] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()
        self._why = ""
        self._crash: BaseException | None = None

    def end(self, why: str) -> None:
        self._why = self._why or why
        self._ended.set()

    async def run(self) -> str:
        """Lets visitors in until the end. Gives what ended it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, signal.Signals(number).name)
        watch = asyncio.create_task(self._watch())
        began, epoch = loop.time(), time.time()
        for action in actions(self._settings.rate, self._settings.seed):
            if await self._slept(began + action.at - loop.time()):
                break
            self._deal(action, epoch + action.at)
        await watch
        await self._drain()
        return self._why

    async def _slept(self, seconds: float) -> bool:
        """Waits; True as soon as the load has ended."""
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), seconds)
        return self._ended.is_set()

    async def _watch(self) -> None:
        """Ends the load when it should."""
        parent, latest = os.getppid(), time.monotonic() + min(self._settings.limit, LONGEST_S)
        while not self._ended.is_set():
            if self._settings.until.exists():
                self.end("the stop file")
            elif os.getppid() != parent:
                self.end("the parent is gone")
            elif time.monotonic() >= latest:
                self.end("the time limit")
            await self._slept(0.1)

    def _deal(self, action: Action, due: float) -> None:
        visit = self._visits.get(action.visit) or self._arrive(action.visit)
        if visit is None:
            self._records.request(at=due, ms=0, op=action.op, method="", status=0, error="every member still waits for an answer")
            return
        visit.due.put_nowait((due, action.op))
        if action.last:
            visit.due.put_nowait(None)
            del self._visits[action.visit]

    def _arrive(self, number: int) -> Visit | None:
        """Somebody who is not there yet; None when all are, because nothing answers."""
        if not self._free:
            return None
        visit = self._visits[number] = Visit(self._free.popleft(), self._settings.address)
        task = asyncio.create_task(visit.run())
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._leave(done, visit.person))
        return visit

    def _leave(self, task: asyncio.Task[None], person: Person) -> None:
        self._tasks.discard(task)
        self._free.append(person)
        if not task.cancelled() and (error := task.exception()):
            self._crash = self._crash or error
            self.end("an error of the load itself")

    async def _drain(self) -> None:
        """What was due is still answered, for at most DRAIN_S; nobody new comes in."""
        for visit in self._visits.values():
            visit.due.put_nowait(None)
        waiting = set(self._tasks)
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._crash:
            raise self._crash
