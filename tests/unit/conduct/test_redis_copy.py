# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy tool: what is different, how a key is written anew, and that a pass ends with both sides equal, or says that it did not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache import copy
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.copy import compare, compare_again, compare_keys, repair
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.digest import differing, same
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.rebuild import CHUNK, Group, Key, commands, reader
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


@pytest.mark.parametrize(
    ("line", "other", "equal"),
    [
        ("string abc -1", "string abc -1", True),
        ("string abc -1", "string abd -1", False),
        ("string abc -1", "hash abc -1", False),
        ("string abc 1800000000000", "string abc 1800000000200", True),  # two clocks' reading of one end
        ("string abc 1800000000000", "string abc 1800000001000", False),
        ("string abc 1800000000000", "string abc -1", False),
        ("none - -1", "none - -1", True),
        ("none - -1", "string abc -1", False),
        ("module-x unreadable -1", "module-x unreadable -1", False),  # what cannot be read is not proven
    ],
)
def test_two_lines_say_the_same_of_a_key(line: str, other: str, equal: bool) -> None:
    assert same(line, other) is same(other, line) is equal


def test_a_missing_line_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        differing([b"a", b"b"], ["string x -1"], ["string x -1", "string y -1"])


def test_each_kind_is_written_by_its_own_command() -> None:
    keys: dict[str, tuple[object, list[tuple[object, ...]]]] = {
        "string": (b"\x00", [("SET", b"k", b"\x00")]),
        "list": ([b"1", b"2"], [("RPUSH", b"k", b"1", b"2")]),
        "set": ([b"1"], [("SADD", b"k", b"1")]),
        "hash": ([b"f", b"v"], [("HSET", b"k", b"f", b"v")]),
        "zset": ([b"m", b"0.1", b"n", b"-inf"], [("ZADD", b"k", b"0.1", b"m", b"-inf", b"n")]),
    }
    for kind, (content, written) in keys.items():
        assert list(commands(Key(b"k", kind, content))) == [("DEL", b"k"), *written]


def test_an_expiry_is_kept_as_a_moment() -> None:
    assert list(commands(Key(b"k", "string", b"v", 1800000000000)))[-1] == ("PEXPIREAT", b"k", 1800000000000)
    assert not any(command[0] == "PEXPIREAT" for command in commands(Key(b"k", "string", b"v")))


@pytest.mark.parametrize(("kind", "step"), [("list", 1), ("set", 1), ("hash", 2), ("zset", 2)])
def test_large_keys_are_written_in_pieces_that_lose_nothing(kind: str, step: int) -> None:
    content = [b"%d" % number for number in range((2 * CHUNK + 1) * step)]
    pieces = [command[2:] for command in commands(Key(b"k", kind, content)) if command[0] != "DEL"]
    assert [len(piece) for piece in pieces] == [CHUNK * step, CHUNK * step, step]
    assert sorted(word for piece in pieces for word in piece) == sorted(content)


def test_a_stream_keeps_its_last_id_groups_and_what_is_pending() -> None:
    group = Group(b"g", b"5-0", [(b"1-1", b"alice", 900, 3)])
    written = list(commands(Key(b"s", "stream", [[b"1-1", [b"f", b"v"]], [b"5-0", [b"f", b"w"]]], -1, b"9-0", [group])))
    assert written == [
        ("DEL", b"s"),
        ("XADD", b"s", b"1-1", b"f", b"v"),
        ("XADD", b"s", b"5-0", b"f", b"w"),
        ("XSETID", b"s", b"9-0"),
        ("XGROUP", "CREATE", b"s", b"g", b"5-0"),
        ("XCLAIM", b"s", b"g", b"alice", 0, b"1-1", "IDLE", 900, "RETRYCOUNT", 3, "FORCE", "JUSTID"),
    ]


def test_an_empty_stream_stays_a_stream() -> None:
    assert ("XDEL", b"s", b"7-7") in list(commands(Key(b"s", "stream", [], -1, b"7-7")))
    assert ("XGROUP", "CREATE", b"s", "lotse", "0", "MKSTREAM") in list(commands(Key(b"s", "stream", [], -1, b"0-0")))


def test_readers_put_the_key_second() -> None:
    assert reader(b"k", "zset") == ("ZRANGE", b"k", 0, -1, "WITHSCORES")


class Server:
    """A server in memory with strings only, with the commands that the tool sends. ``clumsy`` loses the last write of each transaction."""

    def __init__(self, data: dict[int, dict[bytes, bytes]], clumsy: bool = False) -> None:
        self.host, self.data, self.clumsy = "a server", {database: dict(keys) for database, keys in data.items()}, clumsy
        self.database = 0
        self.sent: list[str] = []

    @property
    def keys(self) -> dict[bytes, bytes]:
        return self.data.setdefault(self.database, {})

    async def databases(self) -> list[int]:
        return sorted(database for database, keys in self.data.items() if keys)

    async def call(self, *words: Any) -> Any:
        return self._do(words)

    async def many(self, commands: Sequence[Sequence[Any]], *, atomic: bool = False) -> list[Any]:
        assert commands, "an empty round trip"
        done = list(commands)[:-1] if self.clumsy and commands[0][0] == "DEL" else list(commands)
        return [self._do(command) for command in done]

    def _do(self, words: Sequence[Any]) -> Any:
        verb, *rest = words
        self.sent.append(str(verb))
        if verb == "SELECT":
            self.database = rest[0]
        elif verb == "SCAN":
            return [b"0", list(self.keys)]
        elif verb == "DBSIZE":
            return len(self.keys)
        elif verb == "EVAL":
            return "\n".join(self._line(name) for name in rest[2:]).encode()
        elif verb == "TYPE":
            return b"string" if rest[0] in self.keys else b"none"
        elif verb == "GET":
            return self.keys.get(rest[0])
        elif verb == "PEXPIRETIME":
            return -1 if rest[0] in self.keys else -2
        elif verb == "DEL":
            self.keys.pop(rest[0], None)
        elif verb == "SET":
            self.keys[rest[0]] = rest[1]
        else:
            raise AssertionError(f"the tool sent {verb}")
        return b"OK"

    def _line(self, name: bytes) -> str:
        return f"string {self.keys[name].hex() or '0'} -1" if name in self.keys else "none - -1"

    @property
    def content(self) -> dict[int, dict[bytes, bytes]]:
        return {database: keys for database, keys in self.data.items() if keys}


NEW = {0: {b"same": b"1", b"changed": b"new", b"fresh": b"", b"\x00\n": b"bytes"}, 3: {b"other": b"1"}}
OLD = {0: {b"same": b"1", b"changed": b"old", b"gone": b"1"}, 5: {b"stale": b"1"}}


@pytest.fixture
def sides() -> tuple[Any, Any]:
    return Server(NEW), Server(OLD)


def test_a_pass_makes_both_sides_equal_in_every_database(sides: tuple[Any, Any]) -> None:
    source, target = sides

    async def story() -> None:
        found = await compare(source, target)
        changed = {database: sorted(names) for database, names in found.changed.items() if names}
        assert changed == {0: [b"\x00\n", b"changed", b"fresh"], 3: [b"other"]}
        assert {database: names for database, names in found.extra.items() if names} == {0: [b"gone"], 5: [b"stale"]}
        await repair(source, target, found)
        assert (await compare_again(source, target, found)).size == 0
        assert (await compare(source, target)).size == 0

    asyncio.run(story())
    assert target.content == NEW
    assert source.content == NEW, "the source is only read"


def test_equal_sides_are_not_written_to() -> None:
    source, target = Server(NEW), Server(NEW)

    async def story() -> None:
        found = await compare(source, target)  # type: ignore[arg-type]
        assert (found.size, found.keys) == (0, 5)
        await repair(source, target, found)  # type: ignore[arg-type]

    asyncio.run(story())
    assert not {"SET", "DEL"} & set(target.sent)


def test_many_keys_go_in_batches() -> None:
    names = {b"key:%d" % number: b"%d" % number for number in range(3 * copy.BATCH + 1)}
    source, target = Server({0: names}), Server({})

    async def story() -> None:
        await repair(source, target, await compare(source, target))  # type: ignore[arg-type]

    asyncio.run(story())
    assert target.content == {0: names}
    assert source.sent.count("EVAL") == 4


def test_a_write_that_was_lost_is_found_by_the_second_look(sides: tuple[Any, Any]) -> None:
    source, _ = sides
    target: Any = Server(OLD, clumsy=True)

    async def story() -> int:
        found = await compare(source, target)
        await repair(source, target, found)
        return (await compare_again(source, target, found)).size

    assert asyncio.run(story()) > 0


def test_a_key_that_only_one_side_has_is_found_by_counting(sides: tuple[Any, Any]) -> None:
    source, target = sides

    async def story() -> Any:
        found = await compare(source, target)
        await repair(source, target, found)
        target.data[0][b"stray"] = b"1"
        return (await compare_again(source, target, found)).extra[0]

    assert asyncio.run(story()) == [b"stray"]


def test_behind_the_fence_only_named_keys_are_looked_at(sides: tuple[Any, Any]) -> None:
    source, target = sides

    async def story() -> None:
        before = await compare(source, target)
        await repair(source, target, before)
        source.data[0] |= {b"changed": b"newer"}
        source.data[0].pop(b"same")
        found = await compare_keys(source, target, {b"changed", b"same", b"never there"}, before)
        assert sorted(found.changed[0]) == [b"changed", b"same"]
        await repair(source, target, found)
        assert (await compare_again(source, target, found)).size == 0

    asyncio.run(story())
    assert target.content == source.content


def test_a_kind_that_cannot_be_copied_is_named() -> None:
    source, target = Server({0: {b"k": b"1"}}), Server({})
    plain = source._do
    source._do = lambda words: b"ReJSON-RL" if words[0] == "TYPE" else plain(words)  # type: ignore[method-assign]

    async def story() -> None:
        await repair(source, target, await compare(source, target))  # type: ignore[arg-type]

    with pytest.raises(LotseError, match="ReJSON-RL cannot be copied"):
        asyncio.run(story())
    assert target.content == {}
