# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.yml as a file: people's overrides above the line, what the playbook plan wrote below it, sealed so that an edit is seen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .._domain.errors import LotseError
from .._planning import overriding
from .._planning.plan import SCHEMA
from .._planning.seal import SEAL, broken, differences, digest, seal
from .plan_yaml import dump, load

PARTS = ("legacy", "services", "guests", "waves", "moves", "concerns")
AGAIN = "run the playbook plan again"
LINE = "# ---- The playbook plan writes everything below this line. What is edited there is refused: say it in overrides, or in the inventory."
TOP = """---
# What you want to be different goes into overrides; then run the playbook plan again. What you write here stays as it is, comments too.
# Guide: docs/guides/plan.md
overrides:
  guests: {}   # db-01: {cores: 8, memory_mib: 16384, disk_gib: 200, node: pve3, storage: nvme, bridge: vmbr1, tags: [gold]}
  moves: {}    # mariadb: {wave: data 2}
  waves: {}    # data canary: {window: {start: "2026-12-02T09:00:00+01:00", end: "2026-12-02T10:00:00+01:00"}}
"""
# How a generated field is said in overrides: the part, what it is called there, and where the value is in the row.
SAID = {
    "cores": "cores", "memory_mib": "memory_mib", "disks.scsi0.size_gib": "disk_gib", "node": "node", "disks.scsi0.storage": "storage",
    "nics.net0.bridge": "bridge",
}  # fmt: skip


def read_plan(estate_dir: Path) -> dict[str, Any]:
    """The plan. Raises LotseError when there is none, when it is no plan, or of another schema."""
    path = estate_dir / "plan.yml"
    if not path.is_file():
        raise LotseError("there is no plan", str(path), "run the playbook plan first")
    try:
        loaded = load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        what = f"the plan cannot be read ({str(failure).splitlines()[0]})"
        raise LotseError(what, str(path), f"mend it, or {AGAIN}") from failure
    if not isinstance(loaded, dict) or loaded.get("schema") != SCHEMA:
        raise LotseError(f"this is not a plan of schema {SCHEMA}", str(path), AGAIN)
    missing = [part for part in PARTS if part not in loaded]
    if missing:
        raise LotseError(f"the plan lacks {', '.join(missing)}", str(path), AGAIN)
    return loaded


def read_sealed(estate_dir: Path) -> dict[str, Any]:
    """The plan as the playbook plan wrote it. Raises LotseError when it was edited since, overrides included. One without a seal was made
    otherwise; an approval covers it all the same."""
    plan = with_plain_overrides(read_plan(estate_dir))
    path = estate_dir / "plan.yml"
    parts = broken(plan) if SEAL in plan else []
    if not parts:
        return plan
    if parts == ["overrides"]:
        raise LotseError("overrides were edited since the plan was made", str(path), AGAIN)
    raise LotseError(f"the plan was edited by hand: {', '.join(edits(estate_dir, plan)) or ', '.join(parts)}", str(path), AGAIN)


def read_previous(estate: Path) -> dict[str, Any] | None:
    """The former plan with people's overrides, or None. Raises LotseError for one that was edited below the line."""
    path = estate / "plan.yml"
    if not path.is_file():
        return None
    restore = "restore it from your version control"
    try:
        text = path.read_text(encoding="utf-8")
        loaded = load(text)
    except (yaml.YAMLError, UnicodeDecodeError) as failure:
        raise LotseError(f"the former plan is not YAML: {failure}", str(path), restore) from None
    if not isinstance(loaded, dict):
        raise LotseError("the former plan is not a plan", str(path), f"{restore}, or remove it")
    if loaded.get("schema") != SCHEMA:
        return loaded  # the plan says what it thinks of that
    _only_overrides(text, path)
    plan = with_plain_overrides(loaded)
    parts = [part for part in broken(plan) if part != "overrides"]
    if parts:
        fields = edits(estate, plan)
        if fields or not (estate / "plan.json").is_file() or not _trusted(estate, plan):
            what = f"the plan was edited by hand below its line: {'; '.join(fields or parts)}"
            raise LotseError(what, str(path), f"put the old value back, or {restore}; decide in overrides or in the inventory")
    return plan


def with_plain_overrides(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {**plan, "overrides": overriding.plain(plan.get("overrides"))}


def edits(estate: Path, plan: Mapping[str, Any], most: int = 5) -> list[str]:
    """The edited fields in words, each with how to say it in overrides. Empty where plan.json does not know the former values, and where
    overrides already say the same."""
    if not _trusted(estate, plan):
        return []
    former = json.loads((estate / "plan.json").read_text(encoding="utf-8"))
    ignored = (SEAL, "digest", "overrides")
    before, now = ({name: part for name, part in side.items() if name not in ignored} for side in (former, plan))
    found = []
    for where, old, new in differences(before, now):
        hint, said = _hint(where, new, plan["overrides"])
        if not said:
            found.append(f"{where} is {_short(new)}, and the plan wrote {_short(old)}{hint}")
    return found[:most] + ([f"and {len(found) - most} more"] if len(found) > most else [])


def _trusted(estate: Path, plan: Mapping[str, Any]) -> bool:
    """Whether plan.json is what was written beside this plan.yml."""
    try:
        former = json.loads((estate / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(former, dict):
        return False
    return seal({name: part for name, part in former.items() if name not in {SEAL, "digest"}}) == plan.get(SEAL)


def _hint(where: str, new: Any, overrides: Mapping[str, Any]) -> tuple[str, bool]:
    """How a field is decided in overrides, and whether they already say so."""
    part, _, rest = where.partition("[")
    name, _, field = rest.partition("].")
    if part == "guests" and field in SAID:
        said = overrides["guests"].get(name, {}).get(SAID[field])
        return f" (overrides: {{guests: {{{name}: {{{SAID[field]}: {new}}}}}}})", said == new
    if part == "moves" and field == "wave":
        return f" (overrides: {{moves: {{{name}: {{wave: NAME OF A WAVE}}}}}})", False
    if part == "waves" and field.startswith("window"):
        return f" (overrides: {{waves: {{{name}: {{window: {{start: …, end: …}}}}}}}})", False
    return "", False


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _only_overrides(text: str, path: Path) -> None:
    top = load(text.split(LINE)[0]) if LINE in text else None
    strange = sorted(str(name) for name in set(top) - {"overrides"}) if isinstance(top, dict) else []
    if strange:
        raise LotseError(f"{', '.join(strange)} stands above the line, where only overrides belong", str(path), "remove it")


def written(plan: Mapping[str, Any], former: str) -> str:
    """The text of plan.yml. What people wrote above the line of the former text stays as it is."""
    rest = {name: part for name, part in plan.items() if name != "overrides"}
    return f"{_top(plan, former)}{LINE}\n{dump({'schema': rest.pop('schema'), SEAL: seal(plan), **rest})}"


def _top(plan: Mapping[str, Any], former: str) -> str:
    if LINE in former:
        top = former.split(LINE)[0]
        if overriding.plain((load(top) or {}).get("overrides")) == plan["overrides"]:
            return top if top.endswith("\n") or not top else f"{top}\n"
    if any(plan["overrides"].values()):
        return f"---\n{dump({'overrides': plan['overrides']})}"
    return TOP


def as_json(plan: Mapping[str, Any]) -> str:
    """plan.json: the same content for programs, with the digest that people sign."""
    return json.dumps({**plan, "digest": digest(plan)}, indent=1, ensure_ascii=False) + "\n"
