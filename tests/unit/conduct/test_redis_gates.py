# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps one cache from handing over to another, what is written behind our back, and the scripts on the hosts."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache import scripts
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.gates import Facts, refuse
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.track import INVALIDATE, MARKS, Tracker
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.wire import CacheError
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

TARGET = "10.77.0.104"
INFO = {"role": "master", "redis_version": "6.0.16", "used_memory": "3000000", "cluster_enabled": "0"}
SETTINGS = {"databases": "16", "maxmemory": "0", "min-replicas-to-write": "0", "min-replicas-max-lag": "10"}
VALKEY = {"role": "slave", "redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "8.1.1", "used_memory": "900000"}


def check(info: dict[str, str] | None = None, settings: dict[str, str] | None = None, new: dict[str, str] | None = None, **changes: Any) -> None:
    old = Facts("cache1", {**INFO, **(info or {})}, {**SETTINGS, **(settings or {})}, changes.get("modules", ()), changes.get("password"))
    guest = Facts("cache-01", {**VALKEY, **changes.get("new_info", {})}, {**SETTINGS, **(new or {})}, (), changes.get("new_password"))
    refuse(old, guest, TARGET, back=False)


def test_a_sound_pair_may() -> None:
    check()
    check({"slave0": f"ip={TARGET},port=6379,state=online,offset=70,lag=0"})
    check(password="x", new_password="x")  # nothing but test data


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"info": {"role": "slave", "master_host": "10.77.0.99"}}, r"follows 10\.77\.0\.99"),
    ({"info": {"cluster_enabled": "1"}}, "cluster"),
    ({"modules": ["ReJSON"]}, "ReJSON"),
    ({"settings": {"min-replicas-to-write": "1"}}, "min-replicas-to-write is 1"),
    ({"settings": {"min-replicas-max-lag": "0"}}, "nothing could stop writes"),
    ({"info": {"slave0": "ip=10.77.0.99,port=6379,state=online"}}, r"other servers follow it: 10\.77\.0\.99"),
    ({"settings": {"databases": "32"}}, "16 databases, the source 32"),
    ({"new": {"maxmemory": "3000000"}}, "too small for 3000000 bytes"),
    ({"password": "x"}, "does not ask for the password"),
    ({"info": {"redis_version": "7.4.1"}}, r"cannot read the data of Redis 7\.4\.1"),
    ({"new_info": {"server_name": "redis", "valkey_version": "", "redis_version": "5.0.14"}}, r"cannot read the data of Redis 6\.0\.16"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_one_wrong_fact_is_one_error(change: dict[str, Any], message: str) -> None:
    with pytest.raises(LotseError, match=message) as caught:
        check(**change)
    assert "x" not in str(caught.value).split()  # never the password


def test_the_way_back_needs_a_server_that_tells_moments() -> None:
    old, new = Facts("cache1", INFO, SETTINGS), Facts("cache-01", {**VALKEY, "role": "master"}, SETTINGS)
    refuse(new, old, "10.77.0.14", back=True)
    with pytest.raises(LotseError, match="does not tell when a key expires"):
        refuse(Facts("cache-01", INFO, SETTINGS), old, "10.77.0.14", back=True)


class Source:
    """The data connection: its counters, and marks that come back to the listener."""

    def __init__(self) -> None:
        self.stats: dict[str, str] = {}
        self.messages: asyncio.Queue[list[Any] | None] = asyncio.Queue()

    async def info(self, _section: str) -> dict[str, str]:
        return self.stats

    async def call(self, *words: Any) -> Any:
        if words[0] == "PUBLISH":
            await self.messages.put([b"message", MARKS, b""])
        return b"OK"

    async def message(self) -> list[Any]:
        message = await self.messages.get()
        if message is None:
            raise CacheError("the connection ended")
        return message

    def close(self) -> None:
        return

    def wrote(self, *names: bytes) -> None:
        self.messages.put_nowait([b"message", INVALIDATE, list(names)])


async def track(*events: Any, stats: dict[str, str] | None = None) -> set[bytes] | None:
    source = Source()
    tracker = Tracker(source, source, 7, 0)  # type: ignore[arg-type]
    for event in events:
        event(source)
    source.stats = stats or {}
    try:
        return await asyncio.wait_for(tracker.written(), 5)
    finally:
        await tracker.stop()


def test_written_keys_are_known_up_to_the_question() -> None:
    assert asyncio.run(track(lambda s: s.wrote(b"a", b"b"), lambda s: s.wrote(b"b", b"c"))) == {b"a", b"b", b"c"}
    assert asyncio.run(track()) == set()


@pytest.mark.parametrize(
    ("event", "stats"),
    [
        (lambda s: s.messages.put_nowait([b"message", INVALIDATE, None]), {}),  # everything was flushed
        (lambda s: s.messages.put_nowait(None), {}),  # the connection ended: who knows what was missed
        (lambda _s: None, {"cmdstat_swapdb": "calls=1,usec=3"}),  # databases changed places
    ],
)
def test_when_it_cannot_know_it_says_so(event: Any, stats: dict[str, str]) -> None:
    assert asyncio.run(track(lambda s: s.wrote(b"a"), event, stats=stats)) is None


CLIENT = r"""#!/bin/sh
echo "$*" >> "$STATE/log"
case "$*" in
  "INFO server") printf 'redis_version:6.0.16\r\nconfig_file:%s/redis.conf\r\n' "$STATE" ;;
  *GET*lotse:decided*) cat "$STATE/mark" 2>/dev/null ;;
  *"SET lotse:decided"*) echo commit > "$STATE/mark" ;;
esac
"""
CONFIGURATION = "bind 0.0.0.0\ninclude /etc/redis/community.conf\n"


class Host:
    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "redis.conf"
        (folder / "bin").mkdir()
        for name, text in (("redis-cli", CLIENT), ("nft", '#!/bin/sh\ncat >> "$STATE/log"\n'), ("sleep", "#!/bin/sh\n")):
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(0o755)
        self.file.write_text(CONFIGURATION)

    def run(self, script: str) -> int:
        environment = {"PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "STATE": str(self.folder)}
        return subprocess.run(["sh", "-c", script], env=environment, capture_output=True, timeout=30, check=False).returncode

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(scripts, "SERVING", str(tmp_path / "lotse" / "serving"))
    monkeypatch.setattr(scripts, "FOLDER", str(tmp_path / "run"))
    return Host(tmp_path)


def test_the_fence_comes_last_in_the_configuration_and_leaves_without_a_trace(host: Host) -> None:
    assert host.run(scripts.raise_fence(6379, str(host.file))) == 0
    assert host.file.read_text().startswith(CONFIGURATION)
    assert "\nmin-replicas-to-write 99\n" in host.file.read_text()
    assert host.run(scripts.raise_fence(6379, str(host.file))) == 0  # once more, after a crash
    for _ in range(2):
        assert host.run(scripts.lift_fence(6379)) == 0
        assert host.file.read_text() == CONFIGURATION
    assert "CONFIG SET min-replicas-to-write 0" in host.log


def test_a_server_without_a_file_is_fenced_at_run_time_only(host: Host) -> None:
    assert host.run(scripts.raise_fence(6379, "")) == 0
    assert host.file.read_text() == CONFIGURATION


def test_the_timers_carry_a_commit_through_from_side_to_side(host: Host) -> None:
    """The fenced side's timer tells the new side, whose own timer then makes it last."""
    opener = scripts.open_if_committed("redis-go-1", 6379, guest=True)
    assert host.run(opener) == 0
    assert not Path(scripts.SERVING).exists(), "nobody has told it yet"
    assert host.run(scripts.carry_through("redis-go-1", 6379, TARGET)) == 0
    assert f"-h {TARGET} -p 6379 REPLICAOF NO ONE" in host.log
    assert f"dnat to {TARGET}:6379" in host.log
    assert host.run(opener) == 0
    assert Path(scripts.SERVING).read_text() == "redis-go-1\n"


def test_a_side_that_was_opened_by_the_conductor_is_left_alone(host: Host) -> None:
    (host.folder / "run").mkdir()
    assert host.run(scripts.serve("redis-back-1", guest=False)) == 0
    assert host.run(scripts.open_if_committed("redis-back-1", 6379, guest=False)) == 0
    assert "CONFIG SET" not in host.log
    assert not Path(scripts.SERVING).exists()
