# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody on the network answers at an address, seen from the controller: TCP, and the neighbour table behind it."""

from __future__ import annotations

import errno
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

PORTS = (22, 80)
UNDECIDED = frozenset({"INCOMPLETE", "STALE", "DELAY", "PROBE"})
PATIENCE = 10.0


class Probe(Protocol):
    """Says how an address answers; None if nobody does."""

    def answer(self, address: str) -> str | None: ...


class NetworkProbe:
    """A TCP connection attempt makes the kernel ask for the neighbour, so a host that drops every packet is seen too (on the same link)."""

    def __init__(
        self,
        ports: Sequence[int] = PORTS,
        timeout: float = 1.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ports = ports
        self._timeout = timeout
        self._sleep = sleep
        self._clock = clock

    def answer(self, address: str) -> str | None:
        for port in self._ports:
            said = self._connect(address, port)
            if said:
                return said
        return self._neighbour(address)

    def _connect(self, address: str, port: int) -> str | None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as plug:
            plug.settimeout(self._timeout)
            try:
                plug.connect((address, port))
            except TimeoutError:
                return None
            except OSError as failure:
                return f"port {port} is refused" if failure.errno == errno.ECONNREFUSED else None
            return f"port {port} is open"

    def _neighbour(self, address: str) -> str | None:
        tool = shutil.which("ip")
        if tool is None:
            return None
        deadline = self._clock() + PATIENCE
        while True:
            done = subprocess.run([tool, "-j", "neigh", "show", "to", address], capture_output=True, text=True, check=False, timeout=10)
            rows: list[dict[str, Any]] = json.loads(done.stdout or "[]") if done.returncode == 0 else []
            states = {str(state) for row in rows for state in row.get("state", ())}
            if "REACHABLE" in states:
                return f"a neighbour at {rows[0].get('lladdr', 'an unknown MAC address')} answers ARP"
            if not states & UNDECIDED or self._clock() > deadline:
                return None
            self._sleep(0.3)
