# SPDX-License-Identifier: GPL-3.0-or-later
"""More addresses than the guest takes over."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import address, cards, leaving, names


@detector(
    "extra-address",
    "The host has addresses that no guest takes over",
    severity="warning",
    compares="the addresses of the host's cards with those that the plan gives to guests or forwards",
    remedy="find who uses them (sockets, DNS, allow lists); give a guest a second card or move the name",
    reference="ip-address(8)",
    surprise=(21, 46),
    needs=("interfaces",),
)
def extra_address(draft: Draft) -> Iterator[Finding]:
    planned = {draft.public_address.split("/")[0]} | {guest.address for guest in draft.guests}
    for host, guests in leaving(draft):
        more = {address(one): f"{one['address']} on {card['name']}" for card in cards(host) for one in card["addresses"] if one["origin"] != "kernel"}
        left = [text for name, text in sorted(more.items()) if name not in planned and name != host.address and ":" not in name]
        if left:
            used = sorted({str(row["local_address"]) for row in host.rows("connections")} & set(more))
            yield Finding(
                host=host.name,
                severity="warning",
                old=listed(left) + (f"; connections use {', '.join(used)}" if used else ""),
                new=f"{names(guests)} have one address each; nobody answers at the others once the host is retired",
                remedy="Find who uses them. Give the guest a second card (plan_guests), or move the name to the new address first.",
            )


DETECTOR = extra_address
