# SPDX-License-Identifier: GPL-3.0-or-later
"""What detectors about web servers share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...model import Draft, LegacyHost, Service


def web_hosts(draft: Draft) -> Iterator[tuple[Service, LegacyHost]]:
    """Hosts whose PHP moves: with the web application, or with cron jobs alone."""
    for service in draft.services:
        host = draft.hosts[service.host]
        if host.part("php") and (service.kind == "http" or (service.kind == "cron" and not draft.service("http", service.host))):
            yield service, host


def inis(host: LegacyHost) -> list[Mapping[str, str]]:
    """PHP's settings: those of FPM, then those of each pool."""
    php = host.part("php")
    return [php.get("ini") or {}, *(pool.get("ini") or {} for pool in php.get("pools") or ())]
