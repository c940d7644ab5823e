# SPDX-License-Identifier: GPL-3.0-or-later
"""rsync between two hosts that do not know each other's keys: its bytes travel through the two connections that the conductor has.

The client always runs on the guest. In place of ssh it starts three lines of sh there, which connect it (socat) to a unix socket: once to
say which command it wants on the other side, and once for that command's bytes. What arrives there comes to the conductor, which runs
`rsync --server` on the legacy host. Nothing listens on the network, no key is copied, and nothing but rsync's server can be asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import asyncssh

from ..fence import FOLDER
from ..hosts import Host, RemoteError

OPTIONS = "-aHAXS --numeric-ids --relative --no-implied-dirs --one-file-system --timeout=120 --stats"
VANISHED = 24  # a file that was listed had gone before it was sent: right while the old side still serves


@dataclass(frozen=True)
class Pass:
    """One rsync: its seconds, how many files it sent, and whether some had gone meanwhile."""

    seconds: float
    sent: int
    vanished: bool


class Waiting:
    """An rsync that is connected on both sides and waits for the names of what it shall bring."""

    def __init__(self, where: str, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._where, self._process = where, process
        self._began = asyncio.get_running_loop().time()

    async def bring(self, names: Sequence[str], *, within: float) -> Pass:
        """Brings exactly these. Raises RemoteError when it does not come to its end in time."""
        began = asyncio.get_running_loop().time()
        self._process.stdin.write(b"".join(name.encode("utf-8", "surrogateescape") + b"\0" for name in names))
        self._process.stdin.write_eof()
        return await _end(self._where, self._process, began, within)

    def leave(self) -> None:
        """Ends it without having brought anything."""
        with contextlib.suppress(OSError, asyncssh.Error):
            self._process.close()


class Courier:
    """Carries files between a legacy host and a guest, in either direction."""

    def __init__(self, legacy: Host, guest: Host, token: str) -> None:
        self._legacy, self._guest = legacy, guest
        self._where = f"{legacy.name} and {guest.name}"
        self._socket, self._helper = f"{FOLDER}/{token}.sock", f"{FOLDER}/{token}.rsh"
        self._old = " ".join(f"{FOLDER}/{token.rsplit('-', 2)[0]}-*.{end}" for end in ("sock", "rsh"))
        self._listener: asyncssh.SSHListener | None = None
        self._wanted: asyncio.Queue[list[str]] = asyncio.Queue()
        self._speaks = False  # the next connection says what is wanted; every other one is the command itself

    async def open(self) -> None:
        """Listens on the guest. Raises RemoteError when its sshd does not allow that."""
        if self._listener is not None:
            return
        # The second socat ends with its socket, as ssh would: rsync waits for its end, and holds its input open until then.
        to = f"UNIX-CONNECT:{self._socket}"
        helper = f'shift\nprintf "%s\\n" "$*" | socat -u - {to} || exit 1\nexec socat -t 0 - {to}\n'
        # Also what a controller that died left there for the same section.
        script = f"umask 077; mkdir -p {FOLDER} && rm -f {self._old} && cat > {self._helper}"
        await self._guest.run(script, data=helper.encode())
        try:
            self._listener = await self._guest.connection.start_unix_server(lambda: self._serve, self._socket, encoding=None)
        except (asyncssh.Error, OSError) as failure:
            raise RemoteError(f"sshd does not forward a unix socket ({failure})", self._guest.name, "allow AllowStreamLocalForwarding") from failure

    async def close(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            await self._guest.run(f"rm -f {self._socket} {self._helper}", check=False)

    async def carry(self, paths: Sequence[str], *, back: bool, leave_out: Sequence[str] = (), delete: bool = True, within: float = 24 * 3600) -> Pass:
        """One pass over whole trees: to the guest, or ``back`` to the legacy host. ``leave_out`` are rsync patterns; they stay as they are."""
        ends = [*paths, "legacy:/"] if back else [*(f"legacy:{path}" for path in paths), "/"]
        excludes = [f"--exclude={pattern}" for pattern in leave_out]
        process = await self._start(shlex.join(["--modify-window=-1", *(["--delete"] if delete else []), *excludes, "--", *ends]))
        process.stdin.write_eof()
        return await _end(self._where, process, asyncio.get_running_loop().time(), within)

    async def wait(self, *, back: bool, newer_only: bool = False) -> Waiting:
        """Starts an rsync that waits for names."""
        ends = "/ legacy:/" if back else "legacy:/ /"
        # What is named here has changed, even if size and time look the same: a file can be written twice in one tick of its clock.
        options = f"--ignore-times --from0 --files-from=- --ignore-missing-args {'--update ' if newer_only else ''}-- {ends}"
        return Waiting(self._where, await self._start(options))

    async def _start(self, words: str) -> asyncssh.SSHClientProcess[bytes]:
        await self.open()
        return await self._guest.connection.create_process(f"rsync {OPTIONS} -e 'sh {self._helper}' {words}", encoding=None)

    async def _serve(self, reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        self._speaks = not self._speaks
        try:
            if self._speaks:
                self._wanted.put_nowait(shlex.split((await reader.readline()).decode()))
            else:
                await self._command(await self._wanted.get(), reader, writer)
        except (asyncssh.Error, OSError, ValueError):
            pass  # the client on the guest misses its other side, and ends with an error that is reported
        finally:
            with contextlib.suppress(OSError, asyncssh.Error):
                writer.close()

    async def _command(self, words: list[str], reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
        """One rsync server on the legacy host, until it ends."""
        if words[:2] != ["rsync", "--server"]:
            raise ValueError(f"not rsync's server: {words[:2]}")
        # Quoted anew: whatever the guest wrote is an argument of rsync, and never more.
        server = await self._legacy.connection.create_process(shlex.join(words), encoding=None)
        comes = asyncio.create_task(_copy(reader, server.stdin))
        try:
            await _copy(server.stdout, writer)
        finally:
            comes.cancel()
            server.close()


async def _copy(reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _end(where: str, process: asyncssh.SSHClientProcess[bytes], began: float, within: float) -> Pass:
    try:
        done = await asyncio.wait_for(process.communicate(), within)
        status = process.exit_status
    except (TimeoutError, asyncssh.Error, OSError) as failure:
        process.close()
        raise RemoteError(f"rsync did not end within {within:g} s ({type(failure).__name__})", where) from failure
    out, err = ((part or b"").decode(errors="replace") for part in done)
    if status not in {0, VANISHED}:
        words = " | ".join(line for line in err.splitlines() if line.strip())[-600:] or "it said nothing"
        raise RemoteError(f"rsync failed ({status}): {words}", where)
    found = re.search(r"Number of regular files transferred: ([0-9,.]+)", out)
    sent = int(re.sub(r"\D", "", found[1])) if found else 0
    return Pass(asyncio.get_running_loop().time() - began, sent, status == VANISHED)
