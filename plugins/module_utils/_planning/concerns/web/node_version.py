# SPDX-License-Identifier: GPL-3.0-or-later
"""Another major version of Node.js."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector


@detector(
    "node-version",
    "Another major version of Node.js",
    severity="warning",
    compares="the version of each process and what its package.json asks for with Debian 13's Node.js",
    remedy="try the application with the new version, or bring the old one along",
    reference="nodejs.org: releases; package.json: engines",
    needs=("nodejs",),
    only_lifted=True,
)
def node_version(draft: Draft) -> Iterator[Finding]:
    new = debian13.NODEJS
    for host in draft.hosts.values():
        for process in host.part("nodejs").get("processes") or ():
            old = str(process.get("version") or "")
            if not old or old.split(".")[0] == new.split(".")[0]:
                continue
            service = draft.service("nodejs", host.name)
            name = process.get("package_name") or process.get("script") or process["exe"]
            asks = f", package.json asks for {process['engines']}" if process.get("engines") else ""
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id if service else "",
                title=f"{name} runs with Node.js {old}",
                old=f"{process['exe']} is {old}{asks}",
                new=f"Debian 13 has Node.js {new}; modules with compiled parts must be built again",
                remedy="Try the application with the new version, with node_modules installed there, or bring the old version to the guest.",
            )


DETECTOR = node_version
