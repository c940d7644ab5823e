# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the plan of an estate for those who carry it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .._domain.errors import LotseError

SCHEMA = "lotse/plan/2"
PARTS = ("legacy", "services", "guests", "waves", "moves", "concerns")


def read_plan(estate_dir: Path) -> dict[str, Any]:
    """The plan. Raises LotseError when there is none, when it is no plan, or of another schema."""
    path = estate_dir / "plan.yml"
    if not path.is_file():
        raise LotseError("there is no plan", str(path), "run the playbook plan first")
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        what = f"the plan cannot be read ({str(failure).splitlines()[0]})"
        raise LotseError(what, str(path), "mend it, or run the playbook plan again") from failure
    if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
        raise LotseError(f"this is not a plan of schema {SCHEMA}", str(path), "run the playbook plan again")
    missing = [part for part in PARTS if part not in loaded]
    if missing:
        raise LotseError(f"the plan lacks {', '.join(missing)}", str(path), "run the playbook plan again")
    return loaded
