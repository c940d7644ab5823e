# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugin `move` does between its options and its result."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._conduct.conductor import Conductor, Outcome
from .._conduct.hosts import Access
from .._conduct.journal import move_states
from .._conduct.registry import MOVERS
from .._conduct.section import Limits
from .._domain.errors import LotseError
from .._domain.phases import State
from . import approval
from .plan_file import read_plan, read_sealed

Result = dict[str, Any]

SPEC: dict[str, Any] = {
    "estate_dir": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["committed", "rolled_back"], "default": "committed"},
    "moves": {"type": "list", "elements": "str", "default": []},
    "ssh": {
        "type": "dict",
        "required": True,
        "options": {
            "user": {"type": "str", "default": "root"},
            "port": {"type": "int", "default": 22},
            "key_file": {"type": "path", "required": True},
            "known_hosts": {"type": "list", "elements": "path", "required": True},
        },
    },
    "dead_man": {"type": "float", "default": 4.5},
    "hold": {"type": "float", "default": 2.5},
    "drain": {"type": "float", "default": 1.5},
    "observe": {"type": "float", "default": 5},
    "approval_required": {"type": "bool", "default": False},
}


def run(options: Mapping[str, Any], *, check: bool, say: Callable[[str], None], drill: Callable[[str], None]) -> Result:
    """Conducts. Raises LotseError where it stopped; what was done until then is in the journals."""
    conductor = conductor_of(options, say, drill)
    back = options["state"] == State.ROLLED_BACK
    if check:
        states = move_states(conductor.estate_dir)
        after = State.ROLLED_BACK if back else State.COMMITTED
        waves = conductor.work(options["moves"], back=back)
        return result_of([Outcome(str(m["id"]), str(m["kind"]), State(states.get(str(m["id"]), "planned")), after) for wave in waves for m in wave])
    return result_of(asyncio.run(_conducted(conductor, options["moves"], back=back)))


async def _conducted(conductor: Conductor, wanted: list[str], *, back: bool) -> list[Outcome]:
    """Ends in order when it is asked to: a cutover that is not decided yet is undone first."""
    task = asyncio.ensure_future(conductor.conduct(wanted, back=back))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        where = str(conductor.estate_dir / "journal")
        raise LotseError("interrupted; what was not decided was undone", where, "the next run goes on from here") from None


def conductor_of(options: Mapping[str, Any], say: Callable[[str], None], drill: Callable[[str], None]) -> Conductor:
    estate_dir, ssh = Path(options["estate_dir"]), options["ssh"]
    plan = _plan(estate_dir, options)
    access = Access(
        user=ssh.get("user") or "root",
        key_file=Path(ssh["key_file"]),
        known_hosts=tuple(Path(path) for path in ssh["known_hosts"]),
        port=int(ssh.get("port") or 22),
    )
    if not access.key_file.is_file():
        raise LotseError("there is no such ssh key", str(access.key_file), "name the private key in ssh.key_file")
    limits = Limits(dead_man=options["dead_man"], hold=options["hold"], drain=options["drain"], observe=options["observe"])
    return Conductor(plan, estate_dir, access, limits, MOVERS, say, drill)


def _plan(estate_dir: Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """The plan: to move, the one that was written and signed; the way back is open whatever became of it."""
    if options["state"] == State.ROLLED_BACK:
        return read_plan(estate_dir)
    plan = read_sealed(estate_dir)
    approval.check(estate_dir, plan, required=bool(options.get("approval_required")))
    return plan


def result_of(outcomes: list[Outcome]) -> Result:
    rows = [
        {"id": end.move, "kind": end.kind, "before": str(end.before), "after": str(end.after), "write_pause_ms": end.write_pause_ms}
        for end in outcomes
    ]
    before = "".join(f"{row['id']}: {row['before']}\n" for row in rows)
    after = "".join(f"{row['id']}: {row['after']}\n" for row in rows)
    diff = {"before": before, "after": after, "before_header": "moves", "after_header": "moves"}
    return {"changed": any(end.changed for end in outcomes), "moves": rows, **({"diff": diff} if rows else {})}
