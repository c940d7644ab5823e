# SPDX-License-Identifier: GPL-3.0-or-later
"""The load's records on disk: one JSON object a line, each line written at once, so that a killed load loses none of them."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUESTS, WRITES, UNANSWERED, META, AUDIT = "requests.jsonl", "writes.jsonl", "unanswered.jsonl", "meta.json", "audit.json"


class RecordsError(Exception):
    """The records cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Write:
    """A write that carries a token of its own. ``at`` is in seconds since 1970; ``user`` is set for profiles, ``sha256`` for uploads."""

    at: float
    kind: str
    token: str
    user: str = ""
    sha256: str = ""

    def row(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value != ""}


class Records:
    """Writes the records of one run. Raises RecordsError when the folder holds those of another."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.requests = self.failed = self.writes = 0
        try:
            self._requests, self._writes, self._unanswered = (
                (folder / name).open("x", encoding="utf-8", buffering=1) for name in (REQUESTS, WRITES, UNANSWERED)
            )
        except FileExistsError as error:
            raise RecordsError(f"{error.filename} is the record of an earlier load: name another --dir, or remove it") from error

    def request(self, *, at: float, ms: float, op: str, method: str, status: int, error: str, retried: bool = False) -> None:
        self.requests += 1
        self.failed += bool(error)
        row = {"at": round(at, 4), "ms": round(ms, 2), "op": op, "method": method, "status": status, "ok": not error, "error": error[:300]}
        if retried:
            row["retried"] = True
        self._requests.write(json.dumps(row) + "\n")

    def acknowledged(self, write: Write) -> None:
        self.writes += 1
        self._writes.write(json.dumps(write.row()) + "\n")

    def unanswered(self, write: Write) -> None:
        self._unanswered.write(json.dumps(write.row()) + "\n")

    def meta(self, **values: Any) -> None:
        put(self._folder / META, values)

    def close(self) -> None:
        for file in (self._requests, self._writes, self._unanswered):
            file.close()


def put(path: Path, value: Any) -> None:
    """A whole file, or the old one."""
    partial = path.with_name(f".{path.name}.{time.time_ns()}")
    partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(path)


def read_writes(path: Path) -> list[Write]:
    """The writes of a file in the order of their answers. A last line without an end was never recorded as whole, and does not count."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError as error:
        raise RecordsError(f"{path} is missing: there was no load to look after") from error
    try:
        return [Write(**json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise RecordsError(f"{path} is damaged: {error}") from error
