# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the database hosts themselves, in plain sh: the decision, the fence's undo, the opening by a timer.

The decision is a row whose key is the cutover's token. The first INSERT wins. It is written to the binary log, so the new side learns
of the commit by replication and can open itself when nobody conducts any more. Beside the word, the row keeps the position
right before it: whatever the fenced server wrote itself after that, but for this row, are writes that reached the wrong side.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Awaitable, Callable

from .. import forward
from ..fence import COMMIT, LIFT
from .sql import CLIENT

FENCE_FOLDER = "/etc/mysql/mariadb.conf.d"
FENCE_FILE = f"{FENCE_FOLDER}/90-lotse-fence.cnf"
SERVING = "/var/lib/lotse/serving"
_DECISION = """CREATE TABLE IF NOT EXISTS lotse.decision (token VARCHAR(80) PRIMARY KEY, word VARCHAR(8) NOT NULL, position TEXT NOT NULL,
at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)) ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin"""
_CARRIED = """CREATE TABLE IF NOT EXISTS lotse.carried (name VARCHAR(64) PRIMARY KEY, value VARCHAR(255) NOT NULL)
ENGINE=InnoDB CHARACTER SET ascii COLLATE ascii_bin"""
SCHEMA = ("CREATE DATABASE IF NOT EXISTS lotse CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", _DECISION, _CARRIED)


def ask(statement: str) -> str:
    """sh that runs a statement and prints the bare values. ``$db`` must be set (CLIENT)."""
    return f'"$db" -N -B -e {shlex.quote(statement)}'


class DecisionRow:
    """The ballot in the database (see fence.Ballot)."""

    def __init__(self, token: str, execute: Callable[[str], Awaitable[bool]] | None = None) -> None:
        """``execute`` runs a statement over an open connection to the fenced server and says whether it was done."""
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,80}", token):
            raise ValueError(f"not a token: {token!r}")
        self.token, self._execute = token, execute
        self.select = f"SELECT word FROM lotse.decision WHERE token = '{token}'"  # noqa: S608 - no quote can be in it

    def cast(self, word: str) -> str:
        once = f"{CLIENT}; {ask(self._insert(word))} 2>/dev/null"
        if word != LIFT:
            return f"( {once} )"
        # The server may be starting again just now, and nobody else would lift the fence. Only a lift may be tried twice.
        again = f"[ -z \"$({ask(self.select)} 2>/dev/null)\" ] || exit 1; tries=$((tries + 1)); [ $tries -lt 30 ] || exit 2; sleep 0.25"
        return f"( tries=0; until {once}; do {again}; done )"

    def read(self) -> str:
        return f"{CLIENT}; {ask(self.select)}"

    async def cast_at_once(self, word: str) -> bool:
        return self._execute is not None and await self._execute(self._insert(word))

    def _insert(self, word: str) -> str:
        row = f"'{self.token}', '{word}', @@GLOBAL.gtid_binlog_pos"
        return f"INSERT INTO lotse.decision (token, word, position) VALUES ({row})"  # noqa: S608 - no quote can be in it


_EVENTS = "SELECT value FROM lotse.carried WHERE name = 'event_scheduler'"
EVENTS_ON = f'if [ "$({ask(_EVENTS)} 2>/dev/null)" = ON ]; then {ask("SET GLOBAL event_scheduler = ON")}; fi'


_FENCE = (
    "# Closed for writing, also after a restart: the other side of the crossing serves. Lotse removes this file when it lifts the fence.",
    "[server]",
    "read_only = ON",
    "event_scheduler = OFF",
)


def raise_fence(port: int) -> str:
    """New connections wait, and the server stays closed over a restart. Whoever is connected is not touched yet."""
    # Commands of the shell itself: a program would cost some milliseconds of everybody's pause.
    return "\n".join(["umask 022", f"printf '%s\\n' {shlex.join(_FENCE)} > {FENCE_FILE} || exit 1", forward.hold(port)])


def lift_fence(port: int) -> str:
    """The server writes again and answers on its port. Idempotent."""
    return "\n".join([CLIENT, f"rm -f {FENCE_FILE}", f"{ask('SET GLOBAL read_only = 0')} || exit 1", EVENTS_ON, forward.stop(port)])


def serve(token: str, *, guest: bool) -> str:
    """The files of a server that serves: no fence, and on a guest the mark for the roles, so that they never close or restart it."""
    folder = SERVING.rsplit("/", 1)[0]
    mark = f"[ -d {folder} ] || mkdir -p {folder}; echo {shlex.quote(token)} > {SERVING}" if guest else ":"
    # An empty file is no fence. `settle` removes it, when nobody waits.
    return f"{mark}\n[ ! -e {FENCE_FILE} ] || : > {FENCE_FILE}"


def open_if_committed(token: str, port: int, *, guest: bool) -> str:
    """For a timer on the new side: opens it if its own copy of the decision says commit. Idempotent; does nothing on a server that serves."""
    row = DecisionRow(token)
    return "\n".join([
        f"( {CLIENT}",
        f"[ \"$({ask('SELECT @@GLOBAL.read_only')})\" = 1 ] || exit 0",
        f"tries=0; until [ \"$({ask(row.select)})\" = {COMMIT} ]; do tries=$((tries + 1)); [ $tries -lt 20 ] || exit 0; sleep 0.25; done",
        serve(token, guest=guest),
        ask("STOP SLAVE; SET GLOBAL read_only = 0"),
        EVENTS_ON,
        forward.stop(port),  # it may have forwarded since an earlier way in the other direction
        ")",
    ])  # fmt: skip
