# SPDX-License-Identifier: GPL-3.0-or-later
"""Something that changes the old host by itself, also while its service moves."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import dropped, leaving

DOES = {
    "configuration": "puts services and crontabs back as its server says, also ones that a move has stopped",
    "watcher": "starts what has stopped, also what a move has stopped",
    "packages": "upgrades and restarts services when it likes, also while they replicate",
}


@detector(
    "config-agent",
    "Something changes the old host by itself, also while its service moves",
    severity="critical for configuration management and watchers that run or are scheduled, warning for automatic updates",
    compares="agents that run or are scheduled on a host from which something moves, with a move that needs the old side to stay stopped",
    remedy="freeze it before the first move (for example puppet agent --disable, a noop window), then declare it",
    reference="Reddit, 11 August 2016: Puppet-like management restarted the autoscaler in the middle of a migration, 1.5 h outage",
    surprise=(35,),
    needs=("agents",),
)
def config_agent(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        for row in host.rows("agents"):
            if row["disabled"] or not (row["running"] or row["scheduled"]):
                continue
            name, kind = str(row["name"]), str(row["kind"])
            drop = dropped(draft, host, name)
            how = " and ".join((["runs"] if row["running"] else []) + [f"is scheduled by {', '.join(row['scheduled'])}"] * bool(row["scheduled"]))
            yield Finding(
                host=host.name,
                severity="warning" if kind == "packages" else "critical",
                service=drop.id if drop else "",
                title=f"{name} manages {host.name}",
                old=f"{name} {how}" + (f", told by {row['server']}" if row["server"] else ""),
                new=f"declared by {drop.by}: {drop.reason}" if drop else f"it {DOES[kind]}",
                remedy=f"Freeze it before the first move until the host is retired, and declare {name}@{host.name} in plan_dropped_services.",
                applied=drop is not None,
            )


DETECTOR = config_agent
