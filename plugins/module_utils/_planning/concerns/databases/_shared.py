# SPDX-License-Identifier: GPL-3.0-or-later
"""What detectors of databases and caches share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...model import Draft, LegacyHost, Service


def of_kind(draft: Draft, kind: str) -> Iterator[tuple[Service, LegacyHost]]:
    """Every service of a kind with its legacy host."""
    return ((service, draft.hosts[service.host]) for service in draft.services if service.kind == kind)


def variables(host: LegacyHost) -> Mapping[str, str]:
    """The server's global variables; empty where they were not seen."""
    found: Mapping[str, str] = host.part("mariadb").get("variables") or {}
    return found
