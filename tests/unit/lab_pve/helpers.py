# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that several tests take."""

from __future__ import annotations

import urllib.parse
from typing import Any

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexampleexampleexampleexampleexampleexam lotse lab"


def ended(api: Any, upid: str) -> str:
    """The exit status of a task that is over."""
    status = api.nodes(upid.split(":")[1]).tasks(upid).status.get()
    assert status["status"] == "stopped"
    return str(status["exitstatus"])


def clone(api: Any, vmid: int = 101, name: str = "web-01", **options: Any) -> str:
    given = {"newid": vmid, "name": name, "pool": "community", "full": 1, "target": "pve2", **options}
    return ended(api, api.nodes("pve1").qemu(9000).clone.post(**given))


def started(api: Any, vmid: int = 101, name: str = "web-01") -> Any:
    """The guest, cloned to pve2, configured and running."""
    assert clone(api, vmid, name) == "OK"
    vm = api.nodes("pve2").qemu(vmid)
    vm.config.put(ipconfig0=f"ip=10.77.0.{vmid}/24,gw=10.77.0.1", sshkeys=urllib.parse.quote(KEY, safe=""))
    assert ended(api, vm.status.start.post()) == "OK"
    return vm
