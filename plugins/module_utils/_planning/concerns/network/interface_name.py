# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that name a network card, which will have another name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ... import debian13, trees
from ...model import Draft, Finding, LegacyHost
from ..detector import detector, listed
from ._shared import cards, leaving, names

# The network's own configuration, which no guest takes over: the template and the cluster give a guest its address.
OWN = re.compile(r"/etc/(network/interfaces|netplan/|sysconfig/network|systemd/network/|NetworkManager/|udev/)")


@detector(
    "interface-name",
    "Files name a network card that will be called otherwise",
    severity="critical where such a file moves with its service, else warning",
    compares="files in which the old card's name is written, with the name of the guest's card",
    remedy="write the guest's name where the file or rule is made anew; better, name no card at all",
    reference="systemd.net-naming-scheme(7); Proxmox VE: the first card of a guest is at PCI slot 18",
    surprise=(46,),
    needs=("interfaces",),
)
def interface_name(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        for card in cards(host):
            places = [row for row in card["files"] if not OWN.match(str(row["file"]))]
            if places and card["name"] != debian13.INTERFACE:
                moved = [row for row in places if _moves(draft, host, str(row["file"]))]
                yield Finding(
                    host=host.name,
                    severity="critical" if moved else "warning",
                    title=f"{card['name']} is named in files",
                    old=f"{card['name']} in " + listed([f"{row['file']}:{row['line']}" for row in places]),
                    new=f"the card of {names(guests)} is {debian13.INTERFACE}" + ("" if moved else "; the plan does not carry these files"),
                    remedy=f"Where you make these anew on the guest, write {debian13.INTERFACE}; a rule or address with the old name does nothing.",
                )


def _moves(draft: Draft, host: LegacyHost, file: str) -> bool:
    paths = [str(path) for move in draft.moves if move.service.host == host.name for path in move.parameters.get("paths") or ()]
    return any(trees.inside(file, path) for path in paths)


DETECTOR = interface_name
