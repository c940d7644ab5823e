# SPDX-License-Identifier: GPL-3.0-or-later
"""Licences that may be bound to the old machine."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "licence", "Licences that may know the old machine",
    severity="critical where a licence daemon runs, else warning",
    compares="licence daemons and files on the old host with a guest that has another MAC address, processor and serial number",
    remedy="Ask the maker for licences for the guest's MAC address (it is in plan.yml after provisioning) before the move.",
    reference="FlexNet Publisher, host ids: licences are bound to MAC address, disk or dongle",
    surprise=(45,), needs=("usb",),
)  # fmt: skip
def licence(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        usb = host.part("usb")
        daemons, files = list(usb.get("licence_daemons") or ()), list(usb.get("licence_files") or ())
        if daemons or files:
            yield Finding(
                host=host.name,
                severity="critical" if daemons else "warning",
                old="; ".join(filter(None, [f"{', '.join(daemons)} runs" if daemons else "", listed(files)])),
                new="another MAC address, processor, disk and serial number",
                remedy="See what each is bound to; have it issued anew if that is this machine" + (", then waive this." if daemons else "."),
            )


DETECTOR = licence
