# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of the community: comes, does things, checks each answer against what is known, leaves, and comes again with the same cookies."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from . import CLASSIC, WWW
from .browser import Browser, NoAnswerError, Reply
from .records import Records, Write

SIGN_IN_AGAIN = 0.2
UPLOAD_BYTES = (10_000, 60_000)
RECENT_MESSAGES = 20  # of the hundred that the platform lists


class WrongAnswerError(Exception):
    """An answer that is not the expected one: a failed request, whatever its status."""


@dataclass
class Count:
    """A counter on the other side of which some increments may have gone unanswered: it is somewhere in low..high."""

    low: int = 0
    high: int = 0

    def check(self, seen: int, more: int, what: str) -> None:
        """``seen`` must be the counter plus ``more``; afterwards it is known. Raises WrongAnswerError."""
        low, high = self.low + more, self.high + more
        self.low = self.high = seen
        if not low <= seen <= high:
            raise WrongAnswerError(f"{what}: {seen} instead of {low if low == high else f'{low} to {high}'}")

    def perhaps(self, more: int) -> None:
        """A request that would have added ``more`` was not answered."""
        self.high += more


@dataclass
class Shared:
    """What everybody has seen acknowledged, for others to read back."""

    uploads: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=2000))  # token, sha256
    messages: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT_MESSAGES))


def _json(reply: Reply, status: int) -> dict[str, Any]:
    if reply.status != status:
        raise WrongAnswerError(f"status {reply.status} instead of {status}: {reply.body[:120].decode(errors='replace').strip()}")
    try:
        answer = json.loads(reply.body)
    except ValueError as error:
        raise WrongAnswerError(f"the body is not JSON: {reply.body[:80]!r}") from error
    if not isinstance(answer, dict):
        raise WrongAnswerError(f"the body is not an object: {reply.body[:80]!r}")
    return answer


def _same(seen: Any, expected: Any, what: str) -> None:
    if seen != expected:
        raise WrongAnswerError(f"{what} is {str(seen)[:80]!r} instead of {str(expected)[:80]!r}")


class Person:
    """One member, by the name of an account that the platform has. Not for two visits at a time."""

    def __init__(self, name: str, records: Records, shared: Shared, chance: random.Random) -> None:
        self.name, self._records, self._shared, self._chance = name, records, shared, chance
        self.cookies = aiohttp.CookieJar()
        self._signed_in = False
        self._visits, self._book_visits, self._entries = Count(), Count(), Count()
        self._bio: str | None = None  # the profile's text where it is known
        self._ops: dict[str, Callable[[Browser], Awaitable[Reply]]] = {
            "signin": self._sign_in,
            "front": self._front,
            "profile": self._profile,
            "profile_write": self._profile_write,
            "message": self._message,
            "messages": self._messages,
            "upload": self._upload,
            "file": self._file,
            "draft": self._draft,
            "guestbook": self._guestbook,
            "guestbook_write": self._guestbook_write,
        }
        self._status = 0

    def _chosen(self, op: str) -> str:
        """What is really done: who is not signed in signs in, what nobody has uploaded cannot be read back."""
        if op == "arrive":
            return "profile" if self._signed_in and self._chance.random() > SIGN_IN_AGAIN else "signin"
        if op in {"profile", "profile_write"} and not self._signed_in:
            return "signin"
        return "front" if op == "file" and not self._shared.uploads else op

    async def act(self, browser: Browser, op: str, due: float) -> None:
        """Does one thing that is due at ``due`` (seconds since 1970) and records how it went. Never raises for what the platform does."""
        op, error, self._status = self._chosen(op), "", 0
        try:
            await self._ops[op](browser)
        except (WrongAnswerError, NoAnswerError) as failure:
            error = str(failure) or type(failure).__name__
        self._records.request(
            at=due, ms=(time.time() - due) * 1000, op=op.removesuffix("_write"),
            method="POST" if op in {"signin", "profile_write", "message", "upload", "draft", "guestbook_write"} else "GET",
            status=self._status, error=error, retried=browser.retried,
        )  # fmt: skip

    async def _get(self, browser: Browser, page: str, **params: str) -> Reply:
        return self._noted(await browser.request("GET", f"http://{WWW}/{page}", params=params))

    async def _post(self, browser: Browser, page: str, data: Any) -> Reply:
        return self._noted(await browser.request("POST", f"http://{WWW}/{page}", data=data))

    def _noted(self, reply: Reply) -> Reply:
        self._status = reply.status
        return reply

    async def _sign_in(self, browser: Browser) -> Reply:
        self._signed_in = False
        reply = await self._post(browser, "signin.php", {"name": self.name})
        _same(_json(reply, 200).get("name"), self.name, "the name")
        self._signed_in, self._visits = True, Count()
        return reply

    async def _front(self, browser: Browser) -> Reply:
        reply = await self._get(browser, "")
        text = reply.body.decode(errors="replace")
        if reply.status != 200 or "<h1>Community</h1>" not in text or "<li>" not in text or "<?" in text:
            raise WrongAnswerError(f"status {reply.status}, not the front page: {text[:80]!r}")
        return reply

    def _check_profile(self, reply: Reply) -> dict[str, Any]:
        """The session and its counter. A lost session is a failed request; the person signs in again next time."""
        if reply.status == 401:
            self._signed_in = False
            raise WrongAnswerError("the session is lost: not signed in any more")
        answer = _json(reply, 200)
        _same(answer.get("name"), self.name, "the session's name")
        self._visits.check(int(answer.get("visits", -1)), 1, "the session's visits")
        return answer

    async def _profile(self, browser: Browser) -> Reply:
        try:
            reply = await self._get(browser, "profile.php")
        except NoAnswerError:
            self._visits.perhaps(1)
            raise
        if reply.status >= 500:
            self._visits.perhaps(1)
        answer = self._check_profile(reply)
        if self._bio is not None:
            _same(answer.get("bio"), self._bio, "the profile's text")
        return reply

    async def _profile_write(self, browser: Browser) -> Reply:
        write = Write(time.time(), "profiles", str(uuid.uuid4()), user=self.name)
        bio = f"{write.token} grüß dich 🙂"

        def check(reply: Reply) -> None:
            if reply.status >= 500:
                self._visits.perhaps(1)
            _same(self._check_profile(reply).get("bio"), bio, "the new text")

        self._bio = None
        try:
            reply = await self._written(write, browser, "profile.php", {"bio": bio}, check)
        except NoAnswerError:
            self._visits.perhaps(1)
            raise
        self._bio = bio
        return reply

    async def _written(self, write: Write, browser: Browser, page: str, data: Any, check: Callable[[Reply], None]) -> Reply:
        """Sends a write once. It counts as acknowledged after the expected answer only; else nobody knows its fate."""
        try:
            reply = await self._post(browser, page, data)
            check(reply)
        except BaseException:
            self._records.unanswered(write)
            raise
        self._records.acknowledged(write)
        return reply

    async def _message(self, browser: Browser) -> Reply:
        write = Write(time.time(), "messages", str(uuid.uuid4()))
        data = {"token": write.token, "body": f"Hello from {self.name}: {write.token} äöü 🙂"}
        reply = await self._written(
            write, browser, "messages.php", data, lambda reply: _same(_json(reply, 201).get("token"), write.token, "the token")
        )
        self._shared.messages.append(write.token)
        return reply

    async def _messages(self, browser: Browser) -> Reply:
        before = list(self._shared.messages)
        reply = await self._get(browser, "messages.php", limit="100")
        listed = {row["token"] for row in _json(reply, 200).get("messages", [])}
        if missing := [token for token in before if token not in listed]:
            raise WrongAnswerError(f"{len(missing)} messages that were acknowledged are not listed: {missing[0]}")
        return reply

    async def _upload(self, browser: Browser) -> Reply:
        content = os.urandom(self._chance.randint(*UPLOAD_BYTES))
        write = Write(time.time(), "uploads", str(uuid.uuid4()), sha256=hashlib.sha256(content).hexdigest())
        form = aiohttp.FormData()
        form.add_field("token", write.token)
        form.add_field("file", content, filename="picture.bin", content_type="application/octet-stream")

        def check(reply: Reply) -> None:
            answer = _json(reply, 201)
            _same((answer.get("token"), answer.get("sha256")), (write.token, write.sha256), "token and sha256")

        reply = await self._written(write, browser, "upload.php", form, check)
        self._shared.uploads.append((write.token, write.sha256))
        return reply

    async def _file(self, browser: Browser) -> Reply:
        token, sha256 = self._chance.choice(self._shared.uploads)
        reply = await self._get(browser, "file.php", token=token)
        if reply.status != 200:
            raise WrongAnswerError(f"status {reply.status}: the upload {token} cannot be read back")
        _same(hashlib.sha256(reply.body).hexdigest(), sha256, f"the sha256 of the upload {token}")
        return reply

    async def _draft(self, browser: Browser) -> Reply:
        write = Write(time.time(), "drafts", str(uuid.uuid4()))
        data = {"token": write.token, "body": f"Draft of {self.name}"}
        return await self._written(write, browser, "drafts.php", data, lambda reply: _same(_json(reply, 201).get("token"), write.token, "the token"))

    async def _guestbook(self, browser: Browser) -> Reply:
        return await self._book(browser, "GET", None)

    async def _guestbook_write(self, browser: Browser) -> Reply:
        return await self._book(browser, "POST", {"entry": f"{self.name} was here"})

    async def _book(self, browser: Browser, method: str, data: dict[str, str] | None) -> Reply:
        """The guestbook keeps its session on disk: visits go up by one, entries by the ones that were written, and never down."""
        more = 1 if method == "POST" else 0
        try:
            reply = self._noted(await browser.request(method, f"http://{CLASSIC}/", data=data))
            if reply.status >= 500:
                raise WrongAnswerError(f"status {reply.status} of the guestbook")
        except (NoAnswerError, WrongAnswerError):
            self._book_visits.perhaps(1)
            self._entries.perhaps(more)
            raise
        page = re.search(r"<p>Visit (\d+), (\d+) entries</p>", reply.body.decode(errors="replace"))
        if reply.status != 200 or page is None:
            raise WrongAnswerError(f"status {reply.status}, not the guestbook: {reply.body[:80]!r}")
        entries = int(page[2])
        try:
            self._book_visits.check(int(page[1]), 1, "the guestbook's visits")
        except WrongAnswerError:
            self._entries = Count(entries, entries)
            raise
        self._entries.check(entries, more, "the guestbook's entries")
        return reply
