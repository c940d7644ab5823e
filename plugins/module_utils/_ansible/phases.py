# SPDX-License-Identifier: GPL-3.0-or-later
"""When playbooks and plays ran (journal/phases.jsonl), and what the moves' journals say is going on at this moment."""

from __future__ import annotations

import datetime
import json
import time
import uuid
from pathlib import Path
from typing import Any

import yaml

TAIL_BYTES = 8192


class Phases:
    """Appends one line when a playbook or a play starts or ends. Lines wait in memory until the estate's directory exists.

    A line is ``{"at": UTC ISO time, "run": id, "event": "playbook started|ended" or "play started|ended", "name", "elapsed_s": seconds
    since it started}``. A file that cannot be written is left alone: a display must not stop a crossing.
    """

    def __init__(self) -> None:
        self.estate_dir: Path | None = None
        self._run = uuid.uuid4().hex[:12]
        self._waiting: list[str] = []
        self._open: dict[str, tuple[str, float]] = {}

    def start(self, what: str, name: str) -> None:
        """``what`` is playbook or play. The one that is open ends first."""
        self.end(what)
        self._open[what] = (name, time.monotonic())
        self._note(f"{what} started", name, 0.0)

    def end(self, what: str) -> None:
        if what in self._open:
            name, began = self._open.pop(what)
            self._note(f"{what} ended", name, time.monotonic() - began)

    def _note(self, event: str, name: str, elapsed: float) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        row = {"at": now, "run": self._run, "event": event, "name": name, "elapsed_s": round(elapsed, 3)}
        self._waiting.append(json.dumps(row, ensure_ascii=False) + "\n")
        if self.estate_dir is None or not self.estate_dir.is_dir():
            return
        path = self.estate_dir / "journal" / "phases.jsonl"
        try:
            path.parent.mkdir(exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write("".join(self._waiting))
        except OSError:
            return
        self._waiting.clear()


class Doing:
    """The newest journal entry of a move, as a few words. Only entries written after ``since`` (epoch seconds) count."""

    def __init__(self, estate_dir: Path, since: float) -> None:
        self._estate_dir, self._since = estate_dir, since
        self._seen: tuple[Path, int] | None = None
        self._words = ""
        self._waves: dict[str, int] | None = None

    def words(self) -> str:
        """For example ``wave 2 · mariadb · cutting``; empty while no move is under way or the journal cannot be read."""
        try:
            files = [(path.stat().st_mtime, path) for path in (self._estate_dir / "journal").glob("*.jsonl") if path.name != "phases.jsonl"]
            recent = max((row for row in files if row[0] >= self._since), default=None)
            if recent is None:
                return ""
            path, size = recent[1], recent[1].stat().st_size
            if self._seen != (path, size):
                self._words, self._seen = self._read(path, size), (path, size)
        except (OSError, ValueError):
            return self._words
        return self._words

    def _read(self, path: Path, size: int) -> str:
        with path.open("rb") as file:
            file.seek(max(0, size - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
        entry: dict[str, Any] = json.loads(lines[-1])
        move = str(entry.get("move", path.stem))
        wave = self._wave(move)
        parts = [f"wave {wave}" if wave else "", move, str(entry.get("phase") or ""), str(entry.get("step") or "")]
        return " · ".join(dict.fromkeys(part for part in parts if part))

    def _wave(self, move: str) -> int | None:
        if self._waves is None:
            try:
                plan = yaml.safe_load((self._estate_dir / "plan.yml").read_text(encoding="utf-8"))
                self._waves = {str(row["id"]): int(row["wave"]) for row in plan["moves"]}
            except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError):
                self._waves = {}
        return self._waves.get(move)
