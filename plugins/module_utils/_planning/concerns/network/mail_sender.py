# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail leaves from an address that SPF, DKIM and PTR know."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import leaving


@detector(
    "mail-sender",
    "Mail leaves from an address that SPF and PTR know",
    severity="warning",
    compares="a host that delivers mail itself, and the domains in whose name it does, with the guest's address",
    remedy="put the new address into SPF and give it a PTR record before the cutover, or send over a relay; carry the DKIM key",
    reference="RFC 7208 (SPF), RFC 5321, 4.1.4 (names of clients)",
    surprise=(28,),
    needs=("mail",),
)
def mail_sender(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        mail = host.part("mail")
        direct = [name for name in mail.get("relays") or () if name not in {"local", "none"} and not str(name).startswith("127.")]
        if mail and not mail.get("relay") and (direct or mail.get("signs")):
            domains = mail.get("senders") or mail.get("domains") or []
            names = listed(list(domains), 4) or "unknown domains"
            signs = ", and signs with DKIM" if mail.get("signs") else ""
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"{mail['mta']} delivers to {listed(sorted(direct), 4) or 'others'} itself{signs}, in the name of {names}",
                new=f"mail would come from {', '.join(sorted({guest.address for guest in guests}))}, or from what a router makes of it",
                remedy="Add the new address to SPF and give it a PTR record days before, or use a relay; bring the DKIM key along.",
            )


DETECTOR = mail_sender
