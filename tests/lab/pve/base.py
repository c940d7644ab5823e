# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication, permissions, tasks and answers of a call, where fakepve differs from a real API server."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from aiohttp import web
from fakepve.model import PveError, TaskError
from fakepve.server import API, FORMATS, USER, FakePve
from fakepve.server import error as error_answer

from .driver import GuestDriver, GuestError, Numbers, Volumes
from .faults import CallFault, Faults

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Values = dict[str, Any]
# The config of the guest that is being cloned.
CLONE_SOURCE: ContextVar[Mapping[str, Any]] = ContextVar("CLONE_SOURCE")
# A clone or a creation fails while it copies, and then takes its half-made guest away again (see DiskParts.ceph_io).
CLONE_FAULT: ContextVar[str | None] = ContextVar("CLONE_FAULT", default=None)
VERSION = "9.0.10"
UNMODELLED = "the lab's API does not model it"
# What fakepve keeps without any effect on a machine.
PRETENDED = re.compile(r"/(?:lxc|firewall)(?:/|$)")


def die(message: str) -> Exception:
    """The API's 500 with this text."""
    failure: Exception = PveError(500, message)
    return failure


def bad(**fields: str) -> Exception:
    """The API's 400 with a text for each parameter (underscores stand for hyphens)."""
    named = {key.replace("_", "-"): text for key, text in fields.items()}
    failure: Exception = PveError(400, "Parameter verification failed.", named)
    return failure


def task_failure(message: str) -> Exception:
    """Raised in a task's body: the task ends with this exit status."""
    failure: Exception = TaskError(message)
    return failure


class LabBase(FakePve):  # type: ignore[misc]
    """What every part of the lab's API shares; see LabPve."""

    def __init__(self, driver: GuestDriver, faults: Faults, host: str, port: int) -> None:
        super().__init__(host=host, port=port)
        self.driver = driver
        self.volumes: Volumes = Numbers()
        self.faults = faults
        self.calls_log: Path | None = None
        self.on_change: Callable[[], None] = lambda: None
        # Tokens without privileges of their own would not be separated; all of the lab's are.
        self.separated: set[str] = set()
        self._workers: dict[str, asyncio.Task[Any]] = {}
        self._fault_locks = False
        # PVE seconds that every task takes before it does anything.
        self.task_secs = 0.0

    # ------------------------------------------------------------------ calls

    def _build_app(self) -> web.Application:
        app: web.Application = super()._build_app()
        app.middlewares.insert(0, self._lab_call)
        return app

    @web.middleware
    async def _lab_call(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Faults before the call, the record of it, and the state kept after a change."""
        self.faults.refresh()
        self._apply_faults()
        self._log_call(request)
        if self.faults.latency:
            await asyncio.sleep(self.faults.latency)
        fault = self.faults.call(request.method, request.path.removeprefix(API))
        response = await self._suffer(fault, request, handler) if fault else await self._carry_out(request, handler)
        if response.status == 401:
            await self.pause(3)
        if request.method not in ("GET", "HEAD"):
            self.on_change()
        return response

    async def _suffer(self, fault: CallFault, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A request and the fault that it meets."""
        response: web.StreamResponse
        refused: web.StreamResponse = error_answer(fault.status, fault.message or "Internal Server Error")
        if fault.do in ("answer", "lose_call"):
            response = refused
        elif fault.do == "repeat_first":
            response = await self._carry_out(request, handler)
            await self._carry_out(request, handler)
        elif fault.do == "repeat":
            await self._carry_out(request, handler)
            response = await self._carry_out(request, handler)
        else:
            response = await self._carry_out(request, handler)
        if fault.do == "delay":
            await asyncio.sleep(fault.seconds)
        if fault.do == "answer_after":
            response = refused
        if fault.do in ("lose_call", "lose_answer") and request.transport is not None:
            request.transport.abort()
        return response

    async def _carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse
        if request.method not in ("GET", "HEAD") and PRETENDED.search(request.path):
            path = request.path.removeprefix(API)
            response = error_answer(501, f"Method '{request.method} {path}' not implemented ({UNMODELLED})")
        elif request.method == "DELETE" and request.content_length:
            response = error_answer(501, "Unexpected content for method 'DELETE'")
        else:
            response = await handler(request)
        return response

    def _log_call(self, request: web.Request) -> None:
        if self.calls_log is None:
            return
        entry = {"t": round(time.time(), 3), "method": request.method, "path": request.path.removeprefix(API)}
        with self.calls_log.open("a") as log:
            log.write(json.dumps(entry) + "\n")

    def _apply_faults(self) -> None:
        self.version = str(self.faults.values.get("version", VERSION))
        self.release_version = ".".join(self.version.split(".")[:2])
        for name in self.nodes:
            self.set_node_offline(name, self.faults.offline(name))
        locked = bool(self.faults.values.get("locked"))
        if not (locked or self._fault_locks):  # not for every call over thousands of guests
            return
        self._fault_locks = locked
        for vm in self.vms:
            wanted, given = self.faults.lock(vm.vmid), getattr(vm, "lock_fault", None)
            if wanted and vm.lock is None:
                self._qm_lock(vm, wanted)
                vm.lock_fault = wanted
            elif given and not wanted:
                vm.lock_fault = None
                if vm.lock == given:
                    self._qm_lock(vm, None)

    async def answer(self, request: web.Request, match: Any, params: Values, user: str | None, call: Any = None) -> Any:
        if match is None or request.method not in match.methods:
            path = request.path
            for prefix in FORMATS:
                path = path.removeprefix(prefix)
            raise PveError(501, f"Method '{request.method} {path}' not implemented")
        self._strict_booleans(match.methods[request.method], params)
        return await super().answer(request, match, params, user, call)

    async def synthesise(self, match: Any, method: str, info: Mapping[str, Any], user: str, values: Values) -> Any:
        """Reads are answered from the schema; a write that nothing here carries out must not look done."""
        if method != "GET":
            raise PveError(501, f"Method '{method} {match.template}' not implemented ({UNMODELLED})")
        return await super().synthesise(match, method, info, user, values)

    def _vm(self, request: web.Request, priv: str | None = None) -> Any:
        """The permission comes first: nobody learns which VMs exist without it."""
        vmid = request.match_info["vmid"]
        self._known_node(request.match_info["node"])
        if priv and vmid.isdecimal():
            self.require(request[USER], f"/vms/{vmid}", priv)
        return super()._vm(request, priv)

    def _verify(self, request: web.Request, values: Values, drop: tuple[str, ...] = ()) -> Values:
        info = self.resolve(request, API).methods[request.method]
        self._strict_booleans(info, values)
        verified: Values = super()._verify(request, values, drop)
        return verified

    @staticmethod
    def _strict_booleans(info: Mapping[str, Any], values: Values) -> None:
        """Forms say 1 or 0; ``true`` is a boolean in JSON only."""
        properties = (info.get("parameters") or {}).get("properties", {})
        wrong = {
            name: f"type check ('boolean') failed - got '{value}'"
            for name, value in values.items()
            if isinstance(value, str) and value not in ("0", "1") and properties.get(name, {}).get("type") == "boolean"
        }
        if wrong:
            raise PveError(400, "Parameter verification failed.", wrong)

    def _known_node(self, node: str) -> None:
        if node not in self.nodes:
            reason = f"failed to get address info for: {node}: Name or service not known"
            raise die(f"hostname lookup '{node}' failed - {reason}")

    # ------------------------------------------------------- who may do what

    def _authenticate(self, request: web.Request) -> Any:
        presented = request.headers.get("Authorization") or request.cookies.get("PVEAuthCookie")
        try:
            return super()._authenticate(request)
        except PveError as failure:
            if failure.status == 401 and "csrf" not in failure.message:
                raise PveError(401, "Authentication failed!" if presented else "No ticket") from None
            raise

    def _not_for_tokens(self, user: str, values: Mapping[str, Any], *names: str) -> None:
        for name in names:
            if values.get(name) and user != "root@pam":
                raise bad(**{name: "Only root may use this option."})

    # ------------------------------------------------------------------ tasks

    def _get_task(self, request: web.Request) -> Any:
        upid = request.match_info["upid"]
        task = self.tasks.get(upid)
        if task is None or task["node"] != request.match_info["node"]:
            raise bad(upid=f"unable to parse worker upid '{upid}'")
        return super()._get_task(request)

    async def task(self, node: str, ttype: str, tid: Any, user: str, body: Callable[[], Awaitable[Any]], **options: Any) -> str:
        """A worker whose end is kept in the state, that can be stopped, and that a fault can make fail."""
        known: list[str] = []

        async def worker() -> Any:
            current = asyncio.current_task()
            if known and current is not None:
                self._workers[known[0]] = current
            try:
                text = self.faults.task(ttype, str(tid))
                if text is not None and ttype not in ("qmclone", "qmcreate"):
                    raise TaskError(text)
                CLONE_FAULT.set(text)
                await self.pause(self.task_secs)
                return await body()
            except GuestError as failure:
                raise TaskError(str(failure)) from failure
            except PveError as failure:
                raise TaskError(failure.message) from failure
            finally:
                if known:
                    self._workers.pop(known[0], None)
                asyncio.get_running_loop().call_soon(self.on_change)

        upid: str = await super().task(node, ttype, tid, user, worker, **options)
        known.append(upid)
        return upid

    async def pause(self, secs: float) -> None:
        """Sleep PVE seconds; in a worker that is being stopped this is where it ends."""
        try:
            await super().pause(secs)
        except asyncio.CancelledError:
            if asyncio.current_task() in self._workers.values():
                raise TaskError("interrupted by signal") from None
            raise

    def _routes_lab_tasks(self) -> list[tuple[str, str, Any]]:
        return [
            ("DELETE", "/nodes/{node}/tasks/{upid}", self._task_stop),
            ("GET", "/cluster/tasks", self._cluster_tasks),
        ]

    async def _task_stop(self, values: Values, user: str) -> None:
        task = self.tasks.get(values["upid"])
        if task is None:
            raise bad(upid=f"unable to parse worker upid '{values['upid']}'")
        if not self._task_owner(user, task):
            self.require(user, f"/nodes/{values['node']}", "Sys.Modify")
        worker = self._workers.get(values["upid"])
        if worker is not None:
            worker.cancel()

    async def _cluster_tasks(self, values: Values, user: str) -> list[Values]:
        audit = self.allowed(user, "/", "Sys.Audit")
        shown = [self._task_view(task, True) for task in self.tasklog if audit or self._task_owner(user, task)]
        return sorted(shown, key=lambda task: -int(task["starttime"]))[:25]
