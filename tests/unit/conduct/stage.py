# SPDX-License-Identifier: GPL-3.0-or-later
"""A stage for the conductor without a network: hosts are real shells of this machine, movers and the edge keep a log of what was done.

The dead-man's scripts, the decisions and the journals are the real ones.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._conduct.conductor import Conductor
from ansible_collections.lotse.estate.plugins.module_utils._conduct.hosts import Access, Done, RemoteError
from ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.base import Mover
from ansible_collections.lotse.estate.plugins.module_utils._conduct.section import Limits
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


class ControllerDiedError(BaseException):
    """SIGKILL, as far as a test in one process can have it: nothing catches it, nothing is cleaned up."""


class LocalShell:
    """What ``hosts.Shell`` is, on this machine."""

    host = "here"

    async def run(self, script: str, *, within: float = 10, check: bool = True) -> Done:
        done = await asyncio.to_thread(subprocess.run, ["sh", "-c", script], capture_output=True, text=True, timeout=within, check=False)
        if check and done.returncode:
            raise RemoteError(f"failed ({done.returncode}): {done.stderr}", script[:60])
        return Done(done.returncode, done.stdout, done.stderr)


class LocalHost(LocalShell):
    def __init__(self, name: str, address: str) -> None:
        self.name, self.address = name, address

    async def shell(self) -> LocalShell:
        return LocalShell()

    async def run(self, script: str, *, data: bytes = b"", within: float = 60, check: bool = True) -> Done:
        return await super().run(script, within=within, check=check)


class LocalHosts:
    def __init__(self, addresses: Mapping[str, str], access: Access) -> None:
        self.addresses = addresses

    async def get(self, name: str) -> LocalHost:
        return LocalHost(name, self.addresses[name])

    async def close(self) -> None:
        return


@dataclass
class World:
    """The truth: which side takes writes, where requests go, and what happened in which order."""

    folder: Path
    log: list[str] = field(default_factory=list)
    fail_at: str = ""
    failures: int = 1000
    kill_at: str = ""
    healthy: bool = True

    def happen(self, what: str) -> None:
        if what == self.kill_at:
            raise ControllerDiedError(what)
        if what == self.fail_at and self.failures > 0:
            self.failures -= 1
            raise LotseError(f"{what} does not work")
        self.log.append(what)

    def writes(self, side: str) -> bool:
        """A file for each side that is closed for writing, so that the dead-man's shell script can open it."""
        return not (self.folder / f"closed-{side}").exists()

    def close(self, side: str) -> None:
        (self.folder / f"closed-{side}").touch()

    def open(self, side: str) -> None:
        (self.folder / f"closed-{side}").unlink(missing_ok=True)


class FakeMover(Mover):
    world: World

    @property
    def _name(self) -> str:
        return str(self.context.move["id"])

    def _happen(self, what: str) -> None:
        self.world.happen(f"{self._name}.{what}")

    async def prepare(self) -> None:
        self._happen("prepare")

    async def replicate(self) -> None:
        self._happen("replicate")

    async def gate(self) -> dict[str, Any]:
        self._happen("gate")
        return {"lag": 0}

    async def reopen(self) -> None:
        self._happen("reopen")

    def lift_script(self) -> str:
        return f"rm -f {self.world.folder}/closed-{self.context.source.name}"

    def forward_script(self) -> str:
        return f"touch {self.world.folder}/forwarded-{self.context.source.name}"

    async def fence(self) -> None:
        self.world.close(self.context.source.name)
        self._happen("fence")

    async def catch_up(self) -> dict[str, Any]:
        self._happen("catch_up")
        return {"position": "0-13-7"}

    async def open(self) -> None:
        self._happen("open")
        self.world.open(self.context.target.name)

    async def route(self) -> None:
        self._happen("route")

    async def lift(self) -> None:
        self._happen("lift")
        self.world.open(self.context.source.name)

    async def settle(self) -> None:
        self._happen("settle")

    async def observe(self) -> dict[str, Any]:
        self._happen("observe")
        return {"healthy": self.world.healthy, "evidence": "looked", "writes": 0}

    async def finish(self) -> None:
        self._happen("finish")

    async def abandon(self) -> None:
        self._happen("abandon")


class FakeBoard:
    """The edge: what it points at, in the world's log."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.host = LocalHost("edge-01", "10.77.0.101")

    async def open(self) -> None:
        return

    async def targets(self) -> dict[Any, Any]:
        return {"be_web/web1": ("10.77.0.12", 80)}

    async def recorded(self) -> dict[Any, Any]:
        return await self.targets()

    async def hold(self) -> None:
        self.world.happen("edge.hold")

    async def drained(self, within: float) -> float:
        self.world.happen("edge.drained")
        return 0.0

    async def point(self, targets: Mapping[Any, Any]) -> None:
        self.world.happen("edge.release")

    async def persist(self) -> None:
        return

    async def arm(self, token: str, seconds: float, targets: Mapping[Any, Any]) -> None:
        return


PLAN: dict[str, Any] = {
    "legacy": {"db1": {"address": "10.77.0.13"}, "web1": {"address": "10.77.0.12"}},
    "guests": [
        {"name": "db-01", "address": "10.77.0.103/24"},
        {"name": "web-01", "address": "10.77.0.102/24"},
        {"name": "edge-01", "address": "10.77.0.101/24"},
    ],
    "edge": {"guest": "edge-01", "backends": [{"name": "be_web", "server": "web1"}]},
    "waves": [{"number": 1, "moves": ["mariadb"]}, {"number": 2, "moves": ["files", "http"]}],
    "moves": [
        {"id": "mariadb", "kind": "fake", "from": "db1", "to": "db-01", "section": "mariadb", "parameters": {}},
        {"id": "files", "kind": "fake", "from": "web1", "to": "web-01", "section": "web1", "parameters": {}},
        {"id": "http", "kind": "fake", "from": "web1", "to": "web-01", "section": "web1", "parameters": {}},
    ],
    "concerns": [],
}


def conductor(world: World, estate: Path, plan: Mapping[str, Any] = PLAN, **limits: float) -> Conductor:
    mover = type("WorldMover", (FakeMover,), {"world": world})
    for guest in ("db-01", "web-01"):
        if not (world.folder / "begun").exists():
            world.close(guest)
    (world.folder / "begun").touch()
    times = {"dead_man": 1.2, "margin": 0.1, "hold": 0.9, "drain": 0.5, "observe": 0.0, **limits}
    return Conductor(
        plan=plan,
        estate_dir=estate,
        access=Access("root", Path("/nowhere"), ()),
        limits=Limits(**times),
        movers={"fake": mover},
        say=lambda _text: None,
        drill=lambda point: world.happen(f"drill.{point}"),
        connect=LocalHosts,  # type: ignore[arg-type]
        board=lambda _host, _backends: FakeBoard(world),  # type: ignore[arg-type, return-value]
    )
