# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module estate_plan does: reads surveys, plans, and writes plan.yml, guests/*.yml and plan.html. Same input, same bytes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .._conduct.journal import move_states
from .._domain.errors import LotseError
from .._planning import plan as planning
from .._planning.policy import parse
from .._report.plan_page import render
from .._survey import schema
from . import estate_file, survey_load

HEAD = "---\n# Written by the playbook plan. What it shall say differently is declared in the inventory, then planned again.\n"
UNTOUCHED = frozenset({"planned", "rolled_back"})
POLICY = (
    "environment", "address_range", "guest_defaults", "legacy_facts", "node_facts", "waivers", "dropped_services", "guests", "placement", "comfort",
)  # fmt: skip


def run(params: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """The module's result. In check mode nothing is written. Raises LotseError before anything is changed."""
    estate = Path(params["estate_dir"])
    given = {name: params[name] for name in POLICY if params[name] is not None}
    policy = parse({**given, "public_address": params["edge_public_address"]}, today(params["today"]))
    surveys = read_surveys(estate, params["hosts"])
    previous = read_previous(estate)
    plan = planning.plan(surveys, params["cluster"], policy, previous, survey_load.read(estate, params["hosts"]))
    keep_begun_moves(plan, previous, move_states(estate))
    files = render_files(plan, surveys)
    differing = [path for path, text in files.items() if content(estate / path) != text]
    stale = [file for file in sorted((estate / "guests").glob("*.yml")) if f"guests/{file.name}" not in files]
    before = content(estate / "plan.yml") or ""
    # The page shows measured values too. That they moved is no change of the plan, as it is none of the survey.
    changed = bool(stale or [path for path in differing if path != "plan.html" or not (estate / path).is_file()])
    if not check:
        for path in differing:
            estate_file.put(estate / path, files[path])
        for file in stale:
            file.unlink()
    name = str(estate / "plan.yml")
    return {
        "changed": changed,
        "plan_file": name,
        "guests": [guest["name"] for guest in plan["guests"]],
        "moves": [move["id"] for move in plan["moves"]],
        "blocking": [f"{row['id']} on {row['host']}: {row['title']} — {row['remedy']}" for row in planning.blocking(plan)],
        "diff": {"before_header": name, "after_header": name, "before": before, "after": files["plan.yml"]},
    }


def today(given: str | None) -> datetime.date:
    """The day that waivers are judged on: UTC, unless it was given."""
    if not given:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.date.fromisoformat(given)
    except ValueError:
        raise LotseError(f"today is {given!r}, not a date such as 2026-11-24", "", "correct it, or leave it out") from None


def read_surveys(estate: Path, hosts: Sequence[str]) -> list[dict[str, Any]]:
    """The survey of each legacy host, retired ones too. One that is missing makes the whole plan wrong, so it is an error."""
    if not hosts:
        raise LotseError("there is no legacy host", "inventory group legacy", "put the old servers into the group legacy")
    paths = {host: estate / "survey" / f"{host}.json" for host in sorted(set(hosts))}
    missing = [host for host, path in paths.items() if not path.is_file()]
    if missing:
        raise LotseError(f"there is no survey of {', '.join(missing)}", str(estate / "survey"), "run the playbook survey first")
    surveys = []
    for host, path in paths.items():
        survey = schema.load(path.read_text(encoding="utf-8"), str(path))
        if survey["host"] != host:
            raise LotseError(f"this is the survey of {survey['host']}, not of {host}", str(path), "run the playbook survey again")
        surveys.append(survey)
    return surveys


def read_previous(estate: Path) -> dict[str, Any] | None:
    path = estate / "plan.yml"
    if not path.is_file():
        return None
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as failure:
        raise LotseError(f"the former plan is not YAML: {failure}", str(path), "restore it from your version control") from None
    if not isinstance(loaded, dict):
        raise LotseError("the former plan is not a plan", str(path), "restore it from your version control, or remove it")
    return loaded


def keep_begun_moves(plan: Mapping[str, Any], previous: Mapping[str, Any] | None, states: Mapping[str, str]) -> None:
    """Raises LotseError when the new plan would lose, or send elsewhere, a move that has begun."""
    now = {move["id"]: move for move in plan["moves"]}
    for move in (previous or {}).get("moves", ()):
        state = states.get(move["id"], "planned")
        after = now.get(move["id"], {})
        if state not in UNTOUCHED and any(after.get(key) != move[key] for key in ("service", "from", "to")):
            what = f"the move {move['id']} is {state}, but the new plan " + (f"sends it to {after['to']}" if after else "has no such move")
            raise LotseError(what, "plan.yml", "take it back first (playbook rollback), or undo the change that you made")


def render_files(plan: Mapping[str, Any], surveys: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Contents by path in the estate's directory."""
    guests = {f"guests/{guest['name']}.yml": HEAD + dump(guest["settings"]) for guest in plan["guests"]}
    return {"plan.yml": HEAD + dump(plan), **guests, "plan.json": as_json(plan), "plan.html": render(plan, surveys)}


def as_json(plan: Mapping[str, Any]) -> str:
    return json.dumps(plan, indent=1, ensure_ascii=False) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes lists indented, as yamllint wants them, and never an alias: people read and edit these files."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - the name is the base class's
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def dump(data: Mapping[str, Any]) -> str:
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=140, default_flow_style=False)


def content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
