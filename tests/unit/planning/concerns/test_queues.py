# SPDX-License-Identifier: GPL-3.0-or-later
"""Concerns about message queues. The broker has the form that the survey gave of RabbitMQ 3.8.9 (tests/unit/survey)."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns import queues

from ..cases import added, assessed, check, has_both, quiet, silent
from ..estates import concerns

LISTENS = [{"protocol": "tcp", "address": "::", "port": 5672, "process": "beam.smp", "unit": "rabbitmq-server.service"}]
BROKER = {
    "version": "4.0.5", "erlang": "27", "node": "rabbit@mq1", "plugins": ["rabbitmq_federation"], "vhosts": ["/"], "users": [], "feature_flags": {},
    "queues": [{"vhost": "/", "name": "orders", "type": "classic", "durable": True, "auto_delete": False, "messages": 0, "consumers": 0,
                "policy": None, "arguments": {}}],
    "policies": [{"vhost": "/", "name": "ttl", "pattern": "^a", "apply_to": "all", "definition": '{"message-ttl":60000}'}],
    "exchanges": [{"vhost": "/", "name": "x", "type": "topic", "durable": True}], "parameters": [],
}  # fmt: skip


def broker(**changes: Any) -> Any:
    return added("mq1", 41, listening=LISTENS, rabbitmq={**BROKER, **changes})


HA = [{"vhost": "/", "name": "ha", "pattern": "^ha", "apply_to": "all", "definition": '{"ha-mode":"all"}'}]
DELAYED = [{"vhost": "/", "name": "later", "type": "x-delayed-message", "durable": True}]

CASES: list[tuple[str, Any, str, bool]] = [
    ("queue-version", broker(version="3.8.9", erlang="23"), "warning", False),
    ("queue-version", broker(version="4.2.0"), "critical", False),
    ("queue-mirrored", broker(version="3.8.9", policies=HA), "critical", False),
    ("queue-exchange", broker(exchanges=DELAYED), "critical", False),
    ("queue-exchange", broker(plugins=["rabbitmq_delayed_message_exchange"]), "critical", False),
]

SILENT: list[tuple[str, Any]] = [
    ("queue-version", broker(version="4.0.9")),
    ("queue-mirrored", broker(version="3.8.9")),
    ("queue-exchange", broker()),
]

test_it_speaks = check(CASES, service="rabbitmq@mq1")
test_it_is_silent = silent(SILENT, service="rabbitmq@mq1")
test_every_detector_has_both = has_both(queues.DETECTORS, CASES, SILENT)


def test_the_types_of_the_queues_are_evidence() -> None:
    kinds = [{**BROKER["queues"][0], "type": kind, "durable": kind != "classic"} for kind in ("quorum", "classic")]  # type: ignore[index]
    surveys = quiet()
    broker(version="3.8.9", erlang="23", queues=kinds)(surveys)
    rows = concerns(assessed(surveys), "queue-version")
    assert [row["old"] for row in rows] == ["RabbitMQ 3.8.9 with Erlang 23; queues: classic (transient), quorum"]
