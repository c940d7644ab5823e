# SPDX-License-Identifier: GPL-3.0-or-later
"""How a key is written anew from what was read of it. Pure; every command here is one that Redis 5 knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .wire import Command, Word

READERS: dict[str, tuple[Word, ...]] = {
    "string": ("GET",),
    "list": ("LRANGE", 0, -1),
    "set": ("SMEMBERS",),
    "hash": ("HGETALL",),
    "zset": ("ZRANGE", 0, -1, "WITHSCORES"),
    "stream": ("XRANGE", "-", "+"),
}
CHUNK = 500  # elements in one command


@dataclass(frozen=True)
class Group:
    """A consumer group of a stream; ``pending`` has id, consumer, idle time in ms, deliveries."""

    name: bytes
    last: bytes
    pending: Sequence[tuple[bytes, bytes, int, int]] = ()


@dataclass(frozen=True)
class Key:
    """A key as it was read. ``ends`` is its expiry in ms since the epoch, -1 for none. ``last`` and ``groups`` are those of a stream."""

    name: bytes
    kind: str
    content: object
    ends: int = -1
    last: bytes = b""
    groups: Sequence[Group] = field(default=())


def reader(name: bytes, kind: str) -> Command:
    """The command that reads a key of this kind."""
    first, *rest = READERS[kind]
    return (first, name, *rest)


def commands(key: Key) -> Iterator[Command]:
    """Replaces whatever is there by the key."""
    yield ("DEL", key.name)
    yield from _WRITERS[key.kind](key)
    if key.ends >= 0:
        yield ("PEXPIREAT", key.name, key.ends)


def _string(key: Key) -> Iterator[Command]:
    assert isinstance(key.content, bytes)  # noqa: S101 - GET gives nothing else
    yield ("SET", key.name, key.content)


def _chunked(key: Key, verb: str, step: int = 1) -> Iterator[Command]:
    elements = key.content
    assert isinstance(elements, list)  # noqa: S101 - the readers give nothing else
    for start in range(0, len(elements), CHUNK * step):
        yield (verb, key.name, *elements[start : start + CHUNK * step])


def _zset(key: Key) -> Iterator[Command]:
    flat = key.content
    assert isinstance(flat, list)  # noqa: S101 - the readers give nothing else
    swapped: list[Word] = []
    for member, score in zip(flat[::2], flat[1::2], strict=True):
        swapped += [score, member]
    yield from _chunked(Key(key.name, key.kind, swapped), "ZADD", 2)


def _stream(key: Key) -> Iterator[Command]:
    entries = key.content
    assert isinstance(entries, list)  # noqa: S101 - XRANGE gives nothing else
    for entry, words in entries:
        yield ("XADD", key.name, entry, *words)
    if not entries:
        yield from _empty_stream(key)
    elif entries[-1][0] != key.last:
        yield ("XSETID", key.name, key.last)
    for group in key.groups:
        yield ("XGROUP", "CREATE", key.name, group.name, group.last)
        for entry, consumer, idle, deliveries in group.pending:
            yield ("XCLAIM", key.name, group.name, consumer, 0, entry, "IDLE", idle, "RETRYCOUNT", deliveries, "FORCE", "JUSTID")


def _empty_stream(key: Key) -> Iterator[Command]:
    """A stream without entries still remembers its last id."""
    if key.last == b"0-0":
        yield ("XGROUP", "CREATE", key.name, "lotse", "0", "MKSTREAM")
        yield ("XGROUP", "DESTROY", key.name, "lotse")
    else:
        yield ("XADD", key.name, key.last, "lotse", "")
        yield ("XDEL", key.name, key.last)


_WRITERS = {
    "string": _string,
    "list": lambda key: _chunked(key, "RPUSH"),
    "set": lambda key: _chunked(key, "SADD"),
    "hash": lambda key: _chunked(key, "HSET", 2),
    "zset": _zset,
    "stream": _stream,
}
