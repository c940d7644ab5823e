# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of connections is nearly full, or would be on the guest."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector
from ._shared import leaving

FULL = 0.8
SETTING = "net.netfilter.nf_conntrack_max"


@detector(
    "conntrack-full",
    "The table of connections is nearly full, or would be on the guest",
    severity="warning",
    compares="the connections that the kernel tracks with its limit, and with the guest's own, which follows from its memory",
    remedy="raise nf_conntrack_max on the guest, and on the nodes where the cluster's firewall is on",
    reference="Linux: Documentation/networking/nf_conntrack-sysctl.rst",
    surprise=(19,),
    needs=("kernel",),
)
def conntrack_full(draft: Draft) -> Iterator[Finding]:
    for host, guests in leaving(draft):
        seen = host.part("kernel").get("conntrack") or {}
        count, most = int(seen.get("count") or 0), int(seen.get("max") or 0)
        for guest in guests:
            carried = int(dict(draft.settings[guest.name].get("base_sysctl") or {}).get(SETTING) or 0)
            new = carried or debian13.conntrack_max(guest.size.memory_mib)
            if count and (count > FULL * new or count > FULL * most):
                yield Finding(
                    host=host.name,
                    severity="warning",
                    service=guest.services[0],
                    title=f"{guest.name} could drop new connections",
                    old=f"{count} of {most} connections are tracked",
                    new=f"{guest.name} would track {new}, once a rule makes it track; the nodes' own tables, which the cluster's firewall fills with"
                    " the connections of all guests, are not known",
                    remedy=f"Set {SETTING} to at least {2 * count} where connections are tracked: in base_sysctl of the guest, and on the nodes.",
                    applied=carried > count / FULL,
                )


DETECTOR = conntrack_full
