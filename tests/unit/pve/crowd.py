# SPDX-License-Identifier: GPL-3.0-or-later
"""A large cluster in one process: answers are parsed from JSON as they come from a wire. Run as a program it converges and says what that took."""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
import uuid
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.gateway import NOTHING, Values
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import WaitFor

NODES = 40


def identity(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"guest-{number}"))


def wanted(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": f"guest-{number}", "uuid": identity(number), "node": f"pve{number % NODES}", "template": "debian-13", "cores": 2, "memory_mib": 2048,
        "disks": {"scsi0": {"storage": "shared", "size_gib": 8}}, "nics": {"net0": {"bridge": "vmbr0"}}, "pool": "community",
        "tags": ["role-web"], "address": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}/8", **changes,
    }  # fmt: skip


class Crowd:
    """``count`` guests that are as ``wanted`` says, with as many keys as a guest in the field has."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.calls = 0
        self.writes = 0
        self._guard = threading.Lock()
        rows = [
            {
                "type": "qemu", "id": f"qemu/{number + 100}", "vmid": number + 100, "name": f"guest-{number}", "node": f"pve{number % NODES}",
                "status": "running", "pool": "community", "tags": "lotse;role-web", "template": 0, "cpu": 0.01, "maxcpu": 2, "mem": 2**30,
                "maxmem": 2**31, "disk": 0, "maxdisk": 2**33, "uptime": 86400 + number, "netin": 10**9, "netout": 10**9, "diskread": 10**9,
                "diskwrite": 10**9,
            }
            for number in range(count)
        ]  # fmt: skip
        self._list = json.dumps({"data": rows})

    def _config(self, number: int) -> str:
        config = {
            "name": f"guest-{number}", "description": f"what the operator wrote about guest {number}\nlotse-guest: {identity(number)}\n", "cores": 2,
            "sockets": 1, "cpu": "x86-64-v2-AES", "memory": "2048", "balloon": 1024, "agent": "enabled=1", "onboot": 1, "ostype": "l26", "numa": 0,
            "scsihw": "virtio-scsi-single", "scsi0": f"shared:{number + 100}/vm-{number + 100}-disk-0.qcow2,discard=on,iothread=1,size=8G",
            "ide2": f"shared:{number + 100}/vm-{number + 100}-cloudinit.qcow2,media=cdrom", "boot": "order=scsi0", "serial0": "socket",
            "net0": f"virtio=BC:24:11:00:{number // 256:02X}:{number % 256:02X},bridge=vmbr0", "vga": "serial0", "tags": "lotse;role-web",
            "ipconfig0": f"ip=10.{number // 65536}.{number // 256 % 256}.{number % 256}/8", "ciuser": "root", "sshkeys": "ssh-ed25519%20AAAA" * 20,
            "smbios1": f"uuid={identity(number)}", "vmgenid": identity(number + 1), "meta": "creation-qemu=10.0.2,ctime=1700000000",
            "digest": f"{number:040x}",
        }  # fmt: skip
        return json.dumps({"data": [{"key": key, "value": value} for key, value in config.items()]})

    def get(self, path: str, params: Values = NOTHING) -> Any:
        with self._guard:
            self.calls += 1
        text = self._list if path == "cluster/resources" else self._config(int(path.split("/")[3]) - 100)
        return json.loads(text)["data"]

    def put(self, path: str, data: Values = NOTHING, *, repeatable: bool = False) -> Any:
        with self._guard:
            self.calls += 1
            self.writes += 1

    post = delete = put


def main(count: int) -> None:
    crowd = Crowd(count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.process_time()
    fleet = Fleet(crowd, Settings(wait_for=WaitFor.NONE))
    results = fleet.apply(fleet.plan(desired_guests([wanted(number, cores=2 + number % 2) for number in range(count)])))
    print(json.dumps({
        "changed": sum(result.changed for result in results), "calls": crowd.calls, "writes": crowd.writes,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, "mib_before": before // 1024,
        "seconds": round(time.process_time() - begun, 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main(int(sys.argv[1]))
