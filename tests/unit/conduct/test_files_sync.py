# SPDX-License-Identifier: GPL-3.0-or-later
"""Short passes over two real trees of this machine. Only rsync is replaced: by a courier that copies exactly the names it is given."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.files.courier import Pass
from ansible_collections.lotse.estate.plugins.module_utils._conduct.files.sync import Rule, TreeSync
from ansible_collections.lotse.estate.plugins.module_utils._conduct.hosts import Done, RemoteError
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

PATH = "/srv/app"
TICK = 0.05


class Rooted:
    """A host whose /srv is a folder of the test."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.root = name, root
        self.connection = SimpleNamespace(run=self._run_bytes)
        self.clock_is_off_by = 0.0
        (root / "srv/app").mkdir(parents=True)

    async def shell(self, *, errors: str = "replace") -> Rooted:
        assert errors == "surrogateescape", "names that are not UTF-8 would be lost"
        return self

    async def run(self, script: str, *, data: bytes = b"", within: float = 10, check: bool = True) -> Done:
        done = self._sh(script, data)
        out = done.stdout.decode("utf-8", "surrogateescape").replace(f"{self.root}/srv", "/srv")
        if self.clock_is_off_by and script.startswith("date"):
            first, _, rest = out.partition("\n")
            out = f"{float(first) + self.clock_is_off_by}\n{rest}"
        if check and done.returncode:
            raise RemoteError(done.stderr.decode(), script)
        return Done(done.returncode, out)

    async def _run_bytes(self, script: str, *, encoding: None, check: bool) -> Any:
        done = self._sh(script, b"")
        return SimpleNamespace(exit_status=done.returncode, stdout=done.stdout)

    def _sh(self, script: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["sh", "-c", script.replace("/srv", f"{self.root}/srv")], input=data, capture_output=True, check=False)

    def path(self, name: str) -> Path:
        return self.root / "srv/app" / name

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text, encoding="utf-8")

    def names(self) -> dict[str, str]:
        top = self.root / "srv/app"
        return {str(path.relative_to(top)): path.read_text(encoding="utf-8", errors="replace") for path in top.rglob("*") if path.is_file()}


class Copier:
    """Brings names as rsync would with --files-from and --ignore-times: a directory is made, but not what is in it."""

    def __init__(self, source: Rooted, target: Rooted) -> None:
        self.source, self.target = source, target
        self.brought: list[str] = []
        self.damage = False
        self.loses = ""

    async def wait(self, *, back: bool, newer_only: bool = False) -> Copier:
        return self

    def leave(self) -> None:
        return

    async def bring(self, names: Sequence[str], *, within: float) -> Pass:
        for name in (name for name in names if name != self.loses):
            there, here = (host.root / name.lstrip("/") for host in (self.source, self.target))
            if there.is_dir():
                here.mkdir(exist_ok=True)
            elif there.exists():
                shutil.copy2(there, here)
                if self.damage:
                    here.write_bytes(b"x" * there.stat().st_size)
        self.brought = list(names)
        return Pass(0, len(names), vanished=False)

    async def carry(self, paths: Sequence[str], *, back: bool, leave_out: Sequence[str] = (), delete: bool = True) -> Pass:
        left = {name.removeprefix(f"{PATH}/") for name in leave_out}
        shutil.copytree(
            self.source.path("."),
            self.target.path("."),
            dirs_exist_ok=True,
            ignore=lambda folder, names: [name for name in names if os.path.relpath(f"{folder}/{name}", self.source.path(".")) in left],
        )
        return Pass(0, 0, vanished=False)


class Pair:
    def __init__(self, tmp_path: Path, *, back: bool = False, rules: Sequence[Rule] = ()) -> None:
        self.source, self.target = Rooted("source", tmp_path / "a"), Rooted("target", tmp_path / "b")
        self.courier = Copier(self.source, self.target)
        source: Any = self.source
        target: Any = self.target
        courier: Any = self.courier
        self.sync = TreeSync(source, target, courier, [PATH], rules, back=back)

    def short(self, *, prove: bool = True) -> Any:
        async def both() -> Any:
            await self.sync.ready()
            return await self.sync.short(within=10, prove=prove)

        return asyncio.run(both())

    def equal_at(self, change: Callable[[], object] = lambda: None) -> None:
        """The trees are equal; then, a moment later, something changes."""
        asyncio.run(self.sync.whole())
        time.sleep(TICK)
        change()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    made = Pair(tmp_path)
    for number in range(5):
        made.source.write(f"{number}/file", f"text {number}")
    return made


def test_what_is_new_changed_and_removed_is_brought(pair: Pair) -> None:
    pair.equal_at()
    pair.source.write("0/file", "other 0")
    pair.source.write("new/deep/file", "new")
    pair.source.path("1/file").unlink()
    shutil.rmtree(pair.source.path("2"))
    brought = pair.short()
    assert pair.target.names() == pair.source.names()
    assert not pair.target.path("2").exists()
    assert brought.removed == 3


def test_a_directory_that_was_moved_here_comes_with_what_is_in_it(pair: Pair, tmp_path: Path) -> None:
    """Its files' inodes did not change: only their parent tells."""
    outside = tmp_path / "a/srv/elsewhere"
    (outside / "sub").mkdir(parents=True)
    (outside / "sub/file").write_text("old inode", encoding="utf-8")
    time.sleep(1.2)  # older than the margin
    pair.equal_at()
    outside.rename(pair.source.path("moved"))
    pair.short()
    assert pair.target.names() == pair.source.names()


def test_same_size_and_time_does_not_hide_a_change(pair: Pair) -> None:
    pair.equal_at()
    at = pair.source.path("0/file").stat().st_mtime_ns
    pair.source.write("0/file", "TEXT 0")
    os.utime(pair.source.path("0/file"), ns=(at, at))
    assert pair.short().hashed >= 1
    assert pair.target.path("0/file").read_text(encoding="utf-8") == "TEXT 0"


def test_a_change_between_two_whole_passes_is_not_forgotten(pair: Pair) -> None:
    """The second pass, which compares size and time, may take it for the same: the short one looks since the first."""
    asyncio.run(pair.sync.whole())
    pair.source.write("0/file", "TEXT 0")
    shutil.copy2(pair.source.path("0/file"), pair.source.path("0/file.bak"))
    asyncio.run(pair.sync.whole())
    pair.short()
    assert f"{PATH}/0/file" in pair.courier.brought


def test_a_name_that_is_not_utf8_is_brought(pair: Pair) -> None:
    pair.equal_at(lambda: Path(os.fsdecode(bytes(pair.source.path("0")) + b"/\xff\xfe")).write_text("odd", encoding="utf-8"))
    pair.short()
    assert Path(os.fsdecode(bytes(pair.target.path("0")) + b"/\xff\xfe")).read_text(encoding="utf-8") == "odd"


def test_a_file_that_arrives_damaged_is_refused(pair: Pair) -> None:
    pair.equal_at(lambda: pair.source.write("0/file", "TEXT 0"))
    pair.courier.damage = True
    with pytest.raises(RemoteError, match="a file differs"):
        pair.short()


def test_a_target_that_somebody_else_writes_to_is_refused(pair: Pair) -> None:
    time.sleep(1.2)  # older than the margin: a directory that changed would be compared, and the stranger removed
    pair.equal_at(lambda: pair.target.write("3/stranger", "not from the source"))
    with pytest.raises(RemoteError, match="the trees differ"):
        pair.short()


def test_a_stranger_that_comes_between_proof_and_cutover_goes(pair: Pair) -> None:
    """The last probes of a web server leave session files on the guest, after the files were proven equal."""
    time.sleep(1.2)
    pair.equal_at()
    pair.short()
    time.sleep(TICK)
    pair.target.write("3/session", "of a probe")
    pair.target.write("4/file", "TEXT 4")
    pair.short()
    assert pair.target.names() == pair.source.names()


def test_the_second_proof_compares_names_where_something_changed(pair: Pair) -> None:
    pair.equal_at()
    pair.short()
    pair.source.write("0/new", "arrives")
    pair.short()
    pair.source.write("0/lost", "rsync says it brought it")
    pair.courier.loses = f"{PATH}/0/lost"
    with pytest.raises(RemoteError, match=r"a file differs|the trees differ|No such file"):
        pair.short()


def test_a_clock_that_was_set_is_noticed(pair: Pair) -> None:
    pair.equal_at()
    pair.source.clock_is_off_by = -30
    with pytest.raises(LotseError, match="clock was set"):
        pair.short()


def test_a_short_pass_needs_a_whole_one(pair: Pair) -> None:
    with pytest.raises(RuntimeError, match="whole"):
        pair.short()


RULE = Rule(f"{PATH}/config.php", {"10.77.0.13": "10.77.0.103"})


def test_a_rewritten_file_is_never_flipped_back(tmp_path: Path) -> None:
    pair = Pair(tmp_path, rules=[RULE])
    pair.source.write("config.php", "host 10.77.0.13")
    pair.source.path("config.php").chmod(0o640)
    pair.equal_at()
    assert pair.target.names()["config.php"] == "host 10.77.0.103"
    assert pair.target.path("config.php").stat().st_mode & 0o777 == 0o640
    pair.source.write("config.php", "host 10.77.0.13, port 1")
    pair.short()
    assert pair.target.names()["config.php"] == "host 10.77.0.103, port 1"


# --------------------------------------------------------------- the way back


@pytest.fixture
def back(tmp_path: Path) -> Pair:
    """The guest (source) was made equal to the legacy host (target) and has served since."""
    made = Pair(tmp_path, back=True, rules=[RULE])
    for host in (made.source, made.target):
        for number in range(5):
            host.write(f"{number}/file", f"text {number}")
    made.source.write("config.php", "host 10.77.0.103")
    made.target.write("config.php", "host 10.77.0.13")
    time.sleep(TICK)
    now = time.time()
    asyncio.run(made.sync.since(now, now))
    time.sleep(TICK)
    return made


def test_what_the_guest_has_written_and_removed_goes_back(back: Pair) -> None:
    back.source.write("0/file", "from the guest")
    back.source.path("1/file").unlink()
    back.short(prove=False)
    assert back.target.names() == {**back.source.names(), "config.php": "host 10.77.0.13"}


def test_what_jobs_on_the_legacy_host_have_written_stays(back: Pair) -> None:
    back.target.write("outbox/digest", "by cron")
    back.target.write("2/log", "by cron")
    back.target.write("3/file", "by cron")
    back.source.write("2/upload", "from the guest")
    back.source.write("outbox/note", "from the guest")
    back.short(prove=False)
    seen = back.target.names()
    assert (seen["outbox/digest"], seen["2/log"], seen["3/file"]) == ("by cron",) * 3
    assert (seen["2/upload"], seen["outbox/note"]) == ("from the guest",) * 2


def test_what_was_brought_back_and_is_removed_again_goes(back: Pair) -> None:
    back.source.write("0/upload", "regretted")
    back.short(prove=False)
    assert "0/upload" in back.target.names()
    time.sleep(TICK)
    back.source.path("0/upload").unlink()
    back.short(prove=False)
    assert "0/upload" not in back.target.names()


def test_the_proof_allows_for_exactly_what_was_there_more(back: Pair) -> None:
    back.target.write("outbox/digest", "by cron")
    asyncio.run(back.sync.measure_extra())
    back.target.write("outbox/second", "by cron, before anything was proven")
    back.source.write("0/upload", "from the guest")
    with pytest.raises(RemoteError, match="the trees differ"):
        back.short(prove=True)


def test_once_proven_a_job_may_write_on_the_legacy_host(back: Pair) -> None:
    asyncio.run(back.sync.measure_extra())
    back.short(prove=True)
    back.target.write("0/log", "by cron, in the middle of the cutover")
    back.source.write("0/upload", "from the guest")
    back.short(prove=True)
    assert {"0/log", "0/upload"} <= set(back.target.names())


def test_a_rewritten_file_goes_back_only_when_the_guest_changed_it(back: Pair) -> None:
    back.source.write("config.php", "host 10.77.0.103")
    back.short(prove=False)
    assert back.target.names()["config.php"] == "host 10.77.0.13"
    time.sleep(TICK)
    back.source.write("config.php", "host 10.77.0.103, debug")
    back.short(prove=False)
    assert back.target.names()["config.php"] == "host 10.77.0.13, debug"
