# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signed the plan: ``approval.yml`` has the digest of what was signed, ``approved.json`` that plan itself, so that changes can be told."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .._domain.errors import LotseError
from .._planning import changes
from .._planning.plan import blocking
from .._planning.seal import digest
from .plan_file import as_json
from .plan_yaml import dump, load

SCHEMA = "lotse/approval/1"
FILE, SIGNED = "approval.yml", "approved.json"
HEAD = "---\n# Who signed which plan. The playbook plan writes it (-e plan_approve_by=NAME), and migrate compares the digest.\n"


def read(estate_dir: Path) -> dict[str, Any] | None:
    """The approval, or None. Raises LotseError for a damaged one."""
    path = estate_dir / FILE
    if not path.is_file():
        return None
    try:
        loaded = load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        loaded = None
    if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA or not isinstance(loaded.get("plan"), str):
        raise LotseError(f"this is not an approval of schema {SCHEMA}", str(path), "approve the plan again, or remove the file")
    return loaded


def files(
    plan: Mapping[str, Any], former: Mapping[str, Any] | None, by: str, note: str, approvers: Sequence[str], day: datetime.date
) -> dict[str, str]:
    """What signing writes, by path in the estate. Raises LotseError when it must not be signed. The day stays when the same is signed again."""
    if not by.strip():
        raise LotseError("nobody signs the plan", "plan_approve_by", "give a name")
    if approvers and by not in approvers:
        raise LotseError(f"{by} may not approve the plan", "plan_approve_by", f"plan_approvers has {', '.join(approvers)}")
    if stopping := blocking(plan):
        names = ", ".join(f"{row['id']} on {row['host']}" for row in stopping[:8])
        raise LotseError(f"{len(stopping)} critical concern(s) are open, so the plan cannot be approved: {names}", "plan.yml", "mend or waive them")
    row = {
        "schema": SCHEMA, "plan": digest(plan), "approver": by, "day": day.isoformat(), "note": note,
        "waivers": sum(1 for waiver in plan["waivers"] if waiver["counts"]),
    }  # fmt: skip
    if former and all(former.get(name) == value for name, value in row.items() if name != "day"):
        row["day"] = former["day"]
    return {FILE: HEAD + dump(row), SIGNED: as_json(plan)}


def state(estate_dir: Path, plan: Mapping[str, Any]) -> str:
    """In words: whether this plan is signed."""
    found = read(estate_dir)
    if found is None:
        return "not approved"
    if found["plan"] == digest(plan):
        return f"approved by {found['approver']} on {found['day']}"
    return f"not approved: {found['approver']} approved another plan on {found['day']}"


def check(estate_dir: Path, plan: Mapping[str, Any], *, required: bool) -> None:
    """Raises LotseError unless the plan is the one that was signed. Where nobody signed, ``required`` decides."""
    found = read(estate_dir)
    path = str(estate_dir / FILE)
    if found is None:
        if required:
            raise LotseError("nobody has approved the plan", path, "review it, then run the playbook plan with -e plan_approve_by=NAME")
        return
    if found["plan"] != digest(plan):
        what = f"the plan is not the one that {found['approver']} approved on {found['day']}: {_changed(estate_dir, found, plan)}"
        raise LotseError(what, path, "review what changed, then run the playbook plan with -e plan_approve_by=NAME")


def _changed(estate_dir: Path, found: Mapping[str, Any], plan: Mapping[str, Any], most: int = 5) -> str:
    try:
        signed = json.loads((estate_dir / SIGNED).read_text(encoding="utf-8"))
        signed.pop("digest", None)
        if digest(signed) != found["plan"]:
            return f"{SIGNED} is of another plan, so nobody can say what changed"
    except (OSError, ValueError, AttributeError):
        return f"{SIGNED} is missing or damaged, so nobody can say what changed"
    rows = changes.between(signed, plan)
    told = [f"{row['what']}: {row['from']} -> {row['to']}" for row in rows[:most]]
    return "; ".join(told) + (f"; and {len(rows) - most} more" if len(rows) > most else "") or "only what nobody sees (order, reasons)"
