# SPDX-License-Identifier: GPL-3.0-or-later
"""The QEMU guest agent's protocol: JSON lines over a virtio-serial port, one client at a time."""

from __future__ import annotations

import base64
import json
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from .driver import Completed, GuestError

DELIMITER = b"\xff"  # makes the agent forget half a request, and marks the answer that belongs to this client
CHUNK = 48 * 1024**2  # the most that the agent reads in one piece
DOWN = "QEMU guest agent is not running"

Connect = Callable[[float], AbstractContextManager[socket.socket]]


def request(command: str, **arguments: Any) -> bytes:
    """``file_open(mode="r")`` is ``guest-file-open`` with ``mode``; underscores stand for hyphens."""
    given = {name.replace("_", "-"): value for name, value in arguments.items()}
    return json.dumps({"execute": f"guest-{command}", **({"arguments": given} if given else {})}).encode() + b"\n"


def sync(number: int) -> bytes:
    return DELIMITER + request("sync-delimited", id=number)


def answer(line: bytes) -> Any:
    """What an answer returns. Raises GuestError with the agent's own words."""
    parsed = json.loads(line)
    if "error" in parsed:
        raise GuestError(str(parsed["error"].get("desc", parsed["error"])))
    return parsed.get("return")


def _line(link: socket.socket, kept: bytes) -> tuple[bytes, bytes]:
    """The next line and what came behind it."""
    while b"\n" not in kept:
        data = link.recv(65536)
        if not data:
            raise ConnectionError("the port was closed")
        kept += data
    line, _, rest = kept.partition(b"\n")
    return line, rest


def _synchronise(link: socket.socket) -> bytes:
    """Skips answers to somebody else's requests; gives what came behind the answer to ours."""
    number = secrets.randbelow(2**31)
    link.sendall(sync(number))
    kept = b""
    while True:
        line, kept = _line(link, kept)
        _, found, ours = line.rpartition(DELIMITER)
        if found and answer(ours) == number:
            return kept


class Agent:
    """One guest's agent. Every method raises GuestError."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def call(self, command: str, /, *, wait: float = 20, silent: bool = False, **arguments: Any) -> Any:
        """One command, at most ``wait`` seconds for each piece of its answer; ``silent`` ones have none when they succeed."""
        try:
            with self._connect(wait) as link:
                kept = _synchronise(link)
                link.sendall(request(command, **arguments))
                return None if silent else answer(_line(link, kept)[0])
        except OSError as failure:
            raise GuestError(DOWN) from failure

    def execute(self, argv: Sequence[str], data: bytes | None, timeout: float) -> Completed:
        """Runs a program inside to its end."""
        given: dict[str, Any] = {"input_data": base64.b64encode(data).decode()} if data is not None else {}
        pid = self.call("exec", path=argv[0], arg=list(argv[1:]), capture_output=True, **given)["pid"]
        deadline, pause = time.monotonic() + timeout, 0.05
        while not (state := self.call("exec-status", pid=pid))["exited"]:
            if time.monotonic() > deadline:
                raise GuestError(f"'{argv[0]}' did not end within {timeout:.0f} s")
            time.sleep(pause)
            pause = min(1.0, pause * 1.5)
        output, errors = (base64.b64decode(state.get(name, "")) for name in ("out-data", "err-data"))
        return Completed(state.get("exitcode", 128 + state.get("signal", 0)), output, errors)

    def read(self, path: str, offset: int, count: int) -> bytes:
        """At most ``count`` bytes from ``offset``."""
        handle = self.call("file-open", path=path, mode="r")
        try:
            if offset:
                self.call("file-seek", handle=handle, offset=offset, whence="set")
            data = b""
            while len(data) < count:
                piece = self.call("file-read", handle=handle, count=min(count - len(data), CHUNK))
                data += base64.b64decode(piece["buf-b64"])
                if piece["eof"] or not piece["count"]:
                    break
            return data
        finally:
            self.call("file-close", handle=handle)

    def write(self, path: str, data: bytes) -> None:
        handle = self.call("file-open", path=path, mode="w")
        try:
            written = self.call("file-write", handle=handle, buf_b64=base64.b64encode(data).decode())["count"]
        finally:
            self.call("file-close", handle=handle)
        if written != len(data):
            raise GuestError(f"{path}: {written} of {len(data)} bytes were written")
