# SPDX-License-Identifier: GPL-3.0-or-later
"""Another version of RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import brokers


@detector(
    "queue-version",
    "Queues cross between two versions of RabbitMQ",
    severity="critical for one newer than the guest's; else warning",
    compares="version, and types of the queues, with RabbitMQ of the guest",
    remedy="a canary message through the federation for each type of queue, in the rehearsal; then move the consumers, then the producers",
    reference="rabbitmq.com: Federation Plugin; Blue-Green Upgrade; release notes of 4.0",
    surprise=(44,),
    needs=("rabbitmq",),
    only_lifted=True,
)
def queue_version(draft: Draft) -> Iterator[Finding]:
    new = debian13.VERSIONS["rabbitmq"]
    for service, host in brokers(draft):
        part = host.part("rabbitmq")
        old = str(part["version"])
        if _series(old) == _series(new):
            continue
        kinds = sorted({f"{row['type']}{'' if row['durable'] else ' (transient)'}" for row in part.get("queues") or ()})
        newer = _series(old) > _series(new)
        yield Finding(
            host=host.name,
            severity="critical" if newer else "warning",
            service=service.id,
            old=f"RabbitMQ {old} with Erlang {part.get('erlang') or 'unknown'}; queues: {listed(kinds) or 'none seen'}",
            new=f"RabbitMQ {new}" + (": older than the old side" if newer else ": node data does not fit, definitions and federation have to"),
            remedy="Import the definitions on the guest, federate, and send a canary message through a queue of each type in the rehearsal.",
        )


def _series(version: str) -> tuple[int, ...]:
    return tuple(int(word) for word in version.split(".")[:2] if word.isdecimal())


DETECTOR = queue_version
