# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: what high availability needs for a guest to be as desired."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .guest import DesiredGuest, ObservedGuest, State
from .steps import Do, Step
from .write import Change


def ha_steps(observed: ObservedGuest, desired: DesiredGuest, state: State, found: Mapping[str, Any] | None) -> list[Step]:
    """One step for all of it. A resource that states no state gets the one that the guest is to have, so that HA does not work against us."""
    if desired.ha is None or (desired.ha is False and found is None):
        return []
    if desired.ha is False:
        undo = f"make {desired.name} highly available again ({_ha_text(found or {})})"
        change = Change("ha", _ha_text(found or {}), None)
        return [Step(Do.HA, "not highly available any more", undo, {"resource": None, "nodes": None, "strict": False}, (change,))]
    stated = desired.ha if isinstance(desired.ha, Mapping) else {}
    runs = state is State.STARTED or (state is State.PRESENT and observed.status == "running")
    defaults = {"state": "started" if runs else "stopped", "max_restart": 1, "max_relocate": 1, "strict": False}
    old: Mapping[str, Any] = found or {}
    wanted = {key: value if key not in stated else type(value)(stated[key]) for key, value in {**defaults, **old}.items() if key != "nodes"}
    nodes = stated.get("nodes")
    changes = [Change(f"ha.{key}", _or_none(old.get(key)), str(value)) for key, value in wanted.items() if old.get(key) != value]
    if "strict" not in old and not wanted["strict"]:
        changes = [change for change in changes if change.key != "ha.strict"]
    if nodes is not None and dict(nodes) != dict(old.get("nodes") or {}):
        changes.append(Change("ha.nodes", _nodes_text(old.get("nodes")), _nodes_text(nodes)))
    if found is not None and not changes:
        return []
    resource = {key: wanted[key] for key in ("state", "max_restart", "max_relocate")}
    values = {"resource": resource, "nodes": nodes, "strict": wanted["strict"]}
    undo = f"set it back to {_ha_text(old)}" if found else f"remove {desired.name} from the HA resources"
    return [Step(Do.HA, f"highly available ({_ha_text({**wanted, 'nodes': nodes or old.get('nodes')})})", undo, values, tuple(changes))]


def _ha_text(ha: Mapping[str, Any]) -> str:
    shown = [f"{key} {_nodes_text(value) if key == 'nodes' else value}" for key, value in ha.items() if value not in (None, {}, False)]
    return ", ".join(shown)


def _nodes_text(nodes: Mapping[str, int] | None) -> str | None:
    return ",".join(f"{node}:{rank}" if rank else node for node, rank in sorted(nodes.items())) if nodes else None


def _or_none(value: Any) -> str | None:
    return None if value is None else str(value)
