# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a test asks for, in a JSON file that the API reads before each call.

::

    {"latency_ms": 10,                              added to every answer, in real time
     "nodes_offline": ["pve3"],                     595 for the node's paths, its guests become unknown
     "storage_full": ["local-lvm@pve2", "shared"],  no byte is left on it
     "locked": {"101": "backup"},                   the VM's config lock
     "agent_down": [101],                           the guest agent does not run
     "version": "8.4.14",                           the release that answers (groups instead of rules for HA)
     "acl": {"/": ["Sys.Audit"], "/vms": […]},      what the user and its token hold, instead of the lab's own
     "clock_ahead": {"pve2": 30},                   seconds by which a node's clock is wrong
     "hotplug_fails": true,                         config of a running VM: 400 and the change stays pending
     "calls": [{"method": "POST", "path": "/nodes/pve1/qemu/9000/clone", "status": 500, "message": "…", "times": 1},
               {"method": "*", "path": "/", "skip": 6, "do": "lose_answer", "times": 1}],
     "tasks": [{"type": "qmstart", "id": "101", "message": "…", "skip": 0, "times": 1}]}

``method`` may be ``*`` (any) or ``!GET`` (any that writes); ``path`` matches from its start as a regular expression; the first ``skip`` matches are
spared; ``times`` left out means for ever. What a call suffers is said by ``do``:

==================  ==============================================================================
answer (default)    nothing is done, the answer is ``status`` and ``message``
answer_after        it is carried out, and answered with ``status`` and ``message`` all the same
lose_call           the connection breaks before anything is done
lose_answer         it is carried out, and the connection breaks before the answer
delay               it is carried out, and the answer comes ``seconds`` later
repeat              it arrives twice, and the second answer is given
repeat_first        it arrives twice, and the first answer is given
==================  ==============================================================================
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEYS = frozenset({
    "acl", "clock_ahead", "latency_ms", "nodes_offline", "storage_full", "locked", "agent_down", "hotplug_fails", "version", "calls", "tasks",
})  # fmt: skip

KINDS = frozenset({"answer", "answer_after", "lose_call", "lose_answer", "delay", "repeat", "repeat_first"})


@dataclass(frozen=True)
class CallFault:
    """What one request suffers; see above."""

    do: str
    status: int
    message: str
    seconds: float


@dataclass
class Faults:
    """The file's content; without a file there are no faults."""

    path: Path | None = None
    values: dict[str, Any] = field(default_factory=dict)
    _seen: tuple[int, int] = (0, 0)

    def refresh(self) -> None:
        """Read the file again if it changed; a broken file is an error, not an absence of faults."""
        if self.path is None:
            return
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self.values, self._seen = {}, (0, 0)
            return
        seen = (stat.st_mtime_ns, stat.st_size)
        if seen == self._seen:
            return
        values = json.loads(self.path.read_text())
        unknown = sorted(set(values) - KEYS)
        if unknown:
            raise ValueError(f"{self.path}: unknown faults {unknown}, known: {sorted(KEYS)}")
        self.values, self._seen = values, seen

    @property
    def latency(self) -> float:
        return float(self.values.get("latency_ms", 0)) / 1000

    def offline(self, node: str) -> bool:
        return node in self.values.get("nodes_offline", ())

    def full(self, storage: str, node: str | None) -> bool:
        full = self.values.get("storage_full", ())
        return storage in full or f"{storage}@{node}" in full

    def lock(self, vmid: int) -> str | None:
        held = self.values.get("locked", {}).get(str(vmid))
        return None if held is None else str(held)

    def agent_down(self, vmid: int) -> bool:
        return vmid in self.values.get("agent_down", ())

    def call(self, method: str, path: str) -> CallFault | None:
        """What this request is to suffer."""
        for rule in self.values.get("calls", ()):
            if _method(rule["method"], method) and re.match(rule["path"], path) and _take(rule):
                kind = str(rule.get("do", "answer"))
                if kind not in KINDS:
                    raise ValueError(f"unknown fault {kind!r}, known: {sorted(KINDS)}")
                return CallFault(kind, int(rule.get("status", 500)), str(rule.get("message", "")), float(rule.get("seconds", 0)))
        return None

    def task(self, kind: str, ident: str) -> str | None:
        """The text that this task is to end with."""
        for rule in self.values.get("tasks", ()):
            if rule["type"] == kind and str(rule.get("id", ident)) == ident and _take(rule):
                return str(rule["message"])
        return None


def _method(wanted: str, method: str) -> bool:
    return wanted == method or wanted == "*" or (wanted == "!GET" and method not in ("GET", "HEAD"))


def _take(rule: dict[str, Any]) -> bool:
    if rule.get("skip", 0) > 0:
        rule["skip"] -= 1
        return False
    if "times" not in rule:
        return True
    rule["times"] -= 1
    return bool(rule["times"] >= 0)
