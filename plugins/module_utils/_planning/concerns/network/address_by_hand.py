# SPDX-License-Identifier: GPL-3.0-or-later
"""An address that no file gives: the next reboot loses it."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import address, cards


@detector(
    "address-by-hand",
    "An address that no file gives",
    severity="warning",
    compares="the addresses of the cards with the files that configure them and with leases",
    remedy="do not reboot the old host while a rollback may need it; write the address down where its card is configured",
    reference="interfaces(5), systemd.network(5), netplan(5)",
    surprise=(46, 48),
    needs=("interfaces",),
)
def address_by_hand(draft: Draft) -> Iterator[Finding]:
    floating = {draft.public_address.split("/")[0]}
    for host in draft.hosts.values():
        lost = sorted(
            f"{one['address']} on {card['name']}" for card in cards(host) for one in card["addresses"]
            if one["origin"] == "hand" and address(one) not in floating
        )  # fmt: skip
        if lost:
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"{listed(lost)}: neither in a file nor from a lease",
                new="after a reboot the old host would not have it, and a way back ends there",
                remedy="Find out who sets it (a script, a cluster, a person); do not reboot the host before its moves are committed.",
            )


DETECTOR = address_by_hand
