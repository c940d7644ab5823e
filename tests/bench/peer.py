# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer's side, community.proxmox, as its users write it: six tasks that loop over the guests, one inventory file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .playbook import Workplace
from .seed import FIRST_VMID

TEMPLATE_NODE = "pve1"
API = {
    "api_host": "{{ api_host }}",
    "api_port": "{{ api_port }}",
    "api_user": "{{ api_user }}",
    "api_token_id": "{{ api_token }}",
    "api_token_secret": "{{ lookup('ansible.builtin.env', 'LOTSE_PVE_TOKEN_SECRET') }}",
    "ca_path": "{{ api_ca }}",
}
KVM, DISK, NIC = (f"community.proxmox.proxmox_{name}" for name in ("kvm", "disk", "nic"))


def playbook(work: Workplace, guests: Sequence[dict[str, Any]], first_vmid: int = FIRST_VMID) -> Path:
    """The same guests, with VMIDs chosen by the user (a clone without ``newid`` makes another guest in every run)."""
    rows = [{**guest, "vmid": first_vmid + number} for number, guest in enumerate(guests)]
    variables = work.write("peer-guests.yml", {"guests": rows})
    tasks = [
        _task("Clone", KVM, clone="{{ item.template }}", newid="{{ item.vmid }}", name="{{ item.name }}", node=TEMPLATE_NODE,
              target="{{ item.node }}", full=True, format="unspecified", pool="{{ item.pool }}", timeout=300),
        _task("Configure", KVM, update=True, vmid="{{ item.vmid }}", node="{{ item.node }}", name="{{ item.name }}", cores="{{ item.cores }}",
              memory="{{ item.memory_mib }}", ciuser="{{ item.ci_user }}", onboot="{{ item.onboot }}", tags="{{ item.tags + ['lotse'] }}",
              ipconfig={"ipconfig0": "ip={{ item.address }},gw={{ item.gateway }}"}),
        _task("Set the disk's options", DISK, vmid="{{ item.vmid }}", disk="scsi0", discard="on", state="present"),
        _task("Grow the disk", DISK, vmid="{{ item.vmid }}", disk="scsi0", size="{{ item.disks.scsi0.size_gib }}G", state="resized"),
        _task("Set the NIC", NIC, vmid="{{ item.vmid }}", interface="net0", bridge="{{ item.nics.net0.bridge }}", mac="{{ item.nics.net0.mac }}",
              model="virtio"),
        _task("Start", KVM, vmid="{{ item.vmid }}", node="{{ item.node }}", state="started"),
    ]  # fmt: skip
    play = {
        "name": "Peer", "hosts": "localhost", "gather_facts": False, "vars_files": [str(variables)],
        "module_defaults": {"group/community.proxmox.proxmox": API}, "tasks": tasks,
    }  # fmt: skip
    return work.write("peer.yml", [play])


def _task(name: str, module: str, /, **parameters: Any) -> dict[str, Any]:
    return {"name": name, module: parameters, "loop": "{{ guests }}", "loop_control": {"label": "{{ item.name }}"}}


def inventory(work: Workplace, **options: Any) -> Path:
    pve = work.pve
    where = {"url": pve.url, "user": pve.user, "token_id": pve.token_name, "token_secret": pve.secret}
    return work.write("peer.proxmox.yml", {"plugin": "community.proxmox.proxmox", **where, **options})
