# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a survey meets the estate's files: which hosts are left alone, and how a survey's file is read, compared and written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .._conduct.journal import move_states
from .._domain.errors import LotseError
from .._domain.phases import BEGUN
from .._survey import schema
from . import estate_file, ledger


@dataclass(frozen=True)
class Kept:
    """A host that is not surveyed again: ``retired`` or ``begun``, and why."""

    state: str
    reason: str


def kept(estate_dir: Path, host: str) -> Kept | None:
    """Why a host keeps the survey that it has, or None: after a move began, a new one would describe our own work.

    Raises LotseError when moves have begun and nobody can say whose they are.
    """
    retired = ledger.read(estate_dir)["retired"].get(host)
    if retired:
        return Kept("retired", f"retired since {retired['retired_at']}")
    begun = {move: state for move, state in move_states(estate_dir).items() if state in BEGUN}
    if not begun:
        return None
    mine = [f"{move} is {begun[move]}" for move in _moves_from(estate_dir / "plan.yml", host) if move in begun]
    return Kept("begun", f"a move from it has begun: {', '.join(mine)}") if mine else None


def _moves_from(plan: Path, host: str) -> list[str]:
    if not plan.is_file():
        raise LotseError("moves have begun, and their plan is missing", str(plan), "restore it from your version control")
    try:
        loaded = yaml.safe_load(plan.read_text(encoding="utf-8"))
        return [move["id"] for move in loaded["moves"] if move["from"] == host]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise LotseError(f"its moves cannot be read: {error}", str(plan), "restore it from your version control") from None


def path_of(estate_dir: Path, host: str) -> Path:
    """The file of a host's survey. Raises LotseError for a name that would leave its folder."""
    if "/" in host or host in ("", ".", ".."):
        raise LotseError(f"{host!r} cannot be the name of a survey's file", "the inventory", "give the host another name")
    return estate_dir / "survey" / f"{host}.json"


def read(path: Path) -> dict[str, Any] | None:
    """The survey in a file, None where there is none. Raises LotseError naming file and field for one that is not sound."""
    if not path.is_file():
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LotseError(f"this is not text in UTF-8: {error}", str(path), schema.RERUN) from None
    return schema.load(text, str(path))


def former(path: Path) -> dict[str, Any] | None:
    """The survey that a new one is compared with and replaces: None also for one of an older shape, which nothing reads any more."""
    if path.is_file() and schema.outdated(path.read_text(encoding="utf-8", errors="replace")):
        return None
    return read(path)


def write(path: Path, survey: Mapping[str, Any]) -> None:
    """Replaces the file in one step: a reader sees the old survey or the new one."""
    text = schema.dump(survey)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    estate_file.put(path, text)


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any], path: Path) -> tuple[bool, dict[str, str]]:
    """Whether the host changed, and both sides for ``--diff``, without what moves by itself."""
    old = schema.dump(schema.comparable(before)) if before is not None else ""
    new = schema.dump(schema.comparable(after))
    return old != new, {"before": old, "after": new, "before_header": str(path), "after_header": str(path)}
