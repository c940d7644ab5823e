# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that nobody moves."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "containers",
    "Containers that nobody moves",
    severity="warning",
    compares="each container with what the plan moves",
    remedy="bring image, volumes and the file that starts it to a guest",
    reference="docs.docker.com: restart policies, volumes",
    needs=("docker",),
)
def containers(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        service = draft.service("docker", host.name)
        for row in host.part("docker").get("containers") or ():
            data = [f"{mount['source'] or mount['type']} at {mount['target']}" for mount in row["mounts"]]
            ports = [f"{port['address']}:{port['port']}" for port in row["ports"]]
            lost = row["state"] == "running" and row["restart"] in ("no", "on-failure")
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id if service else "",
                title=f"The container {row['name']} must be moved by hand",
                old=f"{row['image']} is {row['state']}, restart: {row['restart']}; data: {listed(data) or 'none'}; ports: {listed(ports) or 'none'}",
                new="no mover takes it" + ("; and no boot would start it again, also not today's host's" if lost else ""),
                remedy="Pin the image by its digest, copy its volumes with the container stopped, and start it on a guest from a file that is kept.",
            )


DETECTOR = containers
