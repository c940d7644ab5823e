# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files mover keeps in its journal for the way back, and what it refuses beforehand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.files.tree import Entry
from ansible_collections.lotse.estate.plugins.module_utils._conduct.hosts import Done
from ansible_collections.lotse.estate.plugins.module_utils._conduct.journal import Journal
from ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.base import Context
from ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.files import FilesMover
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._domain.phases import State

MOVE: dict[str, Any] = {
    "id": "files",
    "kind": "files",
    "service": "files@web1",
    "from": "web1",
    "to": "web-01",
    "parameters": {"paths": ["/srv/app"]},
}
CRON: dict[str, Any] = {
    "id": "cron",
    "kind": "cron",
    "service": "cron@web1",
    "from": "web1",
    "to": "worker-01",
    "parameters": {"paths": ["/srv/app/outbox"]},
}


class Scripted:
    """A host that answers by the first words that are in the script, ``""`` otherwise, and records what it was asked."""

    def __init__(self, name: str, **answers: str) -> None:
        self.name = self.host = name
        self.address, self.answers, self.seen = "10.77.0.12", answers, list[str]()

    async def shell(self, *, errors: str = "replace") -> Scripted:
        return self

    async def run(self, script: str, *, within: float = 10, check: bool = True, data: bytes = b"") -> Done:
        self.seen.append(script)
        return Done(0, next((answer for words, answer in self.answers.items() if words in script), ""))


def mover(tmp_path: Path, source: Scripted, target: Scripted, *, back: bool = False) -> FilesMover:
    old: Any = source
    new: Any = target
    hosts: Any = SimpleNamespace(addresses={})
    plan = {"moves": [MOVE, CRON]}
    return FilesMover(Context(MOVE, plan, old, new, back, "web1-go-1", hosts, Journal(tmp_path, "files", "r"), tmp_path, print))


def cut_times(tmp_path: Path) -> list[dict[str, Any]]:
    return [entry["data"] for entry in Journal(tmp_path, "files", "r").entries if entry["step"] == "cut-time"]


def test_the_moment_of_the_cutover_is_kept_by_both_clocks(tmp_path: Path) -> None:
    one = mover(tmp_path, Scripted("web1"), Scripted("web-01", date="2000.5\n"))
    one._cut_at = 1000.25
    asyncio.run(one.open())
    asyncio.run(one.open())  # it is called again when something after it failed
    assert cut_times(tmp_path) == [{"source_at": 1000.25, "target_at": 2000.5, "token": "web1-go-1", "back": False}]


def test_after_a_crash_the_decision_says_when_it_was(tmp_path: Path) -> None:
    """The controller died between the decision and `open`: another one carries it through, and the way back still needs the moment."""
    mover(tmp_path, Scripted("web1"), Scripted("web-01")).context.journal.observe("cut-time", source_at=1, target_at=2, token="web1-go-0", back=False)
    one = mover(tmp_path, Scripted("web1", stat="1234.5\n"), Scripted("web-01", date="2000.5\n"))

    async def resumed() -> None:
        await one.reopen()
        await one.open()

    asyncio.run(resumed())
    assert cut_times(tmp_path)[-1] == {"source_at": 1234.5, "target_at": 2000.5, "token": "web1-go-1", "back": False}


def test_without_that_moment_nothing_goes_back(tmp_path: Path) -> None:
    one = mover(tmp_path, Scripted("web-01"), Scripted("web1"), back=True)
    with pytest.raises(LotseError, match="does not say when the trees changed sides"):
        asyncio.run(one.replicate())


def test_the_way_back_begins_at_the_last_way_there(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "files", "r")
    journal.observe("cut-time", source_at=1, target_at=2, token="a", back=False)
    journal.observe("cut-time", source_at=3, target_at=4, token="b", back=True)
    with pytest.raises(LotseError, match="does not say"):
        asyncio.run(mover(tmp_path, Scripted("web-01"), Scripted("web1"), back=True).replicate())


@pytest.mark.parametrize(("cron_state", "writes"), [(None, 0), (State.PREPARING, 0), (State.OBSERVING, 2)], ids=["not moved", "moving", "moved"])
def test_what_a_job_writes_that_has_not_moved_is_no_lost_write(tmp_path: Path, cron_state: State | None, writes: int) -> None:
    if cron_state:
        journal = Journal(tmp_path, "cron", "r")
        for state in (State.PREPARING, State.REPLICATING, State.READY, State.CUTTING, State.OBSERVING):
            journal.to(state)
            if state is cron_state:
                break
    one = mover(tmp_path, Scripted("web1"), Scripted("web-01"))

    async def changed(host: Any, since: float, *, within: float = 60) -> list[Entry]:
        return [Entry("f", 1, 5, "/srv/app/outbox/1"), Entry("f", 1, 6, "/srv/app/outbox/2")]

    one.sync.changed = changed  # type: ignore[method-assign]
    seen = asyncio.run(one.observe())
    assert seen["writes"] == writes
    assert ("cron@web1" in seen["evidence"]) == (writes == 0)


GOOD = {
    "-L": "there\n",
    "/proc/mounts": "dev / ext4 rw 0 0\n",
    "%U": "community:1501\n",
    "getent passwd |": "root:0\ncommunity:1501\n",
    "du -": "100\n",
}
FREE = {"df -": "dev 1000000 1 900000 1% /\n"}


@pytest.mark.parametrize(
    ("source", "target", "error"),
    [
        ({"-L": "link\n"}, {}, "/srv/app is a symbolic link"),
        ({"-L": "\n"}, {}, "/srv/app does not exist"),
        ({"command -v": "rsync\n"}, {}, "rsync is missing there"),
        ({"/proc/mounts": "nas:/x /srv/app/uploads nfs rw 0 0\n"}, {}, "another file system is mounted at /srv/app/uploads"),
        ({}, {"getent passwd |": "root:0\ncommunity:1000\n"}, r"community:1501 \(name:id\)"),
        ({"du -": "99000000\n"}, {}, "96679 MiB are to come"),
    ],
)
def test_what_could_not_be_brought_as_a_whole_is_refused(tmp_path: Path, source: dict[str, str], target: dict[str, str], error: str) -> None:
    old, new = (
        Scripted("web1", **{**source, **{k: v for k, v in GOOD.items() if k not in source}}),
        Scripted("web-01", **{**target, **FREE, **GOOD, **target}),
    )
    with pytest.raises(LotseError, match=error):
        asyncio.run(mover(tmp_path, old, new).prepare())


def test_a_whole_tree_passes(tmp_path: Path) -> None:
    asyncio.run(mover(tmp_path, Scripted("web1", **GOOD), Scripted("web-01", **FREE, **GOOD)).prepare())
