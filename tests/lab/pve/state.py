# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's state in a file, so that guests survive a restart of the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fakepve.model import FakeVm

SCHEMA = "lotse/lab-pve/1"
TASKS_KEPT = 500
VM_FIELDS = ("vmid", "name", "node", "status", "config", "pending", "template", "lock", "snapshots", "started_at")


def dump(pve: Any) -> dict[str, Any]:
    """Everything that a restart must not forget. A lock that a fault holds is not part of it."""
    guests = []
    for vm in pve.vms:
        guest = {field: getattr(vm, field) for field in VM_FIELDS}
        if getattr(vm, "lock_fault", None):
            guest["lock"] = None
            guest["config"] = {key: value for key, value in vm.config.items() if key != "lock"}
        guest["machine"] = getattr(vm, "machine", None)
        guests.append(guest)
    return {
        "schema": SCHEMA,
        "guests": guests,
        "storages": {name: {**store, "files": sorted(store.get("files", ()))} for name, store in sorted(pve.storages.items())},
        "pools": {name: sorted(ids) for name, ids in sorted(pve.pools.items())},
        "pool_info": {name: {"comment": meta["comment"], "storage": sorted(meta["storage"])} for name, meta in sorted(pve.pool_info.items())},
        "ha": pve.ha,
        "tasks": pve.tasklog[-TASKS_KEPT:],
    }


def restore(pve: Any, state: dict[str, Any]) -> None:
    """Put the state back; tasks that were running died with the process that ran them."""
    if state.get("schema") != SCHEMA:
        raise ValueError(f"state of schema {state.get('schema')!r}, expected {SCHEMA!r}")
    pve.vms = [_guest(saved) for saved in state["guests"]]
    pve.storages = {name: {**store, "files": set(store["files"])} for name, store in state["storages"].items()}
    pve.pools = {name: set(ids) for name, ids in state["pools"].items()}
    pve.pool_info = {name: {"comment": meta["comment"], "storage": set(meta["storage"])} for name, meta in state["pool_info"].items()}
    pve.tasklog = state["tasks"]
    for task in pve.tasklog:
        if task["status"] == "running":
            task.update(status="stopped", exitstatus="unexpected status", endtime=task["starttime"])
    pve.tasks = {task["upid"]: task for task in pve.tasklog}
    pve._sync_pools()
    pve.set_ha(state.get("ha"))


def _guest(saved: dict[str, Any]) -> Any:
    vm = FakeVm(
        saved["vmid"], saved["name"], node=saved["node"], status=saved["status"], config=saved["config"],
        pending=saved["pending"], template=saved["template"], lock=saved["lock"],
    )  # fmt: skip
    vm.snapshots = saved["snapshots"]
    vm.started_at = saved["started_at"]
    if saved["machine"]:
        vm.machine = saved["machine"]
    return vm


class StateFile:
    """One JSON file, replaced as a whole."""

    def __init__(self, path: Path, pve: Any) -> None:
        self.path = path
        self.pve = pve

    def load(self) -> bool:
        if not self.path.exists():
            return False
        restore(self.pve, json.loads(self.path.read_text()))
        return True

    def save(self) -> None:
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(dump(self.pve), sort_keys=True))
        fresh.replace(self.path)
