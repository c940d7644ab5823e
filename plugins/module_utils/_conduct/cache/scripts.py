# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs on the cache hosts themselves, in plain sh: the fence and its undo, and how a timer carries a commit through.

The fence has two parts. `min-replicas-to-write 99` makes the server refuse writes, also after a restart (a block at the end of its
configuration file). Redis before 7 does not ask that of a Lua script, so new connections wait at the host's gate and the old ones are ended.
"""

from __future__ import annotations

import shlex

from .. import forward
from ..fence import FOLDER
from .wire import CLIENT

REPLICAS = 99
SERVING = "/var/lib/lotse/serving"
BEGIN, END = "# lotse-fence begin: closed for writing, the other side of the crossing serves", "# lotse-fence end"
_FILE = "file=$(\"$cli\" INFO server | tr -d '\\r' | sed -n 's/^config_file://p')"
_UNBLOCK = f'[ -z "$file" ] || ! grep -q "^{BEGIN}" "$file" || sed -i "/^# lotse-fence begin/,/^{END}/d" "$file"'


def raise_fence(port: int, config_file: str) -> str:
    """New connections wait, and a restart finds the fence. ``config_file`` may be empty for a server that has none."""
    block = f"printf '%s\\n' {shlex.join([BEGIN, f'min-replicas-to-write {REPLICAS}', END])} >> {shlex.quote(config_file)} || exit 1"
    return f"{block if config_file else ':'}\n{forward.hold(port)}"


def unfence() -> str:
    """The server takes writes, now and after a restart. Idempotent."""
    return f'{CLIENT}\n"$cli" CONFIG SET min-replicas-to-write 0 >/dev/null || exit 1\n{_FILE}\n{_UNBLOCK}'


def lift_fence(port: int) -> str:
    """The server takes writes and answers on its port. Idempotent."""
    return f"{unfence()}\n{forward.stop(port)}"


def serve(token: str, *, guest: bool) -> str:
    """The mark for the timer, that it has nothing to do; on a guest also the one for the roles, so that they never restart it."""
    folder = SERVING.rsplit("/", 1)[0]
    lasting = f"[ -d {folder} ] || mkdir -p {folder}; echo {shlex.quote(token)} > {SERVING}" if guest else ":"
    return f"[ ! -d {FOLDER} ] || : > {FOLDER}/{token}.serves\n{lasting}"


def carry_through(token: str, port: int, target: str) -> str:
    """For the fenced side's timer that finds a commit: tells the new side so, in the new side's own database, and forwards to it."""
    to = f'"$cli" -h {target} -p {port}'
    return "\n".join([
        CLIENT,
        # It may be fenced since an earlier way in the other direction.
        f"{to} REPLICAOF NO ONE && {to} CONFIG SET min-replicas-to-write 0 && {to} SET {_mark(token)} commit EX 900",
        forward.start(port, target),
    ])  # fmt: skip


def open_if_committed(token: str, port: int, *, guest: bool) -> str:
    """For a timer on the new side: when the fenced side's timer has told it of the commit, it serves on its own port, also after a restart."""
    told = f'"$("$cli" -p {port} GET {_mark(token)})"'
    served = f"[ ! -e {FOLDER}/{token}.serves ] || exit 0"
    return "\n".join([
        f"( {CLIENT}",
        f"tries=0; until [ {told} = commit ]; do {served}; tries=$((tries + 1)); [ $tries -lt 20 ] || exit 0; sleep 0.25; done",
        serve(token, guest=guest),
        f'"$cli" -p {port} DEL {_mark(token)}',
        unfence(),
        forward.stop(port),  # it may have forwarded since an earlier way in the other direction
        ")",
    ])  # fmt: skip


def calls_file(token: str) -> str:
    """Where the fenced host keeps what it had counted when the fence was up."""
    return f"{FOLDER}/{token}.calls"


def _mark(token: str) -> str:
    return shlex.quote(f"lotse:decided:{token}")
