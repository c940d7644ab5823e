# SPDX-License-Identifier: GPL-3.0-or-later
"""What the detectors of jobs ask alike."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ...model import Draft, Dropped, Finding, LegacyHost


def leaving(draft: Draft) -> Iterator[LegacyHost]:
    """Legacy hosts from which something moves."""
    busy = {service.host for service in draft.services}
    yield from (host for host in draft.hosts.values() if host.name in busy)


def dropped(draft: Draft, host: LegacyHost, name: str) -> Dropped | None:
    """Who declared that a job, by the name of its unit, file or program, is not worth moving."""
    names = {f"{posixpath.basename(name)}@{host.name}", f"{posixpath.basename(name).removesuffix('.timer')}@{host.name}"}
    return next((entry for entry in draft.dropped if entry.id in names), None)


def left_behind(draft: Draft, host: LegacyHost, name: str, *, title: str, old: str, new: str, first: str) -> Finding:
    """A job that no mover takes: critical until somebody declares it dropped. ``new`` is what happens then, ``first`` what to do before."""
    drop = dropped(draft, host, name)
    return Finding(
        host=host.name,
        severity="critical",
        service=drop.id if drop else "",
        title=title,
        old=old,
        new=f"dropped, approved by {drop.by}: {drop.reason}" if drop else new,
        remedy=f"{first} declare {posixpath.basename(name)}@{host.name} in plan_dropped_services.",
        applied=drop is not None,
    )


CRONTABS_ONLY = "the cron mover takes crontabs only: no guest would run it"
LINE_OR_HAND = "Make a crontab line of it, or move it by hand and"
