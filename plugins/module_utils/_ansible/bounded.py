# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for what an answer may take of the controller: memory, and processes that wait for a host that hangs."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def memory(mib: int) -> Iterator[None]:
    """Raises MemoryError inside when this process grows by more. Each task has a process of its own. Does nothing where /proc is missing."""
    try:
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = now + mib * 2**20
    if soft != resource.RLIM_INFINITY:
        limit = min(limit, soft)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def no_children_left() -> Iterator[None]:
    """When what is inside does not come to its end (a task's timeout is no ordinary exception), this process' children are ended with it.

    Each task has a process of its own; its children are the connection's.
    """
    whole = False
    try:
        yield
        whole = True
    finally:
        for listed in () if whole else Path("/proc/self/task").glob("*/children"):
            with suppress(OSError):
                for pid in listed.read_text(encoding="ascii").split():
                    os.kill(int(pid), signal.SIGKILL)
