# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module pve_template does between its parameters and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._pve.diff import State, Step
from .._pve.fleet import Fleet, Settings
from .._pve.keeper import Keeper, TemplateError, TemplatePlan, TemplateResult
from .._pve.templates import Generation, Image, Recipe
from .pve_params import gateway_of, vmids_of
from .pve_render import step_dict, steps_text
from .pve_start import RunFailedError

Result = dict[str, Any]


def run_template(params: Result, check: bool) -> Result:
    """Builds and rotates, or says what that would do."""
    gateway = gateway_of(params)
    first, last = vmids_of(params)
    settings = Settings(
        state=State.TEMPLATE,
        first_vmid=first,
        last_vmid=last,
        task_timeout=params["task_timeout"],
        max_destroys=params["max_destroys"],
        keep_going=True,
    )
    keeper = Keeper(Fleet(gateway, settings), recipe_of(params), params["keep"])
    plan = keeper.plan() if params["state"] == "present" else keeper.plan_absent()
    if check:
        return _shown(plan, plan.foreseen(), gateway.calls)
    try:
        result = keeper.apply(plan)
    except TemplateError as failure:
        raise RunFailedError(str(failure), _shown(plan, failure.result, gateway.calls)) from None
    return _shown(plan, result, gateway.calls)


def recipe_of(params: Result) -> Recipe:
    return Recipe(
        name=params["name"],
        node=params["node"],
        image=Image(**params["image"]) if params["image"] else Image(),
        storage=params["storage"] or "",
        import_storage=params["import_storage"],
        disk=params["disk"],
        hardware=params["hardware"],
        pool=params["pool"],
        tags=tuple(params["tags"]),
    )


def _shown(plan: TemplatePlan, result: TemplateResult, calls: int) -> Result:
    left = [_generation(one, result.names, result.kept) for one in plan.others if one.vmid not in result.gone]
    template = {}
    if plan.turn.ordinal:
        template = {
            "name": plan.recipe.name, "generation": plan.turn.ordinal, "vmid": result.vmid, "node": plan.recipe.node,
            "fingerprint": plan.recipe.fingerprint,
        }  # fmt: skip
    return {
        "changed": bool(result.steps),
        "template": template,
        "generations": left,
        "steps": [step_dict(step) for step in result.steps],
        "tasks": list(result.tasks),
        "diff": _diff(plan, result.steps, left),
        "api_calls": calls,
    }


def _generation(one: Generation, names: Mapping[int, str], kept: Mapping[int, str]) -> Result:
    return {
        "name": names.get(one.vmid, one.guest.name), "generation": one.ordinal, "vmid": one.vmid, "node": one.guest.node,
        "fingerprint": one.fingerprint, "kept": kept.get(one.vmid),
    }  # fmt: skip


def _diff(plan: TemplatePlan, steps: Sequence[Step], left: Sequence[Result]) -> list[dict[str, str]]:
    if not steps:
        return []
    kept = [f"  = {one['name']} (VM {one['vmid']}) stays: {one['kept']}\n" for one in left if one["kept"]]
    head = f"template {plan.recipe.name} on {plan.recipe.node}\n"
    return [{"prepared": head + steps_text([step_dict(step) for step in steps]) + "".join(kept)}]
