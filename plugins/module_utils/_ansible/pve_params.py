# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of the pve modules in the words of the Proxmox room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._pve.adapter import ProxmoxerGateway, endpoint_from
from .._pve.diff import State
from .._pve.guest import DesiredGuest, desired_guests
from .._pve.hostkeys import KnownHosts
from .._pve.ready import SshDoor, WaitFor
from .._pve.results import Placement, Settings

Result = dict[str, Any]


def gateway_of(params: Result) -> ProxmoxerGateway:
    return ProxmoxerGateway(endpoint_from(params["api"]))


def guests_of(params: Result) -> list[DesiredGuest]:
    ssh = params.get("ssh") or {}
    return desired_guests(params["guests"], ssh.get("public_keys") or (), ssh.get("user") if ssh.get("public_keys") else None)


def known_hosts_of(params: Result) -> KnownHosts | None:
    path = params["ssh"].get("known_hosts")
    return KnownHosts(Path(path)) if path else None


def door_of(params: Result) -> SshDoor | None:
    ssh = params["ssh"]
    if not ssh.get("known_hosts"):
        return None
    key = Path(ssh["key_file"]) if ssh.get("key_file") else None
    return SshDoor(Path(ssh["known_hosts"]), ssh.get("user") or "root", int(ssh.get("port") or 22), key)


def placement_of(given: Result) -> Placement:
    tags, domains = given["anti_affinity"], given["failure_domains"]
    return Placement(
        spare_nodes=given["spare_nodes"],
        spare_domains=given["spare_domains"],
        memory_reserve_mib=given["memory_reserve_mib"],
        cpu_overcommit=given["cpu_overcommit"],
        anti_affinity=tuple(sorted({tag.lower() for tag in tags})),
        failure_domains={str(name): tuple(str(node) for node in nodes) for name, nodes in sorted(domains.items())},
    )


def vmids_of(params: Result) -> tuple[int, int]:
    """The first and the last of the range."""
    vmids = params["vmids"]
    return int(vmids.get("first") or 100), int(vmids.get("last") or 999_999_999)


def settings_of(params: Result) -> Settings:
    first, last = vmids_of(params)
    return Settings(
        state=State(params["state"]),
        first_vmid=first,
        last_vmid=last,
        workers=params["workers"],
        per_template=params["per_template"],
        per_node=params["per_node"],
        per_storage=params["per_storage"],
        task_timeout=params["task_timeout"],
        ready_timeout=params["ready_timeout"],
        wait_for=WaitFor[params["wait_for"].upper()],
        cidrs=tuple(params["address_cidrs"]),
        allow_reboot=params["allow_reboot"],
        purge_disks=params["purge_disks"],
        migrate=params["migrate"],
        placement=None if params["placement"] is None else placement_of(params["placement"]),
        max_destroys=params["max_destroys"],
        keep_going=params["keep_going"],
    )
