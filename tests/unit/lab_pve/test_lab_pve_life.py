# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest's life through proxmoxer, the client that Lotse uses."""

from __future__ import annotations

import urllib.parse

import pytest
from proxmoxer.core import ResourceException

from tests.lab.pve.fixture import MemoryPve

from .helpers import KEY, ended, started


def test_clone_configure_start_agent_stop_delete(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    assert int(api.cluster.nextid.get()) == 100
    vm = started(api)
    config = vm.config.get()
    assert config["scsi0"] == "shared:101/vm-101-disk-0.qcow2,discard=on,size=4G"
    assert config["ide2"] == "shared:101/vm-101-cloudinit.qcow2,media=cdrom"
    assert config["net0"] != "virtio=BC:24:11:00:90:00,bridge=vmbr0"
    assert urllib.parse.unquote(config["sshkeys"]) == KEY

    assert vm.agent.ping.post() == {"result": {}}
    interfaces = vm.agent("network-get-interfaces").get()["result"]
    assert interfaces[1]["ip-addresses"][0] == {"ip-address": "10.77.0.101", "ip-address-type": "ipv4", "prefix": 24}
    assert interfaces[1]["hardware-address"].upper() in config["net0"]
    assert vm.agent("get-osinfo").get()["result"]["version-id"] == "13"
    assert vm.agent("get-host-name").get()["result"] == {"host-name": "web-01"}
    vm.agent("file-write").post(file="/etc/motd", content="Grüße\n")
    assert vm.agent("file-read").get(file="/etc/motd")["content"] == "Grüße\n"
    pid = vm.agent.exec.post(command=["cat", "/etc/motd"])["pid"]
    assert vm.agent("exec-status").get(pid=pid) == {"exited": 1, "exitcode": 0, "out-data": "Grüße\n"}

    listed = [row for row in api.cluster.resources.get(type="vm") if row["vmid"] == 101]
    assert [(row["status"], row["node"], row["pool"]) for row in listed] == [("running", "pve2", "community")]
    with pytest.raises(ResourceException, match="is running - destroy failed"):
        vm.delete()
    assert ended(api, vm.status.shutdown.post()) == "OK"
    with pytest.raises(ResourceException, match="VM 101 is not running"):
        vm.agent.ping.post()
    assert ended(api, vm.delete()) == "OK"
    assert [row["vmid"] for row in api.cluster.resources.get(type="vm")] == [9000]
    volumes = memory_pve.state()["storages"]["shared"]["volumes"]
    assert {volume["vmid"] for volume in volumes.values()} == {9000}
