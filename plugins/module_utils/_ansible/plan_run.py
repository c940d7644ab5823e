# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module estate_plan does: reads surveys, plans, and writes plan.yml, guests/*.yml and plan.html. Same input, same bytes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .._conduct.journal import move_states
from .._domain.errors import LotseError
from .._planning import changes, waivers
from .._planning import plan as planning
from .._planning.policy import Policy, parse
from .._planning.seal import digest
from .._report.plan_page import render
from .._survey import schema
from . import approval, estate_file, survey_load
from .plan_file import as_json, read_previous, written
from .plan_yaml import dump

HEAD = "---\n# Written by the playbook plan. What it shall say differently is declared in the inventory, then planned again.\n"
UNTOUCHED = frozenset({"planned", "rolled_back"})
POLICY = (
    "environment", "address_range", "guest_defaults", "legacy_facts", "node_facts", "waivers", "dropped_services", "guests", "placement", "comfort",
    "os", "templates", "rates", "target", "calendar", "waves", "approvers", "sizing",
)  # fmt: skip


def run(params: Mapping[str, Any], *, check: bool) -> dict[str, Any]:
    """The module's result. In check mode nothing is written. Raises LotseError before anything is changed."""
    estate = Path(params["estate_dir"])
    given = {name: params[name] for name in POLICY if params.get(name) is not None}
    policy = parse({**given, "public_address": params["edge_public_address"]}, today(params["today"]))
    surveys = read_surveys(estate, params["hosts"])
    previous, states = read_previous(estate), move_states(estate)
    begun = [move for move, state in states.items() if state not in UNTOUCHED]
    plan = planning.plan(surveys, params["cluster"], policy, previous, survey_load.read(estate, params["hosts"]), begun)
    keep_begun_moves(plan, previous, states)
    before = content(estate / "plan.yml") or ""
    told = changes.between(previous, plan)
    files = render_files(plan, surveys, before, told)
    differing = [path for path, text in files.items() if content(estate / path) != text]
    stale = [file for file in sorted((estate / "guests").glob("*.yml")) if f"guests/{file.name}" not in files]
    # The page shows measured values too. That they moved is no change of the plan, as it is none of the survey.
    changed = bool(stale or [path for path in differing if path != "plan.html" or not (estate / path).is_file()])
    if params.get("approve_by"):
        signed = _signed(estate, plan, params, policy, changed=changed)
        differing += [path for path, text in signed.items() if content(estate / path) != text]
        changed, files = changed or any(path in signed for path in differing), {**files, **signed}
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
        "changes": told,
        "digest": digest(plan),
        "approval": f"would be approved by {params['approve_by']}" if params.get("approve_by") and check else approval.state(estate, plan),
        "warnings": waivers.warnings(plan["waivers"], policy.day),
        "diff": _diff(name, before, files, told),
    }


def _signed(estate: Path, plan: Mapping[str, Any], params: Mapping[str, Any], policy: Policy, *, changed: bool) -> dict[str, str]:
    """What signing writes. Only a plan that lay there to be read can be signed."""
    if changed:
        what = "the plan is not the one that was reviewed: planned again, it would change"
        raise LotseError(what, str(estate / "plan.yml"), "run the playbook plan without plan_approve_by, review what changed, then approve")
    note = str(params.get("approve_note") or "")
    return approval.files(plan, approval.read(estate), str(params["approve_by"]), note, policy.approvers, policy.day)


def _diff(name: str, before: str, files: Mapping[str, str], told: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """What changes and why in words, then the text."""
    words = "".join(f"{row['what']}: {row['from']} -> {row['to']}\n    because {row['why']}\n" for row in told)
    text = {"before_header": name, "after_header": name, "before": before, "after": files["plan.yml"]}
    rows = [{"prepared": f"{len(told)} change(s) of the plan, and why\n{words}"}] if told else []
    if approval.FILE in files:
        rows.append({"prepared": f"approval.yml\n{files[approval.FILE]}"})
    return [*rows, text]


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


def keep_begun_moves(plan: Mapping[str, Any], previous: Mapping[str, Any] | None, states: Mapping[str, str]) -> None:
    """Raises LotseError when the new plan would lose, or send elsewhere, a move that has begun."""
    now = {move["id"]: move for move in plan["moves"]}
    for move in (previous or {}).get("moves", ()):
        state = states.get(move["id"], "planned")
        after = now.get(move["id"], {})
        if state not in UNTOUCHED and any(after.get(key) != move[key] for key in ("service", "from", "to")):
            what = f"the move {move['id']} is {state}, but the new plan " + (f"sends it to {after['to']}" if after else "has no such move")
            raise LotseError(what, "plan.yml", "take it back first (playbook rollback), or undo the change that you made")


def render_files(
    plan: Mapping[str, Any], surveys: Sequence[Mapping[str, Any]], former: str, told: Sequence[Mapping[str, str]] = ()
) -> dict[str, str]:
    """Contents by path in the estate's directory. ``former`` is the text of the former plan.yml, ``told`` what changed since, in words."""
    guests = {f"guests/{guest['name']}.yml": HEAD + dump(guest["settings"]) for guest in plan["guests"]}
    return {"plan.yml": written(plan, former), **guests, "plan.json": as_json(plan), "plan.html": render(plan, surveys, diff=told or None)}


def content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
