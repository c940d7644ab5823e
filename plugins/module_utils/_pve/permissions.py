# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: which privileges the token holds, and which of those that a check of the API's schema wants it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Check = Sequence[Any]  # ["perm", path, [privileges], "any", 1] | ["and" | "or", check, …] as in the schema; ["root", to do what]
BRIDGE = re.compile(r"/sdn/zones/localnetwork/(?P<bridge>[^/]+)(?P<tag>/\d+)?")


@dataclass(frozen=True)
class Demand:
    """What the API will check, and for what. ``pool`` adds its privileges to those on the guest ``vmid``; ``fresh``: the guest is to be made."""

    check: Check
    purpose: str
    params: Mapping[str, str] = field(default_factory=dict)
    vmid: int | None = None
    pool: str | None = None
    fresh: bool = False


class Permissions:
    """The answer of /access/permissions: ``{path: {privilege: propagate}}``; the nearest path above decides."""

    def __init__(self, answer: Mapping[str, Mapping[str, Any]]) -> None:
        self._paths = {path.rstrip("/") or "/": dict(held) for path, held in answer.items()}

    def any(self) -> bool:
        return any(self._paths.values())

    def anywhere(self, privilege: str) -> bool:
        return any(privilege in held for held in self._paths.values())

    def allows(self, path: str, privilege: str) -> bool:
        at = path.rstrip("/") or "/"
        while True:
            if at in self._paths:
                held = self._paths[at].get(privilege)
                return held is not None and (at == path or bool(int(held)))
            if at == "/":
                return False
            at = at.rsplit("/", 1)[0] or "/"

    def lacks(self, demand: Demand) -> list[str]:
        """What is missing: ``VM.Clone on /vms/9000``; alternatives joined by ``or``. Empty when the API will agree."""
        return self._lacks(demand.check, demand)

    def _lacks(self, check: Check, demand: Demand) -> list[str]:
        form = check[0]
        if form == "and":
            return [lack for part in check[1:] for lack in self._lacks(part, demand)]
        if form == "or":
            lacks = [self._lacks(part, demand) for part in check[1:]]
            return [] if not all(lacks) else [" or ".join(dict.fromkeys(" and ".join(lack) for lack in lacks))]
        if form == "perm":
            return self._lacks_at(check, demand)
        if form == "root":
            return [f"root@pam's own right to {check[1]}"]
        return [f"a permission of a form that Lotse does not know ({form})"]

    def _lacks_at(self, check: Check, demand: Demand) -> list[str]:
        options = dict(zip(check[3::2], check[4::2], strict=False))
        path = re.sub(r"\{(\w+)\}", lambda found: demand.params.get(found[1], ""), check[1]).rstrip("/") or "/"
        if "require_param" in options and options["require_param"] not in demand.params:
            return [f"{check[2][0]} on {check[1]} (no {options['require_param']} is stated)"]
        missing = [privilege for privilege in check[2] if not self._held(path, privilege, demand)]
        if not missing or (options.get("any") and len(missing) < len(check[2])):
            return []
        where = _place(path, demand)
        return [f"{' or '.join(missing)} on {where}"] if options.get("any") else [f"{privilege} on {where}" for privilege in missing]

    def _held(self, path: str, privilege: str, demand: Demand) -> bool:
        if self.allows(path, privilege):
            return True
        if demand.pool and path == f"/vms/{demand.vmid}":
            return self.allows(f"/pool/{demand.pool}", privilege)
        bridge = BRIDGE.fullmatch(path)
        return bridge is not None and self._on_a_vnet(bridge["bridge"], bridge["tag"] or "", privilege)

    def _on_a_vnet(self, name: str, tag: str, privilege: str) -> bool:
        """Which zone an SDN network is in is not known here: the ones in which something is granted will do."""
        zones = {found[1] for path in self._paths if (found := re.match(r"/sdn/zones/([^/]+)", path)) and found[1] != "localnetwork"}
        return any(self.allows(f"/sdn/zones/{zone}/{name}{tag}", privilege) for zone in zones)


def _place(path: str, demand: Demand) -> str:
    """Where a missing privilege is best granted: on the pool rather than on a guest, which may not exist yet."""
    if path != f"/vms/{demand.vmid}":
        return path
    if demand.pool:
        return f"/pool/{demand.pool}"
    return "/vms" if demand.fresh else path


def sentences(permissions: Permissions, demands: Iterable[Demand], who: str) -> list[str]:
    """One sentence for each privilege that is missing somewhere, with what it is for."""
    purposes: dict[str, list[str]] = {}
    for demand in demands:
        for lack in permissions.lacks(demand):
            known = purposes.setdefault(lack, [])
            if demand.purpose not in known:
                known.append(demand.purpose)
    return [f"{who} lacks {lack} (for: {_and_more(for_what)})" for lack, for_what in sorted(purposes.items())]


def _and_more(purposes: Sequence[str]) -> str:
    return purposes[0] if len(purposes) == 1 else f"{purposes[0]}; and {len(purposes) - 1} more"
