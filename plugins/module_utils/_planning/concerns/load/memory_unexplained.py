# SPDX-License-Identifier: GPL-3.0-or-later
"""More memory in use than what is configured explains."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ...sizing import NEEDS
from ..detector import detector

SLACK, SLACK_MIB = 1.25, 512
CONFIGURED = frozenset({"mariadb", "postgresql", "redis", "memcached", "web_php"})  # roles whose memory is set, not only used


@detector(
    "memory-unexplained",
    "More memory in use than what is configured explains",
    severity="warning where the 99th percentile is a quarter and 512 MiB above what all configured limits of the host allow",
    compares="memory in use over time, against buffer pools, connections, children and limits of the host's services",
    remedy="Find the program that takes it: a leak, or one that nobody planned for. The guest is sized by what was observed.",
    reference="docs/guides/plan.md, How it decides",
)
def memory_unexplained(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        guests = [guest for guest in draft.guests_of.get(host.name, ()) if guest.role != "cron_worker"]
        figures = (draft.loads.get(host.name, {}).get("measures") or {}).get("memory_mib")
        if not figures or not guests or not all(guest.role in CONFIGURED for guest in guests):
            continue
        bare = sum(NEEDS[guest.role](host, 0.0).memory_mib for guest in guests) - (len(guests) - 1) * debian13.SYSTEM_MIB
        if figures["p99"] > bare * SLACK + SLACK_MIB:
            most = max(guest.size.memory_mib for guest in guests)
            yield Finding(
                host=host.name,
                severity="warning",
                service=guests[0].services[0],
                old=f"about {_gib(figures['p99'])} in use, where what is configured asks for {_gib(bare)}",
                new=f"the largest guest of it gets {_gib(most)}",
                remedy="Find the program that takes it: a leak, or one that nobody planned for. The guest is sized by what was observed.",
                applied=most >= figures["max"],
            )


def _gib(mib: float) -> str:
    """Coarse, so that a new measurement is no other plan."""
    return f"{max(0.5, round(mib / 512) / 2):g} GiB"


DETECTOR = memory_unexplained
