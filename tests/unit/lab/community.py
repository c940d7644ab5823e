# SPDX-License-Identifier: GPL-3.0-or-later
"""A community in memory that answers as the real one does, and that can be told to misbehave: then the live users must notice."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.lab.load import CLASSIC, Address


@dataclass
class Community:
    """State of the platform. ``faults`` are words that the handlers look for."""

    faults: set[str] = field(default_factory=set)
    sessions: dict[str, dict[str, Any]] = field(default_factory=dict)
    bios: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    uploads: dict[str, bytes] = field(default_factory=dict)
    connections: set[int] = field(default_factory=set)
    requests: list[str] = field(default_factory=list)

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_route("*", "/{page:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.Response:
        self.connections.add(id(request.transport))
        self.requests.append(f"{request.method} {request.path}")
        if "503" in self.faults:
            return _json({"error": "unavailable"}, 503)
        if "forget sessions" in self.faults:
            self.sessions.clear()
        if request.host == CLASSIC:
            return await self._guestbook(request)
        handler = getattr(self, "_" + (request.match_info["page"].removesuffix(".php") or "front"))
        response: web.Response = await handler(request, await request.post())
        return response

    def _session(self, request: web.Request) -> tuple[dict[str, Any], str]:
        name = request.cookies.get("PHPSESSID") or uuid.uuid4().hex
        return self.sessions.setdefault(name, {}), name

    async def _front(self, _request: web.Request, _form: Any) -> web.Response:
        text = "<? echo 1 ?>" if "source" in self.faults else "<h1>Community</h1><ul><li>Hello</li></ul>"
        return web.Response(text=text, content_type="text/html")

    async def _signin(self, request: web.Request, form: Any) -> web.Response:
        session, name = self._session(request)
        session.update(user=form["name"], visits=0)
        response = _json({"name": form["name"]})
        response.set_cookie("PHPSESSID", name)
        return response

    async def _profile(self, request: web.Request, form: Any) -> web.Response:
        session, _ = self._session(request)
        if "user" not in session:
            return _json({"error": "not signed in"}, 401)
        if "visits stand still" not in self.faults:
            session["visits"] += 1
        if "bio" in form and "bio is not kept" not in self.faults:
            self.bios[session["user"]] = form["bio"].encode("latin-1", "replace").decode("latin-1") if "charset" in self.faults else form["bio"]
        bio = form.get("bio") if "bio is not kept" in self.faults and "bio" in form else self.bios.get(session["user"], "hello")
        return _json({"name": session["user"], "visits": session["visits"], "bio": bio})

    async def _messages(self, request: web.Request, form: Any) -> web.Response:
        if request.method == "POST":
            if "messages vanish" not in self.faults:
                self.messages.append(form["token"])
            return _json({"token": form["token"] if "wrong token" not in self.faults else "x"}, 201)
        return _json({"messages": [{"token": token} for token in self.messages[::-1][:100]]})

    async def _drafts(self, _request: web.Request, form: Any) -> web.Response:
        self.drafts.append(form["token"])
        return _json({"token": form["token"]}, 200 if "wrong status" in self.faults else 201)

    async def _upload(self, _request: web.Request, form: Any) -> web.Response:
        content = form["file"].file.read()
        self.uploads[form["token"]] = content[:-1] if "uploads are cut" in self.faults else content
        return _json({"token": form["token"], "sha256": hashlib.sha256(content).hexdigest()}, 201)

    async def _file(self, request: web.Request, _form: Any) -> web.Response:
        return web.Response(body=self.uploads[request.query["token"]])

    async def _audit(self, request: web.Request, _form: Any) -> web.Response:
        kinds: dict[str, dict[str, Any]] = {
            "messages": {token: self.messages.count(token) for token in self.messages},
            "drafts": dict.fromkeys(self.drafts, 1),
            "uploads": {token: hashlib.sha256(content).hexdigest() for token, content in self.uploads.items()},
            "profiles": self.bios,
        }
        kind = request.query["kind"]
        return _json({"kind": kind, "items": kinds[kind]})

    async def _guestbook(self, request: web.Request) -> web.Response:
        session, name = self._session(request)
        session["visits"] = session.get("visits", 0) + 1
        session["entries"] = session.get("entries", 0) + (request.method == "POST")
        if "entries shrink" in self.faults:
            session["entries"] = 0
        response = web.Response(text=f"<p>Visit {session['visits']}, {session['entries']} entries</p>", content_type="text/html")
        response.set_cookie("PHPSESSID", name)
        return response


def _json(answer: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(text=json.dumps(answer), status=status, content_type="application/json")


@contextmanager
def served(community: Community) -> Iterator[Address]:
    """The community on a free port, in a thread of its own."""
    loop = asyncio.new_event_loop()
    started: list[int] = []

    async def start() -> web.AppRunner:
        runner = web.AppRunner(community.application(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        started.append(runner.addresses[0][1])
        return runner

    runner = loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Address("127.0.0.1", started[0])
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
