# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and files in one guest through its agent: what a connection needs, exact to the byte.

Limits of the API: 60 KiB of base64 for each write, 64 KiB of standard input, 16 MiB of output. What is larger goes in pieces through a
directory that only root may enter.
"""

from __future__ import annotations

import base64
import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .errors import ApiError, GuestMissingError, NodeUnreachableError, PveError
from .gateway import Gateway, Values

PIECE = 45_000  # bytes; 60,000 characters of base64
INPUT = 65_536  # characters of standard input that a program can be given
SLICE = 4 * 1024**2  # bytes read at once; their base64 is below the limit of a program's output
STAGING = "/run/lotse"


@dataclass(frozen=True)
class Ended:
    """A program's end; ``returncode`` is 128 + 9 when a signal ended it, because the agent does not say which."""

    returncode: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Seat:
    """Where a guest is."""

    vmid: int
    node: str


def find_seat(gateway: Gateway, vmid: int | None, name: str) -> Seat:
    """By VMID, else by a name that only one guest has. Raises PveError."""
    rows = [row for row in gateway.get("cluster/resources", {"type": "vm"}) if row.get("type") == "qemu" and not int(row.get("template") or 0)]
    found = [row for row in rows if (int(row["vmid"]) == vmid if vmid else row.get("name") == name)]
    what = f"VM {vmid}" if vmid else f"guest {name}"
    if len(found) != 1:
        why = f"VMs {', '.join(str(row['vmid']) for row in found)} have this name" if found else "there is none, or the token lacks VM.Audit on it"
        raise PveError(f"{what} cannot be reached: {why}")
    return Seat(int(found[0]["vmid"]), str(found[0]["node"]))


class Channel:
    """One guest. It is looked for only when ``seat`` has no node, or when it has moved away. Raises PveError."""

    def __init__(
        self, gateway: Gateway, seat: Seat, sleep: Callable[[float], None] = time.sleep, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gateway = gateway
        self._seat = seat
        self._sleep = sleep
        self._clock = clock

    # ---------------------------------------------------------------- agent

    def _ask(self, verb: str, command: str, values: Values, *, repeatable: bool = False) -> dict[str, object]:
        try:
            return self._send(verb, command, values, repeatable)
        except (GuestMissingError, NodeUnreachableError) as failure:
            now = find_seat(self._gateway, self._seat.vmid, "")
            if now == self._seat:
                raise
            if isinstance(failure, NodeUnreachableError) and not repeatable:
                raise
            self._seat = now
            return self._send(verb, command, values, repeatable)

    def _send(self, verb: str, command: str, values: Values, repeatable: bool) -> dict[str, object]:
        path = f"nodes/{self._seat.node}/qemu/{self._seat.vmid}/agent/{command}"
        answer = self._gateway.get(path, values) if verb == "get" else self._gateway.post(path, values, repeatable=repeatable)
        return answer or {}

    # ------------------------------------------------------------- programs

    def run(self, argv: list[str], stdin: bytes | None = None, timeout: float | None = None) -> Ended:
        """Runs a program once. A call whose end is not known is not sent again."""
        given: dict[str, str | list[str]] = {"command": argv}
        if stdin is not None and stdin.isascii() and len(stdin) <= INPUT:
            given["input-data"] = stdin.decode("ascii")
        elif stdin is not None:
            pieces = self._stage(stdin)
            files = " ".join(map(shlex.quote, pieces))
            script = f"cat -- {files} | {shlex.join(argv)}; code=$?; rm -f -- {files}; exit $code"
            given["command"] = ["/bin/sh", "-c", script]
        pid = self._ask("post", "exec", given)["pid"]
        return self._await(int(str(pid)), argv[0], timeout)

    def _await(self, pid: int, program: str, timeout: float | None) -> Ended:
        deadline, pause = None if timeout is None else self._clock() + timeout, 0.05
        while True:
            status = self._ask("get", "exec-status", {"pid": pid}, repeatable=True)
            if int(str(status.get("exited", 0))):
                break
            if deadline is not None and self._clock() > deadline:
                raise PveError(f"{program} still runs in VM {self._seat.vmid} after {timeout:.0f} s")
            self._sleep(pause)
            pause = min(1.0, pause * 1.5)
        for stream in ("out", "err"):
            if int(str(status.get(f"{stream}-truncated") or 0)):
                raise PveError(f"{program} printed more than the guest agent passes on (16 MiB): let it write to a file and fetch that")
        code = status.get("exitcode")
        out, err = (as_bytes(str(status.get(f"{stream}-data") or "")) for stream in ("out", "err"))
        return Ended(128 + 9 if code is None else int(str(code)), out, err)

    # ---------------------------------------------------------------- files

    def put(self, data: bytes, path: str) -> None:
        """Replaces a file. A larger one is put together from pieces, so that it is whole or as it was."""
        if len(data) <= PIECE:
            self._write(path, data)
            return
        pieces = self._stage(data)
        files = " ".join(map(shlex.quote, pieces))
        script = f"cat -- {files} > {shlex.quote(pieces[0] + '.all')} && cat -- {shlex.quote(pieces[0] + '.all')} > {shlex.quote(path)}"
        self._shell(f"{script}; code=$?; rm -f -- {files} {shlex.quote(pieces[0] + '.all')}; exit $code", f"put together {path}")

    def fetch(self, path: str, into: BinaryIO) -> None:
        """Reads a file of any size, exactly; older releases of the API spoil bytes that are no text, so it comes as base64."""
        offset = 0
        while True:
            block = offset // SLICE
            text = self._shell(f"dd if={shlex.quote(path)} bs={SLICE} skip={block} count=1 2>/dev/null | base64", f"read {path}", guard=path)
            data = base64.b64decode(text)
            into.write(data)
            if len(data) < SLICE:
                return
            offset += len(data)

    def _shell(self, script: str, what: str, guard: str | None = None) -> bytes:
        check = f"test -r {shlex.quote(guard)} && test -f {shlex.quote(guard)} || {{ echo 'no such file' >&2; exit 1; }}; " if guard else ""
        ended = self.run(["/bin/sh", "-c", check + script])
        if ended.returncode:
            raise PveError(f"cannot {what} in VM {self._seat.vmid}: {ended.stderr.decode(errors='replace').strip() or f'code {ended.returncode}'}")
        return ended.stdout

    def _stage(self, data: bytes) -> list[str]:
        """Writes the data in pieces where only root can read. The place is made when the first piece finds none."""
        token = secrets.token_hex(8)
        pieces = []
        for number, piece in enumerate(_cut(data)):
            path = f"{STAGING}/{token}-{number:05d}"
            try:
                self._write(path, piece)
            except ApiError:
                if number:
                    raise
                self._shell(f"mkdir -m 700 -p {STAGING}", f"make {STAGING}")
                self._write(path, piece)
            pieces.append(path)
        return pieces

    def _write(self, path: str, data: bytes) -> None:
        self._ask("post", "file-write", {"file": path, "content": base64.b64encode(data).decode(), "encode": 0}, repeatable=True)


def _cut(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


def as_bytes(text: str) -> bytes:
    """What a program printed: the API gives each byte as one character, unless it had decoded UTF-8 already."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
