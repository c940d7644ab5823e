# SPDX-License-Identifier: GPL-3.0-or-later
"""What every world is put through: each call in turn meets a fault, the controller dies after each write; then one whole run has to mend it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError

from .world import PATIENCE, ControllerKilledError, MortalGateway, World

Make = Callable[[], World]
CALLS: dict[str, dict[str, Any]] = {
    "the connection breaks before a call arrives": {"do": "lose_call"},
    "an answer is lost": {"do": "lose_answer"},
    "an answer comes too late": {"do": "delay", "seconds": PATIENCE * 1.5},
    "a call arrives twice": {"do": "repeat"},
    "a call arrives twice and the first answer counts": {"do": "repeat_first"},
    "a proxy says 502 to a call that it did not pass on": {"do": "answer", "status": 502, "message": "Bad Gateway"},
    "a proxy says 504 to a call that was carried out": {"do": "answer_after", "status": 504, "message": "Gateway Timeout"},
    "the node is out of reach": {"do": "answer", "status": 595, "message": "No route to host"},
    "the API says 500": {"do": "answer", "status": 500, "message": "something went wrong"},
}


def broken_then_whole(world: World, break_it: Callable[[], Any]) -> list[str]:
    """A run under a fault, and one without; problems after the second."""
    with contextlib.suppress(PveError, ControllerKilledError):  # a run may fail, as long as the next one finishes its work
        break_it()
    world.pve.faults()
    try:
        world.work()
    except PveError as failure:
        return [f"the next run failed: {failure}"]
    return world.problems()


def each_call_in_turn(make: Make, fault: dict[str, Any], *, reads: bool) -> list[str]:
    """Problems by the call that met the fault; every call, or every one that writes."""
    world = make()
    world.work()
    count = sum(reads or call.method != "GET" for call in world.pve.calls())
    found = []
    for at in range(count):
        world = make()
        world.pve.faults(calls=[{"method": "*" if reads else "!GET", "path": "/", "skip": at, "times": 1, **fault}])
        said = broken_then_whole(world, world.work)
        if said:
            call = [call for call in world.pve.calls() if reads or call.method != "GET"][at]
            found.append(f"call {at} ({call.method} {call.path}): {said}")
    return found


def a_death_after_each_write(make: Make) -> list[str]:
    """Problems by the number of writes that the controller lived for."""
    world = make()
    counting = MortalGateway(world.gateway(), 10_000)
    world.work(counting)
    found = []
    for writes in range(1, counting.made + 1):
        world = make()
        mortal = MortalGateway(world.gateway(), writes)
        said = broken_then_whole(world, lambda world=world, mortal=mortal: world.work(mortal))  # type: ignore[misc]
        if said:
            found.append(f"after write {writes}: {said}")
    return found
