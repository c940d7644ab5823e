# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of Docker or Podman, without their environment and arguments."""

from __future__ import annotations

import json
from typing import Any

from ..part import MAYBE, PORT, TEXT, Limits, Part, or_null, record, rows
from ..wire import Section, number


def parse(section: Section) -> dict[str, Any] | None:
    """``restart`` is no, always, unless-stopped or on-failure. None without an engine that runs or has containers."""
    if section.absent:
        return None
    containers = [row for line in section.lines("containers") if (row := _container(line.rstrip("\n").split("\t")))]
    return {
        "engine": section.first("engine"), "version": section.first("version"),
        "containers": sorted(containers, key=lambda row: str(row["name"])),
    }  # fmt: skip


def _container(words: list[str]) -> dict[str, Any] | None:
    if len(words) < 8:
        return None
    name, image, state, restart, network, ports, mounts, project = (word.strip() for word in words[:8])
    return {
        "name": name.removeprefix("/"),
        "image": image,
        "state": state,
        "restart": restart or "no",
        "network": network,
        "project": project if project not in ("", "<no value>") else None,
        "ports": _ports(ports),
        "mounts": sorted((row for text in mounts.split("|") if (row := _mount(text))), key=lambda row: row["target"]),
    }


def _ports(text: str) -> list[dict[str, Any]]:
    """``{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}``."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return []
    found = []
    for inner, hosts in given.items() if isinstance(given, dict) else ():
        for row in hosts if isinstance(hosts, list) else ():
            port = number(str(row.get("HostPort") or "")) if isinstance(row, dict) else None
            if port is not None and port < 65536:
                found.append({"address": str(row.get("HostIp") or "0.0.0.0"), "port": port, "container_port": str(inner)})  # noqa: S104 - what Docker means
    return sorted(found, key=lambda row: (row["port"], row["address"], row["container_port"]))


def _mount(text: str) -> dict[str, str] | None:
    kind, _, rest = text.partition(":")
    source, _, target = rest.partition(":")
    return {"type": kind, "source": source, "target": target} if target else None


PART = Part(
    "docker",
    Limits(30, 300_000),
    parse,
    or_null(record(
        engine=TEXT, version=TEXT,
        containers=rows(
            name=TEXT, image=TEXT, state=TEXT, restart=TEXT, network=TEXT, project=MAYBE, ports=rows(address=TEXT, port=PORT, container_port=TEXT),
            mounts=rows(type=TEXT, source=TEXT, target=TEXT),
        ),
    )),
)  # fmt: skip
