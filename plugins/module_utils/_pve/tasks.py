# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks of the API: HTTP 200 and a UPID are not success; the task's exit status is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from .errors import TaskFailedError, task_error
from .gateway import Gateway

TAIL = 8
LOG_LIMIT = 5000


def node_of(upid: str) -> str:
    """``UPID:pve1:…`` -> ``pve1``."""
    parts = upid.split(":")
    if len(parts) < 8 or parts[0] != "UPID":
        raise ValueError(f"not a UPID: {upid!r}")
    return parts[1]


def kind_of(upid: str) -> str:
    """``UPID:…:qmstart:101:…`` -> ``qmstart``; nothing for a call that was no task."""
    return upid.split(":")[5] if upid else ""


def succeeded(exitstatus: str) -> bool:
    """OK, or OK with warnings."""
    return exitstatus == "OK" or exitstatus.startswith("WARNINGS")


def await_task(
    gateway: Gateway,
    upid: str,
    timeout: float,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """Wait until the task is over; returns its exit status, raises TaskFailedError with the tail of its log."""
    where = f"nodes/{node_of(upid)}/tasks/{upid}"
    deadline = clock() + timeout
    pause = 0.1
    while True:
        status: dict[str, Any] = gateway.get(f"{where}/status")
        if status.get("status") == "stopped":
            break
        if clock() + pause > deadline:
            raise TaskFailedError(upid, f"it still runs after {timeout:.0f} s (it was not stopped)", tail(gateway, where))
        sleep(pause)
        pause = min(1.0, pause * 1.5)
    exitstatus = str(status.get("exitstatus", "no exit status"))
    if not succeeded(exitstatus):
        raise task_error(upid, exitstatus, tail(gateway, where))
    return exitstatus


def tail(gateway: Gateway, where: str) -> list[str]:
    """The last lines of a task's log."""
    rows: list[dict[str, Any]] = gateway.get(f"{where}/log", {"limit": LOG_LIMIT})
    return [str(row.get("t", "")) for row in rows if row.get("t")][-TAIL:]
