# SPDX-License-Identifier: GPL-3.0-or-later
"""The savings ledger: which legacy hosts are off, since when, proven by what."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from . import estate_file

SCHEMA = "lotse/ledger/1"


def read(estate_dir: Path) -> dict[str, Any]:
    """The ledger of an estate; empty where no host was retired yet. Raises ValueError for a file of another schema."""
    path = estate_dir / "ledger.yml"
    if not path.is_file():
        return {"schema": SCHEMA, "retired": {}}
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
        raise ValueError(f"{path} is not a ledger of schema {SCHEMA}: restore it from your version control")
    return loaded


def begin(estate_dir: Path, host: str, row: dict[str, Any]) -> None:
    """Notes that a host is about to be switched off, with the gates that it has passed: the host cannot be asked afterwards."""
    _change(estate_dir, lambda ledger: ledger.setdefault("retiring", {}).update({host: row}))


def add(estate_dir: Path, host: str, row: dict[str, Any]) -> None:
    """Adds the row of a host that has just been switched off."""

    def change(ledger: dict[str, Any]) -> None:
        ledger["retired"][host] = row
        ledger.get("retiring", {}).pop(host, None)
        if not ledger.get("retiring"):
            ledger.pop("retiring", None)

    _change(estate_dir, change)


def _change(estate_dir: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Atomic, and safe when hosts retire side by side."""
    estate_dir.mkdir(parents=True, exist_ok=True)
    path = estate_dir / "ledger.yml"
    with (estate_dir / ".ledger.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ledger = read(estate_dir)
        change(ledger)
        # Through JSON, because Ansible's strings carry tags that YAML cannot write.
        ledger = json.loads(json.dumps(ledger))
        estate_file.put(path, "---\n" + yaml.safe_dump(ledger, sort_keys=True, allow_unicode=True, width=120))
