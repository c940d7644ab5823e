# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that both sides meet: the lab's API in a process of its own, guests in memory, 10 ms for each answer."""

from __future__ import annotations

import http.client
import json
import ssl
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.pve.fixture import MemoryPve, launch, shut

LATENCY_MS = 10
TASK_SECONDS = 1.0


@contextmanager
def serving(state: dict[str, Any] | None = None, *, latency_ms: int = LATENCY_MS, task_seconds: float = 0) -> Iterator[MemoryPve]:
    """The API with this state. Without ``task_seconds`` tasks are over when their call is answered."""
    with tempfile.TemporaryDirectory(prefix="lotse-bench-") as name:
        directory = Path(name)
        if state is not None:
            (directory / "pve-state.json").write_text(json.dumps(state))
        options = ("--time-scale", "1", "--task-seconds", str(task_seconds)) if task_seconds else ()
        pve = launch(directory, *options)
        try:
            pve.faults(latency_ms=latency_ms)
            yield pve
        finally:
            shut(pve)


class Line:
    """One connection that is kept open; what a client cannot do without."""

    def __init__(self, pve: MemoryPve) -> None:
        context = ssl.create_default_context(cafile=str(pve.ca_file))
        self._connection = http.client.HTTPSConnection(pve.host, pve.port, context=context)
        self._headers = {"Authorization": f"PVEAPIToken={pve.token_id}={pve.secret}"}

    def get(self, path: str) -> Any:
        self._connection.request("GET", f"/api2/json/{path}", headers=self._headers)
        return json.loads(self._connection.getresponse().read())["data"]


def seconds_of(pve: MemoryPve, path: str, times: int = 20) -> float:
    """The median time in which this call is answered over a connection that is open already, its JSON parsed."""
    line = Line(pve)
    line.get("version")
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        line.get(path)
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)
