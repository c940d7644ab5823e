# SPDX-License-Identifier: GPL-3.0-or-later
"""What the detectors of jobs ask alike."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ...model import Draft, Dropped, LegacyHost


def leaving(draft: Draft) -> Iterator[LegacyHost]:
    """Legacy hosts from which something moves."""
    busy = {service.host for service in draft.services}
    yield from (host for host in draft.hosts.values() if host.name in busy)


def dropped(draft: Draft, host: LegacyHost, name: str) -> Dropped | None:
    """Who declared that a job, by the name of its unit, file or program, is not worth moving."""
    names = {f"{posixpath.basename(name)}@{host.name}", f"{posixpath.basename(name).removesuffix('.timer')}@{host.name}"}
    return next((entry for entry in draft.dropped if entry.id in names), None)
