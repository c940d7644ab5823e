# SPDX-License-Identifier: GPL-3.0-or-later
"""What detectors of message queues share."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, LegacyHost, Service


def brokers(draft: Draft) -> Iterator[tuple[Service, LegacyHost]]:
    """RabbitMQ's services whose server the survey could ask."""
    found = ((service, draft.hosts[service.host]) for service in draft.services if service.kind == "rabbitmq")
    return ((service, host) for service, host in found if host.part("rabbitmq"))
