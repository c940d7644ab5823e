# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail that waits on the old host."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "mail-queue",
    "Mail that waits on the old host",
    severity="warning",
    compares="the queue of the old mail server with what any mover takes along: nothing",
    remedy="let the queue drain, or flush it, before the host is retired",
    reference="postqueue(1), exim -bp",
    surprise=(28,),
    needs=("mail",),
)
def mail_queue(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        if waiting := int(host.part("mail").get("queue") or 0):
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"{waiting} mails wait in the queue of {host.part('mail')['mta']}",
                new="no mover takes a queue along: they leave from the old host, or never",
                remedy="Look why they wait; let the queue drain before the host is retired.",
            )


DETECTOR = mail_queue
