# SPDX-License-Identifier: GPL-3.0-or-later
"""What guests that are worked on side by side share: VMIDs, room on nodes, storages and templates, and the word to stop."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from .errors import RefusedError, StoppedError

Gate = tuple[str, str]  # ("node", "pve1"), ("storage", "shared"), ("template", "9000")


class Vmids:
    """Free VMIDs of a range. Does not reserve anything on the cluster: whoever makes a guest first has it.

    ``planned`` are kept for the guests that the plan promised them to, so that a run does what its check said.
    """

    def __init__(self, first: int, last: int, taken: frozenset[int], planned: frozenset[int] = frozenset()) -> None:
        self._range = (first, last)
        self._next = first
        self._taken = set(taken)
        self._planned = planned
        self._guard = threading.Lock()

    def take(self, planned: int | None = None) -> int:
        """The planned one, or the lowest one that nobody has taken. Raises RefusedError when there is none."""
        with self._guard:
            if planned is not None and planned not in self._taken:
                self._taken.add(planned)
                return planned
            for vmid in range(self._next, self._range[1] + 1):
                if vmid not in self._taken and vmid not in self._planned:
                    self._taken.add(vmid)
                    self._next = vmid + 1
                    return vmid
        raise RefusedError([f"no free VMID between {self._range[0]} and {self._range[1]}: give another range in vmids"])


class Halt:
    """The word to stop. ``begin`` says that nothing new is begun; ``leave`` also that nobody waits for what has begun."""

    def __init__(self) -> None:
        self.why = ""
        self._begun = threading.Event()
        self._left = threading.Event()

    def begin(self, why: str) -> None:
        if not self._begun.is_set():
            self.why = why
        self._begun.set()

    def leave(self) -> None:
        self._left.set()

    @property
    def stops(self) -> bool:
        return self._begun.is_set()

    def check(self, before: str) -> None:
        """Raises StoppedError once nothing new is to be begun."""
        if self._begun.is_set():
            raise StoppedError(f"stopped before '{before}', because {self.why}")

    def check_wait(self, waiting: str) -> None:
        """Raises StoppedError once nobody is to wait any more."""
        if self._left.is_set():
            raise StoppedError(f"stopped while {waiting}, because {self.why}: it goes on in the cluster, the next run looks at its end")


class Gates:
    """At most so many heavy tasks at once for each node, storage and template. A guest passes all of its gates together or waits for all."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._inside: Counter[Gate] = Counter()
        self._room = threading.Condition()

    @contextmanager
    def through(self, gates: Iterable[Gate]) -> Iterator[None]:
        passed = set(gates)
        with self._room:
            self._room.wait_for(lambda: all(self._inside[gate] < self._limits[gate[0]] for gate in passed))
            self._inside.update(passed)
        try:
            yield
        finally:
            with self._room:
                self._inside.subtract(passed)
                self._room.notify_all()
