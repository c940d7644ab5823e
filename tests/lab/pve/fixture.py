# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest fixture ``memory_pve``: the lab's API with guests in memory, in a process of its own on a free loopback port.

In a conftest.py: ``from tests.lab.pve.fixture import memory_pve, memory_pve_server  # noqa: F401``.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[3]
START_TIMEOUT = 60.0


class Call(NamedTuple):
    method: str
    path: str  # without /api2/json and query


@dataclass
class MemoryPve:
    """Where the API is, how to log in, what it was asked, and how to make it fail."""

    url: str
    host: str
    port: int
    token_id: str  # "lotse@pve!ci"
    secret: str
    ca_file: Path
    directory: Path
    process: subprocess.Popen[str]
    _mark: int = 0

    @property
    def user(self) -> str:
        return self.token_id.split("!")[0]

    @property
    def token_name(self) -> str:
        return self.token_id.split("!")[1]

    def calls(self) -> list[Call]:
        """The calls since the start of the test or the last ``forget_calls``."""
        log = self.directory / "pve-calls.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return [Call(entry["method"], entry["path"]) for entry in map(json.loads, lines[self._mark :])]

    def forget_calls(self) -> None:
        self._mark = 0
        self._mark = len(self.calls())

    def faults(self, **values: Any) -> None:
        """Ask for faults (see tests/lab/pve/faults.py); without arguments there are none any more."""
        fresh = self.directory / "pve-faults.new"
        fresh.write_text(json.dumps(values))
        fresh.replace(self.directory / "pve-faults.json")

    def state(self) -> dict[str, Any]:
        """The cluster's state as the API keeps it."""
        loaded: dict[str, Any] = json.loads((self.directory / "pve-state.json").read_text())
        return loaded

    def proxmoxer(self, **options: Any) -> Any:
        """A proxmoxer client with the right token."""
        from proxmoxer import ProxmoxAPI

        given = {"user": self.user, "token_name": self.token_name, "token_value": self.secret, **options}
        return ProxmoxAPI(self.host, port=self.port, verify_ssl=str(self.ca_file), timeout=30, **given)


def launch(directory: Path, *options: str, secret: str | None = None) -> MemoryPve:
    """Start the API; the caller stops it with ``shut``."""
    secret = secret or secrets.token_urlsafe(24)
    command = [sys.executable, "-m", "tests.lab.pve", "serve", "--memory", "--record", "--dir", str(directory)]
    process = subprocess.Popen(
        [*command, "--port", "0", *options],
        cwd=ROOT,
        env={**os.environ, "LOTSE_PVE_TOKEN_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=(directory / "stderr.log").open("w"),
        text=True,
    )
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_TIMEOUT)
    line = process.stdout.readline() if readable else ""
    if not line:
        process.kill()
        raise RuntimeError(f"the lab's API did not start: {(directory / 'stderr.log').read_text()[-2000:]}")
    answer = json.loads(line)
    where = urlsplit(answer["url"])
    return MemoryPve(
        url=answer["url"], host=str(where.hostname), port=int(where.port or 0), token_id="lotse@pve!ci", secret=secret,
        ca_file=Path(answer["ca"]), directory=directory, process=process,
    )  # fmt: skip


def shut(pve: MemoryPve) -> None:
    pve.process.terminate()
    try:
        pve.process.wait(10)
    except subprocess.TimeoutExpired:
        pve.process.kill()
        pve.process.wait()


@pytest.fixture(scope="session")
def memory_pve_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryPve]:
    """One process for the whole session."""
    pve = launch(tmp_path_factory.mktemp("pve"))
    yield pve
    shut(pve)


@pytest.fixture
def memory_pve(memory_pve_server: MemoryPve) -> MemoryPve:
    """The API with the untouched cluster, no faults and no calls."""
    reset(memory_pve_server)
    return memory_pve_server


def reset(pve: MemoryPve) -> None:
    """Back to the untouched cluster."""
    pve.faults()
    marker = pve.directory / "pve-state.json"
    before = marker.stat().st_mtime_ns if marker.exists() else 0
    pve.process.send_signal(1)  # SIGHUP: back to the initial state
    deadline = time.monotonic() + START_TIMEOUT
    while not marker.exists() or marker.stat().st_mtime_ns == before:
        if time.monotonic() > deadline:
            raise RuntimeError("the lab's API did not reset")
        time.sleep(0.005)
    pve.forget_calls()
