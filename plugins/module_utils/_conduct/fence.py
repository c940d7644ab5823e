# SPDX-License-Identifier: GPL-3.0-or-later
"""The dead-man timer: lifts a fence when the controller is gone, and can never do so after the commit.

Two parties may decide about one cutover: the conductor (`commit`) and the timer on the fenced host (`lift`). The first one wins, because
both make the same directory and only one `mkdir` succeeds. The timer that loses carries the commit through instead: it makes the old
address forward to the new side, so that clients find it although nobody conducts any more.

Nobody ever relies on disarming a timer. It ends by itself, and what it left in /run is removed when the move is committed.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
from typing import Protocol

from .hosts import Host, RemoteError, Shell

FOLDER = "/run/lotse"
COMMIT, LIFT, UNDECIDED = "commit", "lift", ""


class Ballot(Protocol):
    """Where the decision is kept. The scripts run on the fenced host, in plain sh."""

    def cast(self, word: str) -> str:
        """A script that ends with 0 if ``word`` won the decision, and with anything else if it was decided before."""

    def read(self) -> str:
        """A script that prints ``commit``, ``lift`` or nothing, and ends with 0. It ends with something else when it cannot tell."""

    async def cast_at_once(self, word: str, /) -> bool:
        """Casts over a connection that is open already, and says whether that won. If not, the script is asked."""


class DirectoryBallot:
    """The decision is a directory in /run: `mkdir` succeeds once."""

    def __init__(self, token: str) -> None:
        self.path = f"{FOLDER}/{token}"

    def cast(self, word: str) -> str:
        return f"mkdir {self.path}.decided 2>/dev/null && echo {word} > {self.path}.decided/by"

    def read(self) -> str:
        # A directory without a word: the other party is between its two commands.
        return (
            f"if [ ! -d {self.path}.decided ]; then exit 0; fi; tries=0; until [ -s {self.path}.decided/by ]; do "
            f"tries=$((tries + 1)); [ $tries -lt 50 ] || exit 3; sleep 0.02; done; cat {self.path}.decided/by"
        )

    async def cast_at_once(self, _word: str) -> bool:
        return False  # there is no other way than the shell


class DeadMan:
    """A timer on a fenced host. ``lift`` takes the fence away; ``forward`` makes clients of the old address find the new side."""

    def __init__(self, shell: Shell, token: str, seconds: float, *, lift: str, forward: str, ballot: Ballot | None = None) -> None:
        self.token, self.seconds = token, seconds
        self.ballot: Ballot = ballot or DirectoryBallot(token)
        self._shell = shell
        self._lift, self._forward = lift, forward
        self._armed_at: float | None = None

    async def arm(self) -> None:
        """Starts the timer, detached from our connection. Returns when it runs."""
        script = "\n".join([
            f"sleep {self.seconds:g}",
            f"if {self.ballot.cast(LIFT)}; then",
            self._lift or ":",
            "else",
            f'if [ "$( {self.ballot.read()} )" = {COMMIT} ]; then',
            self._forward or ":",
            "fi",
            "fi",
            f"rm -f {FOLDER}/{self.token}.sh",
        ])  # fmt: skip
        path = f"{FOLDER}/{self.token}.sh"
        word = f"LOTSE_{secrets.token_hex(8)}"
        # setsid: a timer that ends with our session would be none. The pid proves that it started.
        await self._shell.run(
            f"umask 077; mkdir -p {FOLDER} && cat > {path} <<'{word}'\n{script}\n{word}\n"
            f"[ -s {path} ] || exit 4\nsetsid nohup sh {shlex.quote(path)} </dev/null >/dev/null 2>&1 &\nkill -0 $!"
        )
        self._armed_at = asyncio.get_running_loop().time()

    @property
    def left(self) -> float:
        """Seconds until the timer decides. Raises RuntimeError when it was never armed."""
        if self._armed_at is None:
            raise RuntimeError("the dead-man was not armed")
        return self.seconds - (asyncio.get_running_loop().time() - self._armed_at)

    async def decide(self, word: str, *, margin: float = 1.0) -> None:
        """Decides ``commit`` or ``lift``. Raises RemoteError when the timer was first, or so near that we do not dare."""
        if word == COMMIT and self.left < margin:
            raise RemoteError(f"only {self.left:.1f} s are left before the dead-man lifts the fence: too late to commit", self._shell.host)
        if await self.ballot.cast_at_once(word):
            return
        done = await self._shell.run(self.ballot.cast(word), check=False)
        if done.status != 0 and await self.decision() != word:
            raise RemoteError(f"{word} was refused: the other side had decided before", self._shell.host)

    async def decision(self) -> str:
        """``commit``, ``lift`` or ``""``. Raises RemoteError when it cannot be told."""
        done = await self._shell.run(self.ballot.read())
        return next((word for word in (COMMIT, LIFT) if word in done.out.split()), UNDECIDED)


async def timers_are_over(host: Host, section: str, within: float) -> None:
    """Returns when no timer of an earlier cutover of the section runs on the host. Raises RemoteError when one outlives its time.

    A timer that has lost still carries its cutover through, which must not meet the next cutover in the other direction.
    """
    script = (
        f"tries=0; while ls {FOLDER}/{shlex.quote(section)}-go-*.sh {FOLDER}/{shlex.quote(section)}-back-*.sh 2>/dev/null | grep -q .; do "
        f"tries=$((tries + 1)); [ $tries -lt {int(within * 5)} ] || exit 3; sleep 0.2; done"
    )
    done = await host.run(script, within=within + 10, check=False)
    if done.status != 0:
        raise RemoteError("a timer of an earlier cutover does not end", host.name, f"look at {FOLDER}/{section}-*.sh there")


async def sweep(host: Host, section: str, within: float) -> None:
    """Removes what all cutovers of the section have left on the host, when none of their timers runs any more. Raises RemoteError as above."""
    await timers_are_over(host, section, within)
    ours = " ".join(f"{FOLDER}/{shlex.quote(section)}-{way}-*" for way in ("go", "back"))
    await host.run(f"rm -rf {ours}; rmdir {FOLDER} 2>/dev/null; :")
