# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: which privileges the token has, and which the planned steps need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .guest import DesiredGuest

CONFIG = ("VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network",
          "VM.Config.Options", "VM.PowerMgmt")  # fmt: skip
AGENT = (("VM.Monitor",), ("VM.GuestAgent.Unrestricted",))  # until 8.x, from 9.0: either set will do


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

    def allows_guest(self, pool: str | None, privilege: str, vmid: int | None = None) -> bool:
        """On the guest's own path, or on its pool's."""
        own = self.allows(f"/vms/{vmid}" if vmid else "/vms", privilege)
        return own or (pool is not None and self.allows(f"/pool/{pool}", privilege))


def needed(permissions: Permissions, guests: Sequence[DesiredGuest], templates: Mapping[str, int]) -> list[str]:
    """Every privilege that is missing, as a sentence. ``templates``: VMID of the template by the name of the guest to be cloned."""
    missing: set[tuple[str, str]] = set()
    for guest in guests:
        place = f"/pool/{guest.pool}" if guest.pool else "/vms"
        for privilege in CONFIG:
            if not permissions.allows_guest(guest.pool, privilege):
                missing.add((privilege, place))
        if not any(all(permissions.allows_guest(guest.pool, privilege) for privilege in choice) for choice in AGENT):
            missing.add((" or ".join(choice[0] for choice in AGENT), place))
        for storage in {disk.storage for disk in guest.disks if disk.storage}:
            if not permissions.allows(f"/storage/{storage}", "Datastore.AllocateSpace"):
                missing.add(("Datastore.AllocateSpace", f"/storage/{storage}"))
        template = templates.get(guest.name)
        if template is not None and not permissions.allows(f"/vms/{template}", "VM.Clone"):
            missing.add(("VM.Clone", f"/vms/{template}"))
    return [f"the token lacks {privilege} on {path}" for privilege, path in sorted(missing)]
