# SPDX-License-Identifier: GPL-3.0-or-later
"""Mirrored queues, which RabbitMQ no longer has."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import brokers


@detector(
    "queue-mirrored",
    "Policies for mirrored queues, which RabbitMQ no longer has",
    severity="critical: the guest refuses the policy, and with it the import of the definitions",
    compares="policies with ha-mode with RabbitMQ 4, which took mirrored classic queues away",
    remedy="quorum queues for what needs copies; take ha-* out of the policies",
    reference="rabbitmq.com: release notes of 4.0; measured: 4.0.5 answers that ha-mode is no recognised policy setting",
    surprise=(44,),
    needs=("rabbitmq",),
    only_lifted=True,
)
def queue_mirrored(draft: Draft) -> Iterator[Finding]:
    for service, host in brokers(draft):
        rows = host.part("rabbitmq").get("policies") or ()
        found = sorted(f"{row['name']} on {row['vhost']}, {row['pattern']}" for row in rows if '"ha-' in str(row["definition"]))
        if found:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=f"policies: {listed(found)}",
                new=f"RabbitMQ {debian13.VERSIONS['rabbitmq']} refuses them, and an import of definitions that holds them",
                remedy="Declare those queues anew as quorum queues (another queue: the type cannot change), and drop ha-* from the policies.",
            )


DETECTOR = queue_mirrored
