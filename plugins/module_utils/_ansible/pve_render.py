# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleet plans and results as module results and as diffs that a person reads."""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence
from typing import Any

from .._pve.diff import Change, Do, Step, pending_after
from .._pve.fleet import GuestPlan, GuestResult
from .._pve.values import addresses_in

SIGNS = {
    Do.DOWNLOAD: "+", Do.CLONE: "+", Do.CREATE: "+", Do.DETACH: "-", Do.PURGE: "-", Do.STOP: "-", Do.SHUTDOWN: "-", Do.DESTROY: "-",
}  # fmt: skip


def step_dict(step: Step) -> dict[str, Any]:
    changes = [{"key": change.key, "before": change.before, "after": change.after} for change in step.changes]
    return {"do": str(step.do), "text": step.text, "undo": step.undo, "changes": changes}


def plan_dict(plan: GuestPlan) -> dict[str, Any]:
    """A guest in check mode."""
    return {
        "name": plan.desired.name,
        "vmid": plan.vmid,
        "node": plan.observed.node if plan.observed else plan.desired.node,
        "address": plan.desired.host,
        "addresses": addresses_in(plan.observed.config) if plan.observed else [plan.desired.host] if plan.desired.host else [],
        "changed": bool(plan.steps),
        "steps": [step_dict(step) for step in plan.steps],
        "tasks": [],
        "seconds": {},
        "pending": pending_after(plan.observed, plan.steps) if plan.observed else [],
    }


def result_dict(result: GuestResult) -> dict[str, Any]:
    """A guest after a run."""
    return {
        "name": result.name,
        "vmid": result.vmid,
        "node": result.node,
        "address": result.address,
        "addresses": list(result.addresses),
        "changed": result.changed,
        "steps": [step_dict(step) for step in result.steps],
        "tasks": list(result.tasks),
        "seconds": dict(result.seconds),
        "pending": list(result.pending),
        **({"error": result.error} if result.error else {}),
    }


def diffs(guests: Sequence[dict[str, Any]]) -> list[dict[str, str]]:
    """One readable piece for each guest that changes, for ``--diff``."""
    return [{"prepared": _guest_text(guest)} for guest in guests if guest["steps"]]


def _guest_text(guest: dict[str, Any]) -> str:
    return f"{guest['name']} (VM {guest['vmid']} on {guest['node']})\n" + steps_text(guest["steps"])


def steps_text(steps: Sequence[dict[str, Any]]) -> str:
    """A line for each step and each change."""
    lines = []
    for step in steps:
        lines.append(f"  {SIGNS.get(Do(step['do']), '~')} {step['text']}")
        lines += [f"      {_change_text(Change(**change))}" for change in step["changes"]]
    return "\n".join(lines) + "\n"


def _change_text(change: Change) -> str:
    before, after = (_short(change.key, text) for text in (change.before, change.after))
    return f"{change.key}: {before} -> {after}"


def _short(key: str, text: str | None) -> str:
    if text is None:
        return "(not set)"
    shown = urllib.parse.unquote(text).strip() if key == "sshkeys" else text
    shown = " | ".join(shown.splitlines())
    return shown if len(shown) <= 110 else f"{shown[:80]}…{shown[-25:]}"
