# SPDX-License-Identifier: GPL-3.0-or-later
"""Something plugged in that no guest can see."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding, Row
from ..detector import detector, listed

# Vendors' USB ids that make licence dongles (usb.ids).
DONGLES = {
    "0529": "Aladdin HASP", "064f": "WIBU-Systems", "04b9": "Rainbow/SafeNet Sentinel", "1bc0": "Senseshield", "096e": "Feitian",
    "0d7a": "Marx CryptoBox",
}  # fmt: skip
# Service processors show keyboards, disks and network cards of their own.
PROCESSORS = {"046b", "0624", "0557", "413c", "03f0", "0b1f", "04b3"}
UPS = {"051d": "APC", "0764": "Cyber Power", "0463": "Eaton/MGE", "06da": "Phoenixtec"}
# Keyboards and disks of a service processor, hubs, and what every machine has.
COMMON = {"03", "08", "09", "0e", "e0", "ef"}


@detector(
    "usb-device", "Something plugged in that the guest would not see",
    severity="critical for a licence dongle, else warning (modems, smart cards, a UPS); keyboards and disks are left out",
    compares="USB devices of the old host with a guest, which has none",
    remedy="Ask the maker for a network licence or another dongle server; a passed-through device (usb0) ties the guest to one node.",
    reference="usb.ids and usb.org's class codes; Proxmox VE administration guide, USB Passthrough",
    surprise=(45,), needs=("usb",),
)  # fmt: skip
def usb_device(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        rows = [row for row in host.part("usb").get("devices") or () if _matters(row)]
        dongles = [row for row in rows if _vendor(row) in DONGLES]
        for severity, group in (("critical", dongles), ("warning", [row for row in rows if row not in dongles])):
            if group:
                yield Finding(
                    host=host.name,
                    severity=severity,
                    title="A licence dongle is plugged in" if severity == "critical" else "",
                    old=listed([_words(row) for row in group]),
                    new="no USB device",
                    remedy="Find out who uses it and replace it before the move, then waive this." if severity == "critical" else
                    "Find out who uses it, and what does its work afterwards.",
                )  # fmt: skip


def _vendor(row: Row) -> str:
    return str(row["id"]).partition(":")[0]


def _matters(row: Row) -> bool:
    if _vendor(row) in DONGLES or _vendor(row) in UPS:
        return True
    return _vendor(row) not in PROCESSORS and not set(row.get("classes") or ()) <= COMMON


def _words(row: Row) -> str:
    name = " ".join(filter(None, (str(row.get("vendor") or DONGLES.get(_vendor(row), UPS.get(_vendor(row), ""))), str(row.get("product") or ""))))
    return f"{name or 'unnamed'} ({row['id']})"


DETECTOR = usb_device
