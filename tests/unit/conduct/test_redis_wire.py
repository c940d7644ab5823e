# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol: what is sent, and answers that arrive in whatever pieces."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.cache.wire import Answers, Cache, CacheError, Refusal, encode

STREAM = b"+OK\r\n:42\r\n$5\r\na\r\nb\r\r\n$-1\r\n*3\r\n$1\r\nx\r\n*0\r\n:-1\r\n*-1\r\n$0\r\n\r\n-NOREPLICAS Not enough good replicas to write.\r\n"
MEANT = [b"OK", 42, b"a\r\nb\r", None, [b"x", [], -1], None, b"", "NOREPLICAS Not enough good replicas to write."]


class Line:
    """Both ends of a connection: what it answers comes in pieces of a size; what was written is kept."""

    def __init__(self, answers: bytes, size: int = 2**18) -> None:
        self.pieces = [answers[start : start + size] for start in range(0, len(answers), size)]
        self.written = b""
        self.hangs = False

    async def read(self, _size: int) -> bytes:
        if not self.pieces and self.hangs:
            await asyncio.sleep(60)
        return self.pieces.pop(0) if self.pieces else b""

    def write(self, data: bytes) -> None:
        self.written += data


def cache(line: Line, within: float = 5) -> Cache:
    return Cache("cache1", line, line, None, within)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_answers_are_read_in_any_pieces(size: int) -> None:
    async def read() -> list[Any]:
        answers = Answers(Line(STREAM, size).read)
        return [await answers.next() for _ in MEANT]

    assert asyncio.run(read()) == MEANT


def test_an_error_is_told_apart_from_text() -> None:
    async def read() -> list[Any]:
        answers = Answers(Line(b"+ERR\r\n-ERR\r\n").read)
        return [await answers.next(), await answers.next()]

    text, refusal = asyncio.run(read())
    assert not isinstance(text, Refusal)
    assert isinstance(refusal, Refusal)


NONSENSE = [(b"", EOFError), (b"$10\r\nabc", EOFError), (b"HTTP/1.1 400\r\n", ValueError), (b":x\r\n", ValueError)]


@pytest.mark.parametrize(("stream", "error"), NONSENSE)
def test_half_an_answer_and_nonsense_are_errors(stream: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        asyncio.run(Answers(Line(stream).read).next())


def test_commands_carry_any_bytes() -> None:
    assert encode([("SET", b"\x00\r\n", 7), ("PING",)]) == b"*3\r\n$3\r\nSET\r\n$3\r\n\x00\r\n\r\n$1\r\n7\r\n*1\r\n$4\r\nPING\r\n"
    assert encode([("GET", "grüß")]) == b"*2\r\n$3\r\nGET\r\n$6\r\ngr\xc3\xbc\xc3\x9f\r\n"


def test_a_refused_command_is_an_error_and_the_connection_lives() -> None:
    line = Line(b"-ERR unknown command\r\n+PONG\r\n")
    connection = cache(line)

    async def story() -> Any:
        with pytest.raises(CacheError, match=r"unknown command.*Redis on cache1"):
            await connection.call("NONSENSE")
        return await connection.call("PING")

    assert asyncio.run(story()) == b"PONG"


def test_a_transaction_gives_what_exec_gave() -> None:
    line = Line(b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n$1\r\nv\r\n")
    assert asyncio.run(cache(line).many([("DEL", "k"), ("GET", "l")], atomic=True)) == [1, b"v"]
    assert line.written.startswith(b"*1\r\n$5\r\nMULTI\r\n")
    assert line.written.endswith(b"*1\r\n$4\r\nEXEC\r\n")


@pytest.mark.parametrize(
    "answers",
    [b"+OK\r\n-ERR wrong number of arguments\r\n-EXECABORT Transaction discarded\r\n", b"+OK\r\n+QUEUED\r\n*1\r\n-OOM command not allowed\r\n"],
)
def test_a_transaction_that_fails_in_part_is_an_error(answers: bytes) -> None:
    with pytest.raises(CacheError, match=r"wrong number|OOM"):
        asyncio.run(cache(Line(answers)).many([("SET", "k", "v")], atomic=True))


def test_after_an_answer_that_nobody_waited_for_the_connection_is_broken() -> None:
    """Else the late answer would be taken for that of the next command."""
    line = Line(b"")
    line.hangs = True
    connection = cache(line, within=0.05)

    async def story() -> None:
        with pytest.raises(CacheError, match="no answer"):
            await connection.call("GET", "a")
        line.pieces.append(b"$1\r\na\r\n")
        with pytest.raises(CacheError, match="broken"):
            await connection.call("GET", "b")

    asyncio.run(story())


def test_info_and_settings_are_read() -> None:
    text = b"# Replication\r\nrole:master\r\nslave0:ip=10.77.0.104,port=6379\r\n"
    line = Line(b"$%d\r\n%b\r\n*2\r\n$4\r\nsave\r\n$0\r\n\r\n*0\r\n" % (len(text), text))
    connection = cache(line)

    async def story() -> None:
        assert await connection.info("replication") == {"role": "master", "slave0": "ip=10.77.0.104,port=6379"}
        assert await connection.setting("save") == ""
        with pytest.raises(CacheError, match="no setting nonsense"):
            await connection.setting("nonsense")

    asyncio.run(story())
