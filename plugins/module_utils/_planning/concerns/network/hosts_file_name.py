# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that only the old hosts file knows."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding, Row
from ..detector import detector, listed
from ._shared import leaving, names


@detector(
    "hosts-file-name",
    "Names that only the old hosts file knows",
    severity="critical where configuration uses a name that DNS does not answer in the same way, else warning",
    compares="/etc/hosts, what DNS alone answers, and where the names are used, with the guest's hosts file",
    remedy="the plan carries the entries (base_hosts); addresses of legacy hosts become the guests'",
    reference="hosts(5), nsswitch.conf(5)",
    surprise=(26,),
    needs=("resolver",),
)
def hosts_file_name(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        used = {str(row["name"]): row for row in host.part("resolver").get("names") or () if row["hosts_file"]}
        for name, row in sorted(used.items()):
            if (row["dns"] and row["hosts_file"] in row["dns"]) or str(row["hosts_file"]).startswith("127.") or row["hosts_file"] == "::1":
                continue
            lacking = [guest.name for guest in guests if not _carried(draft.settings[guest.name], name)]
            dns = "not known" if row["dns"] is None else ", ".join(row["dns"]) or "nothing"
            yield Finding(
                host=host.name,
                severity="critical" if row["used"] else "warning",
                title=f"{name} is a name of the hosts file",
                old=f"{name} is {row['hosts_file']} in /etc/hosts, DNS says {dns}; used in "
                + listed([f"{place['file']}:{place['line']}" for place in row["used"]], 4),
                new=f"{', '.join(lacking)} would not know it" if lacking else f"{names(guests)} know it from base_hosts",
                remedy="Put the name into DNS, or into base_hosts of the guest." if lacking else "The plan carries the entry.",
                applied=not lacking,
            )


def _carried(settings: Row, name: str) -> bool:
    return any(name in (str(known).lower() for known in row["names"]) for row in settings.get("base_hosts") or ())


DETECTOR = hosts_file_name
