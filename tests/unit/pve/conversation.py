# SPDX-License-Identifier: GPL-3.0-or-later
"""A Gateway that follows a script: a call that is not in it fails the test, and so does one that never came."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._pve.gateway import NOTHING, Values

ANYTHING: Any = object()
UPID = "UPID:{node}:0000A1B2:00C3D4E5:67890ABC:{kind}:{vmid}:lotse@pve!ci:"


class Conversation:
    """Calls in any order (guests are worked on side by side), answers to the same call in the order of the script."""

    def __init__(self) -> None:
        self._script: dict[tuple[str, str], deque[tuple[Any, Any]]] = defaultdict(deque)
        self._standing: dict[tuple[str, str], Any] = {}
        self._guard = threading.Lock()
        self.made: list[tuple[str, str, dict[str, Any]]] = []

    # ---------------------------------------------------------------- script

    def expect(self, verb: str, path: str, answer: Any = None, values: Any = ANYTHING) -> None:
        """``answer`` is returned, or raised if it is an exception; ``values``: the parameters that must be given, exactly."""
        self._script[verb, path].append((values, answer))

    def always(self, verb: str, path: str, answer: Any) -> None:
        """A call that may come any number of times."""
        self._standing[verb, path] = answer

    def task(self, verb: str, path: str, kind: str, *, node: str = "pve2", vmid: int = 101, status: str = "OK", values: Any = ANYTHING) -> str:
        """A call that starts a task, and the question how the task ended."""
        upid = UPID.format(node=node, kind=kind, vmid=vmid)
        self.expect(verb, path, upid, values)
        self.expect("get", f"nodes/{node}/tasks/{upid}/status", {"status": "stopped", "exitstatus": status})
        if status != "OK":
            self.expect("get", f"nodes/{node}/tasks/{upid}/log", [{"n": 1, "t": f"TASK ERROR: {status}"}])
        return upid

    def finished(self) -> None:
        waiting = [f"{verb.upper()} {path}" for (verb, path), left in self._script.items() for _ in left]
        assert not waiting, f"never asked: {waiting}"

    # ------------------------------------------------------------------ port

    def _call(self, verb: str, path: str, values: Values) -> Any:
        with self._guard:
            self.made.append((verb, path, dict(values)))
            if (verb, path) in self._standing:
                wanted, answer = ANYTHING, self._standing[verb, path]
            else:
                assert self._script[verb, path], f"unexpected call: {verb.upper()} {path} {dict(values)}"
                wanted, answer = self._script[verb, path].popleft()
        assert wanted is ANYTHING or dict(wanted) == dict(values), f"{verb.upper()} {path}: expected {wanted}, got {dict(values)}"
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def get(self, path: str, params: Values = NOTHING) -> Any:
        return self._call("get", path, params)

    def post(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("post", path, data)

    def put(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("put", path, data)

    def delete(self, path: str, params: Values = NOTHING, *, repeatable: bool = False) -> Any:
        return self._call("delete", path, params)

    @property
    def writes(self) -> list[str]:
        return [f"{verb.upper()} {path}" for verb, path, _ in self.made if verb != "get"]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


# ------------------------------------------------------------ what a small cluster answers

UUIDS = {
    "db-01": "0a8fd1c2-6c1e-5d57-9f7e-3a52ab0a4a11",
    "web-01": "4f7c2f0e-93c0-5f0a-8f5e-0c2f6f0f7a22",
}
TEMPLATE_ROW = {"type": "qemu", "vmid": 9000, "name": "debian-13", "node": "pve1", "template": 1, "status": "stopped"}
TEMPLATE_CONFIG = {
    "name": "debian-13", "template": 1, "memory": "1024", "cores": 1, "agent": "enabled=1", "digest": "t1",
    "scsi0": "shared:9000/base-9000-disk-0.qcow2,size=4G", "ide2": "shared:9000/vm-9000-cloudinit.qcow2,media=cdrom",
    "net0": "virtio=BC:24:11:00:90:00,bridge=vmbr0",
}  # fmt: skip


def plan_row(name: str = "db-01", **changes: Any) -> dict[str, Any]:
    """A guest as plan.yml writes it."""
    number = {"db-01": 103, "web-01": 102}[name]
    return {
        "name": name, "uuid": UUIDS[name], "node": "pve2", "template": "debian-13", "cores": 1, "memory_mib": 1024,
        "disks": {"scsi0": {"storage": "shared", "size_gib": 8}}, "nics": {"net0": {"bridge": "vmbr0"}}, "address": f"10.77.0.{number}/24",
        "gateway": "10.77.0.1", "pool": "community", "tags": ["role-mariadb"], "onboot": True, **changes,
    }  # fmt: skip


def row(name: str = "db-01", vmid: int = 101, **changes: Any) -> dict[str, Any]:
    """A guest in /cluster/resources."""
    return {
        "type": "qemu", "vmid": vmid, "name": name, "node": "pve2", "status": "running", "pool": "community", "tags": "lotse;role-mariadb",
        **changes,
    }  # fmt: skip


def config(name: str = "db-01", **changes: Any) -> dict[str, Any]:
    """The configuration of a guest that is as ``plan_row`` says, in the API's spelling. None takes a key out."""
    number = {"db-01": 103, "web-01": 102}[name]
    full: Mapping[str, Any] = {
        "name": name, "description": f"lotse-guest: {UUIDS[name]}\n", "cores": 1, "memory": "1024", "agent": "enabled=1", "onboot": 1,
        "scsi0": "shared:101/vm-101-disk-0.qcow2,size=8G", "ide2": "shared:101/vm-101-cloudinit.qcow2,media=cdrom",
        "net0": "virtio=BC:24:11:AA:BB:CC,bridge=vmbr0", "ipconfig0": f"gw=10.77.0.1,ip=10.77.0.{number}/24",
        "tags": "role-mariadb;lotse", "digest": "d1", **changes,
    }  # fmt: skip
    return {key: value for key, value in full.items() if value is not None}


def listed(config: Mapping[str, Any], **waiting: Any) -> list[dict[str, Any]]:
    """A configuration as /pending lists it; ``waiting`` is what the next start brings (None: takes away)."""
    rows: dict[str, dict[str, Any]] = {key: {"key": key, "value": value} for key, value in config.items()}
    for key, value in waiting.items():
        rows.setdefault(key, {"key": key}).update({"delete": 1} if value is None else {"pending": value})
    return list(rows.values())
