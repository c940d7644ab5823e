# SPDX-License-Identifier: GPL-3.0-or-later
"""High availability: a resource for each guest, and where it may run: a group up to 8.x, a node-affinity rule from 9.0.

The digest of the API covers all guests at once, so that our own writes for two guests would refuse each other. Every write here states
what is wanted as a whole and may be made twice; none carries a digest.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import DefinedAlreadyError, NotDefinedError
from .gateway import Gateway, Values
from .values import release_of

Row = dict[str, Any]
RESOURCES, GROUPS, RULES = "cluster/ha/resources", "cluster/ha/groups", "cluster/ha/rules"
RULES_SINCE = (9, 0)


def place_name(guest: str) -> str:
    """Our group or rule of a guest: ``lotse-db-01``."""
    return f"lotse-{guest}"


def node_priorities(text: str) -> dict[str, int]:
    """``pve1:2,pve2`` -> {"pve1": 2, "pve2": 0}"""
    pairs = (part.strip().partition(":") for part in text.split(",") if part.strip())
    return {node: int(priority or 0) for node, _, priority in pairs}


def node_list(nodes: Mapping[str, int]) -> str:
    return ",".join(f"{node}:{priority}" if priority else node for node, priority in sorted(nodes.items()))


@dataclass(frozen=True)
class HaView:
    """What was read: resources by VMID, and groups or rules by name."""

    rules: bool = True
    resources: Mapping[int, Row] = field(default_factory=dict)
    places: Mapping[str, Row] = field(default_factory=dict)

    def of(self, vmid: int, name: str) -> dict[str, Any] | None:
        """``{"state", "max_restart", "max_relocate", "nodes": {"pve1": 2}, "strict": True}``; None for a guest that is not managed."""
        row = self.resources.get(vmid)
        if row is None:
            return None
        found: dict[str, Any] = {
            "state": {"enabled": "started"}.get(str(row.get("state")), str(row.get("state") or "started")),
            "max_restart": int(row.get("max_restart", 1)),
            "max_relocate": int(row.get("max_relocate", 1)),
        }
        place = self.places.get(place_name(name) if self.rules else str(row.get("group", "")))
        if place is not None and (not self.rules or f"vm:{vmid}" in str(place.get("resources", "")).split(",")):
            found["nodes"] = node_priorities(str(place.get("nodes", "")))
            found["strict"] = bool(int(place.get("strict" if self.rules else "restricted") or 0))
        return found


def read_ha(gateway: Gateway) -> HaView:
    """Three calls for the whole cluster."""
    rules = release_of(str(gateway.get("version")["version"])) >= RULES_SINCE
    resources = {int(row["sid"].split(":")[1]): row for row in gateway.get(RESOURCES) if str(row["sid"]).startswith("vm:")}
    key = "rule" if rules else "group"
    return HaView(rules, resources, {str(row[key]): row for row in gateway.get(RULES if rules else GROUPS)})


class HaWriter:
    """Carries out HA steps on a cluster whose HA was read."""

    def __init__(self, gateway: Gateway, view: HaView) -> None:
        self.gateway = gateway
        self.view = view

    def write(self, vmid: int, name: str, values: Mapping[str, Any]) -> None:
        """``{"resource": {"state", …} or None to remove it, "nodes": {"pve1": 2} or None to leave it, "strict": bool}``"""
        sid, place = f"vm:{vmid}", place_name(name)
        if values["resource"] is None:
            if self.view.rules:
                self._remove(f"{RULES}/{place}")
            self._remove(f"{RESOURCES}/{sid}")
            if not self.view.rules:
                self._remove(f"{GROUPS}/{place}")
            return
        resource = dict(values["resource"])
        nodes, strict = values.get("nodes"), int(bool(values.get("strict")))
        if nodes and not self.view.rules:
            self._put(GROUPS, "group", place, {"nodes": node_list(nodes), "restricted": strict})
            resource["group"] = place
        self._put(RESOURCES, "sid", sid, resource)
        if nodes and self.view.rules:
            self._put(RULES, "rule", place, {"type": "node-affinity", "resources": sid, "nodes": node_list(nodes), "strict": strict})

    def _put(self, path: str, key: str, name: str, values: Values) -> None:
        """Changes it, or makes it."""
        try:
            self.gateway.put(f"{path}/{name}", values, repeatable=True)
        except NotDefinedError:
            try:
                self.gateway.post(path, {key: name, **values}, repeatable=True)
            except DefinedAlreadyError:  # our first call arrived after all
                self.gateway.put(f"{path}/{name}", values, repeatable=True)

    def _remove(self, path: str) -> None:
        with contextlib.suppress(NotDefinedError):
            self.gateway.delete(path, repeatable=True)
