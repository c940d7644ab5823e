# SPDX-License-Identifier: GPL-3.0-or-later
"""The port to a Proxmox VE API. Paths have no leading slash: ``nodes/pve1/qemu/101/config``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Values = Mapping[str, str | int | float | list[str]]
NOTHING: Values = {}


class Gateway(Protocol):
    """One cluster. Safe to use from several threads. Raises the errors of ``errors.py``.

    A call with ``repeatable`` has the same effect when it is carried out twice. Other writes are repeated only when it is certain that
    nothing was done (a lock timeout, a connection that never opened).
    """

    def get(self, path: str, params: Values = NOTHING) -> Any: ...

    def post(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any: ...

    def put(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any: ...

    def delete(self, path: str, params: Values = NOTHING, *, repeatable: bool = False) -> Any: ...
