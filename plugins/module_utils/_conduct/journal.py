# SPDX-License-Identifier: GPL-3.0-or-later
"""The write-ahead journal of a move: intent before, result after, each entry chained to the one before by its hash.

``estate/<env>/journal/<move>.jsonl`` has one JSON object a line::

    {"seq": 7, "at": "2026-11-24T06:20:01.123+00:00", "run": "4f1c…", "move": "mariadb", "event": "intent", "phase": "replicating",
     "step": "seed", "data": {"undo": "…"}, "previous": "<hash of entry 6>", "hash": "<SHA-256 of this entry without its hash>"}

An entry is on the disk before the step that it announces begins. A last line that was cut off by a crash is dropped; a chain that is
broken anywhere else is an error, because then nobody knows what was done.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._domain.errors import LotseError
from .._domain.phases import State, advance

Entry = dict[str, Any]
START = "0" * 64


class Journal:
    """The journal of one move. Reading it proves the chain."""

    def __init__(self, estate_dir: Path, move: str, run: str) -> None:
        self.path = estate_dir / "journal" / f"{move}.jsonl"
        self.move, self.run = move, run
        self.entries = read(self.path)
        self._cut_torn_end()

    @property
    def state(self) -> State:
        return _state(self.entries)

    def to(self, state: State, **data: Any) -> None:
        """Enters a state that the phase table allows."""
        advance(self.move, self.state, state)
        self.write("state", str(state), data=data)

    @contextmanager
    def step(self, step: str, undo: str, **data: Any) -> Iterator[Entry]:
        """A mutating step: its intent with its undo before, its result (what the block put into the yielded dict) after."""
        self.write("intent", step, data={"undo": undo, **data})
        result: Entry = {}
        try:
            yield result
        except BaseException as failure:
            self.write("failed", step, data={"error": f"{type(failure).__name__}: {failure}"[:2000]})
            raise
        self.write("result", step, data=result)

    def observe(self, step: str, **data: Any) -> None:
        """Something that was seen and that a report or a gate will ask for."""
        self.write("observation", step, data=data)

    def last(self, event: str, step: str) -> Entry | None:
        """The data of the newest entry of that kind."""
        return next((entry["data"] for entry in reversed(self.entries) if (entry["event"], entry["step"]) == (event, step)), None)

    def write(self, event: str, step: str, *, data: Mapping[str, Any]) -> None:
        entry: Entry = {
            "seq": len(self.entries) + 1,
            "at": now(),
            "run": self.run,
            "move": self.move,
            "event": event,
            "phase": step if event == "state" else str(self.state),
            "step": step,
            "data": dict(data),
            "previous": self.entries[-1]["hash"] if self.entries else START,
        }
        entry["hash"] = _hash(entry)
        try:
            self._append(json.dumps(entry, sort_keys=True, ensure_ascii=False) + "\n")
        except OSError as failure:
            remedy = "make it writable, then run this again: no step is taken that the journal does not announce"
            raise LotseError(f"the journal cannot be written ({failure.strerror})", str(self.path), remedy) from failure
        self.entries.append(entry)

    def _append(self, line: str) -> None:
        """The whole line is on the disk, or nothing of it: half a line would break the chain for every later one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab", buffering=0) as file:
            size = file.tell()
            try:
                data = line.encode()
                if file.write(data) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                with contextlib.suppress(OSError):
                    file.truncate(size)
                raise

    def _cut_torn_end(self) -> None:
        """Takes a half-written last line away, so that the next entry starts on a line of its own."""
        if self.path.is_file():
            text = self.path.read_bytes()
            whole = text[: text.rfind(b"\n") + 1]
            if whole != text:
                with self.path.open("r+b") as file:
                    file.truncate(len(whole))


def now() -> str:
    """UTC with milliseconds, as in ``2026-11-24T06:20:01.123+00:00``."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def read(path: Path) -> list[Entry]:
    """The entries of a journal, oldest first; none for a move that never began. Raises LotseError for a broken chain."""
    if not path.is_file():
        return []
    entries: list[Entry] = []
    previous = START
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        if not line.endswith("\n"):
            break  # the controller died while it wrote this: the step had not begun
        try:
            entry = json.loads(line)
            sound = entry["previous"] == previous and entry["hash"] == _hash(entry) and entry["seq"] == number
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            remedy = "restore it from a backup; no step is taken on a journal that lies"
            raise LotseError("the journal was changed or is damaged", f"{path}, line {number}", remedy)
        entries.append(entry)
        previous = entry["hash"]
    return entries


def move_states(estate_dir: Path) -> dict[str, str]:
    """The state of every move that has a journal, by the move's id. A move without one is ``planned`` and not in the answer."""
    folder = estate_dir / "journal"
    paths = sorted(folder.glob("*.jsonl")) if folder.is_dir() else []
    return {path.stem: str(_state(read(path))) for path in paths if path.stem != "phases"}


def _state(entries: list[Entry]) -> State:
    return next((State(entry["step"]) for entry in reversed(entries) if entry["event"] == "state"), State.PLANNED)


def _hash(entry: Mapping[str, Any]) -> str:
    body = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
