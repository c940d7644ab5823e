# SPDX-License-Identifier: GPL-3.0-or-later
"""A running program that no package owns, or that was deleted."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "unpackaged-binary", "A running program that no package owns",
    severity="warning",
    compares="programs and scripts that run, or that a unit starts, with what the package manager owns; deleted files that still run",
    remedy="Find its source; package it, or declare it dropped.",
    reference="dpkg-query(1) --search, rpm(8) --file; proc_pid_exe(5): (deleted)",
    surprise=(47,), needs=("unpackaged",),
)  # fmt: skip
def unpackaged_binary(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        for row in host.rows("unpackaged"):
            unit = str(row.get("unit") or "").removesuffix(".service")
            names = {f"{name}@{host.name}" for name in (unit, posixpath.basename(str(row["exe"]))) if name}
            drop = next((entry for entry in draft.dropped if entry.id in names), None)
            state = "deleted but still running" if row.get("deleted") else "running"
            yield Finding(
                host=host.name,
                severity="warning",
                service=drop.id if drop else "",
                title=f"{row['exe']} belongs to no package",
                old=f"{row['exe']}, {state} as {row.get('user')}" + (f", started by {row['unit']}" if row.get("unit") else ""),
                new=f"dropped, approved by {drop.by}: {drop.reason}" if drop else "no guest has it",
                remedy="Keep its source and its unit before the host is retired." if drop else "Find its source; package it, or declare it dropped.",
                applied=drop is not None,
            )


DETECTOR = unpackaged_binary
