# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes one server's keys equal to another's, where replication cannot: an old server does not read a new one's data.

Both sides digest every key themselves; what differs is copied, what is too much is deleted. A pass while users write brings the sides
close; a pass behind the fence ends with both equal, which the last comparison proves key by key.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..._domain.errors import LotseError
from .digest import SCRIPT, differing
from .rebuild import READERS, Group, Key, commands, reader
from .wire import Cache

BATCH = 250  # keys in one call: the servers answer nobody else while they digest
SCAN = 2000


@dataclass
class Difference:
    """What makes the target unlike the source, by database; ``keys`` is how many the source has, ``digest`` names its whole content."""

    changed: dict[int, list[bytes]] = field(default_factory=dict)
    extra: dict[int, list[bytes]] = field(default_factory=dict)
    keys: int = 0
    digest: str = ""

    @property
    def size(self) -> int:
        return sum(len(keys) for part in (self.changed, self.extra) for keys in part.values())


async def compare(source: Cache, target: Cache) -> Difference:
    """Looks at every key of both servers."""
    found, whole = Difference(), hashlib.sha256()
    for database in sorted({*await source.databases(), *await target.databases()}):
        await _select(database, source, target)
        ours, theirs = await asyncio.gather(_keys(source), _keys(target))
        found.keys += len(ours)
        found.extra[database] = sorted(theirs - ours)
        lines = await _unlike(source, target, sorted(ours), found.changed.setdefault(database, []))
        for name, line in lines:
            whole.update(b"%d %s %s\n" % (database, name, line.rsplit(" ", 1)[0].encode()))
    found.digest = whole.hexdigest()
    return found


async def compare_keys(source: Cache, target: Cache, names: Iterable[bytes], before: Difference) -> Difference:
    """Looks at some keys, in every database. ``before`` is the last look at every key."""
    found, wanted = Difference(keys=before.keys, digest=before.digest), sorted(names)
    for database in sorted({*await source.databases(), *await target.databases()}):
        await _select(database, source, target)
        found.extra[database] = []
        await _unlike(source, target, wanted, found.changed.setdefault(database, []))
    return found


async def compare_again(source: Cache, target: Cache, before: Difference) -> Difference:
    """Looks again at what was unlike and has been repaired, and counts all keys. Enough when nothing can have changed since ``before``."""
    found = Difference(digest=before.digest)
    for database in sorted({*before.changed, *await source.databases(), *await target.databases()}):
        await _select(database, source, target)
        repaired = [*before.changed.get(database, []), *before.extra.get(database, [])]
        await _unlike(source, target, repaired, found.changed.setdefault(database, []))
        ours, theirs = await asyncio.gather(source.call("DBSIZE"), target.call("DBSIZE"))
        found.keys += ours
        # A key that expires between two counts is no difference, so names decide.
        found.extra[database] = sorted((await _keys(target)) ^ (await _keys(source))) if ours != theirs else []
    return found


async def repair(source: Cache, target: Cache, difference: Difference) -> None:
    """Copies what differs, deletes what is too much."""
    for database, names in difference.changed.items():
        await _select(database, source, target)
        for start in range(0, len(names), BATCH):
            await _copy(source, target, names[start : start + BATCH])
        await _copy(source, target, difference.extra[database])  # what the source does not have is deleted


async def _select(database: int, *caches: Cache) -> None:
    await asyncio.gather(*(cache.call("SELECT", database) for cache in caches))


async def _unlike(source: Cache, target: Cache, names: Sequence[bytes], unlike: list[bytes]) -> list[tuple[bytes, str]]:
    """Adds the keys of which both sides say different things to ``unlike``; gives the source's line of every key."""
    said: list[tuple[bytes, str]] = []
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        lines, others = await asyncio.gather(_digest(source, batch), _digest(target, batch))
        unlike += differing(batch, lines, others)
        said += zip(batch, lines, strict=True)
    return said


async def _keys(cache: Cache) -> set[bytes]:
    names: set[bytes] = set()
    cursor: bytes | int = 0
    while True:
        cursor, page = await cache.call("SCAN", cursor, "COUNT", SCAN)
        names.update(page)
        if int(cursor) == 0:
            return names


async def _digest(cache: Cache, names: Sequence[bytes]) -> list[str]:
    text: bytes = await cache.call("EVAL", SCRIPT, len(names), *names)
    return text.decode().split("\n")


async def _copy(source: Cache, target: Cache, names: Sequence[bytes]) -> None:
    kinds = [kind.decode() for kind in await source.many([("TYPE", name) for name in names])] if names else []
    unknown = {kind for kind in kinds if kind != "none" and kind not in READERS}
    if unknown:
        raise LotseError(f"keys of the type {', '.join(sorted(unknown))} cannot be copied", source.host, "remove them, or keep the new side")
    present = [(name, kind) for name, kind in zip(names, kinds, strict=True) if kind != "none"]
    gone = [name for name, kind in zip(names, kinds, strict=True) if kind == "none"]
    # Content and expiry of a key are read together, so that they are of one moment.
    reads = [command for name, kind in present for command in (reader(name, kind), ("PEXPIRETIME", name))]
    answers = await source.many(reads, atomic=True) if reads else []
    writes = [("DEL", name) for name in gone]
    for (name, kind), content, ends in zip(present, answers[::2], answers[1::2], strict=True):
        if not content and kind != "stream" and content != b"":
            writes.append(("DEL", name))  # it went between the two looks
            continue
        key = await _stream(source, name, content, ends) if kind == "stream" else Key(name, kind, content, ends)
        writes += commands(key)  # type: ignore[arg-type]
    if writes:
        await target.many(writes, atomic=True)


async def _stream(source: Cache, name: bytes, entries: object, ends: int) -> Key:
    last = _pairs(await source.call("XINFO", "STREAM", name))[b"last-generated-id"]
    groups = []
    for flat in await source.call("XINFO", "GROUPS", name):
        group = _pairs(flat)
        rows = await source.call("XPENDING", name, group[b"name"], "-", "+", group[b"pending"]) if group[b"pending"] else []
        groups.append(Group(group[b"name"], group[b"last-delivered-id"], [tuple(row) for row in rows]))
    return Key(name, "stream", entries, ends, last, groups)


def _pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))
