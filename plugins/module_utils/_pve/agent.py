# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest agent of one running guest, through the API."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from .errors import ApiError, PveError
from .gateway import NOTHING, Gateway, Values


class Agent:
    """Questions to a guest, and programs run in it, over the authenticated TLS connection to the API."""

    def __init__(self, gateway: Gateway, node: str, vmid: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._gateway = gateway
        self._path = f"nodes/{node}/qemu/{vmid}/agent"
        self._sleep = sleep

    def _ask(self, command: str, params: Values = NOTHING) -> Any:
        return self._gateway.get(f"{self._path}/{command}", params)

    def ping(self) -> None:
        """Raises ApiError while the agent does not run."""
        self._gateway.post(f"{self._path}/ping", repeatable=True)

    def interfaces(self) -> list[tuple[str, list[str]]]:
        """Every network interface as (MAC address in lower case, addresses with their prefix: ``10.77.0.101/24``)."""
        rows: list[dict[str, Any]] = self._ask("network-get-interfaces")["result"]
        return [
            (
                str(row.get("hardware-address") or "").lower(),
                [f"{entry['ip-address']}/{entry['prefix']}" for entry in row.get("ip-addresses") or ()],
            )
            for row in rows
        ]

    def read(self, path: str) -> str | None:
        """A text file's content; None if there is none."""
        try:
            return str(self._ask("file-read", {"file": path})["content"])
        except ApiError as failure:
            if "No such file" in failure.message:
                return None
            raise

    def write(self, path: str, content: str) -> None:
        """Replaces a file's content; its mode stays if it exists."""
        self._gateway.post(f"{self._path}/file-write", {"file": path, "content": content}, repeatable=True)

    def run(self, argv: Sequence[str], timeout: float = 60) -> str:
        """Runs a program that may run twice; returns what it prints. Raises PveError if it fails."""
        pid = self._gateway.post(f"{self._path}/exec", {"command": list(argv)}, repeatable=True)["pid"]
        waited, pause = 0.0, 0.1
        while True:
            status = self._ask("exec-status", {"pid": pid})
            if int(status.get("exited", 0)):
                break
            if waited > timeout:
                raise PveError(f"{argv[0]} still runs in the guest after {timeout:.0f} s")
            self._sleep(pause)
            waited += pause
            pause = min(1.0, pause * 1.5)
        if int(status.get("exitcode", 1)):
            why = str(status.get("err-data") or status.get("out-data") or "").strip()
            raise PveError(f"{argv[0]} ended with {status.get('exitcode', 'a signal')} in the guest: {why}")
        return str(status.get("out-data", ""))
