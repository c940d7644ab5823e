# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: what a guest's steps take from storages, and what its configuration is in the end."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .diff import Do, Step
from .disks import DRIVE, drive, volume_disks
from .nics import NIC
from .values import GIB, properties, property_string, size_bytes, size_text

FRESH = re.compile(r"(?P<storage>[^:,]+):(?P<gib>\d+(?:\.\d+)?)")


@dataclass
class Outcome:
    """``space``: (storage, bytes) of every allocation in turn; ``imports``: volumes that disks are made from; ``config``: in the end."""

    config: dict[str, Any] = field(default_factory=dict)
    space: list[tuple[str, int]] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)

    @property
    def storages(self) -> dict[str, str]:
        return {key: drive(str(value))[0] for key, value in volume_disks(self.config).items()}

    @property
    def bridges(self) -> list[str]:
        found = (properties(str(value)).get("bridge") for key, value in self.config.items() if NIC.fullmatch(key))
        return sorted({bridge for bridge in found if bridge})


def outcome(before: Mapping[str, Any], steps: Sequence[Step]) -> Outcome:
    """``before``: the guest's configuration, or that of the template it is cloned from."""
    after = Outcome(dict(before))
    for step in steps:
        _apply(after, step)
    return after


def _apply(after: Outcome, step: Step) -> None:
    values = step.values
    match step.do:
        case Do.CLONE:
            _clone(after, values.get("storage"), full=bool(int(values.get("full", 1))))
        case Do.CREATE | Do.CONFIG:
            for key, value in (values.get("config") or values.get("set") or {}).items():
                after.config[key] = _made(after, str(value)) if DRIVE.fullmatch(key) else value
            for key in values.get("delete", ()):
                after.config.pop(key, None)
        case Do.DETACH:
            for key in values["keys"]:
                after.config.pop(key, None)
        case Do.MOVE_DISK:
            _, size = drive(str(after.config.get(values["disk"], "")))
            after.space.append((str(values["storage"]), size or 0))
            _change(after, str(values["disk"]), storage=str(values["storage"]))
        case Do.RESIZE:
            storage, size = drive(str(after.config.get(values["disk"], "")))
            after.space.append((storage, max(0, size_bytes(str(values["size"])) - (size or 0))))
            _change(after, str(values["disk"]), size=str(values["size"]))


def _clone(after: Outcome, storage: str | None, *, full: bool) -> None:
    for key, value in volume_disks(after.config).items():
        own, size = drive(value)
        if full:
            after.space.append((storage or own, size or 0))
        if storage:
            _change(after, key, storage=storage)


def _made(after: Outcome, value: str) -> str:
    """A drive that is to be allocated (``shared:8``, or ``shared:0,import-from=…``), as it is kept then; another one as it is."""
    parts = properties(value, "file")
    fresh = FRESH.fullmatch(parts.get("file", ""))
    if fresh is None:
        return value
    size = int(float(fresh["gib"]) * GIB)
    source = parts.pop("import-from", None)
    if source:
        after.imports.append(source)
    after.space.append((fresh["storage"], size))
    return property_string({**parts, "file": f"{fresh['storage']}:new", **({} if source else {"size": size_text(size)})}, "file")


def _change(after: Outcome, key: str, *, storage: str | None = None, size: str | None = None) -> None:
    parts = properties(str(after.config.get(key, "")), "file")
    if storage:
        parts["file"] = f"{storage}:{parts.get('file', '').partition(':')[2]}"
    if size:
        parts["size"] = size
    after.config[key] = property_string(parts, "file")
