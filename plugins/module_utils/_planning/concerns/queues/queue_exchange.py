# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges of a plugin that Debian does not have."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import brokers


@detector(
    "queue-exchange",
    "An exchange of a plugin that the guest lacks",
    severity="critical: such an exchange cannot be declared",
    compares="types of exchanges and enabled plugins with those of Debian 13's package",
    remedy="bring the plugin for the guest's version, or do without",
    reference="rabbitmq.com: Community Plugins; list of rabbitmq-server 4.0.5 in Debian 13",
    surprise=(44,),
    needs=("rabbitmq",),
    only_lifted=True,
)
def queue_exchange(draft: Draft) -> Iterator[Finding]:
    for service, host in brokers(draft):
        part = host.part("rabbitmq")
        lacking = {f"plugin {name}" for name in part.get("plugins") or () if name not in debian13.RABBITMQ_PLUGINS}
        lacking |= {f"{row['name']} ({row['type']})" for row in part.get("exchanges") or () if row["type"] not in debian13.RABBITMQ_EXCHANGES}
        if lacking:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=listed(sorted(lacking)),
                new=f"rabbitmq-server {debian13.VERSIONS['rabbitmq']} of Debian brings none of them",
                remedy="Put the plugin's release for this version into the guest's plugin folder, or move the senders to another way first.",
            )


DETECTOR = queue_exchange
