# SPDX-License-Identifier: GPL-3.0-or-later
"""The one phase table of a move. Whatever is not in it is not allowed."""

from __future__ import annotations

from enum import StrEnum

from .errors import LotseError


class State(StrEnum):
    """Where a move stands."""

    PLANNED = "planned"
    PREPARING = "preparing"
    REPLICATING = "replicating"
    READY = "ready"
    CUTTING = "cutting"
    OBSERVING = "observing"
    COMMITTED = "committed"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"


# A controller may die in any state, and the next run starts with what it finds: every state before the cutover leads back to PREPARING.
# A move that never cut over is taken back by leaving it: nothing was switched.
TRANSITIONS: dict[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.PREPARING}),
    State.PREPARING: frozenset({State.PREPARING, State.REPLICATING, State.FAILED, State.ROLLED_BACK}),
    State.REPLICATING: frozenset({State.PREPARING, State.READY, State.FAILED, State.ROLLED_BACK}),
    State.READY: frozenset({State.PREPARING, State.CUTTING, State.FAILED, State.ROLLED_BACK}),
    State.CUTTING: frozenset({State.PREPARING, State.OBSERVING, State.FAILED}),
    State.OBSERVING: frozenset({State.COMMITTED, State.ROLLING_BACK}),
    State.COMMITTED: frozenset({State.ROLLING_BACK}),
    State.ROLLING_BACK: frozenset({State.ROLLING_BACK, State.ROLLED_BACK, State.COMMITTED}),
    State.ROLLED_BACK: frozenset({State.PREPARING}),
    State.FAILED: frozenset({State.PREPARING, State.ROLLED_BACK}),
}

BEGUN = frozenset(State) - {State.PLANNED, State.ROLLED_BACK}
"""A move in one of these states has touched its hosts: their survey and its part of the plan stay as they are."""

NEW_SIDE_SERVES = frozenset({State.OBSERVING, State.COMMITTED})
"""The guest takes the writes, and no way back has begun."""

NEVER_CUT = frozenset({State.PREPARING, State.REPLICATING, State.READY, State.FAILED})
"""Something was prepared, and the legacy host serves as ever."""


def advance(move: str, state: State, to: State) -> State:
    """``to``, when the table allows it. Raises LotseError otherwise."""
    if to not in TRANSITIONS[state]:
        raise LotseError(f"a move that is {state} cannot become {to}", move, "look at its journal; this is a defect of the conductor")
    return to
