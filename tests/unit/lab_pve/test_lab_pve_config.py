# SPDX-License-Identifier: GPL-3.0-or-later
"""Config writes, disks and space."""

from __future__ import annotations

import re
from typing import Any

import pytest
from proxmoxer.core import ResourceException

from tests.lab.pve.fixture import MemoryPve

from .helpers import clone, ended, started

GIB = 1024**3


@pytest.fixture
def vm(memory_pve: MemoryPve) -> Any:
    """A stopped guest on pve2."""
    api = memory_pve.proxmoxer()
    assert clone(api) == "OK"
    return api.nodes("pve2").qemu(101)


def available(api: Any, node: str, storage: str) -> int:
    return int(api.nodes(node).storage(storage).status.get()["avail"])


def test_a_config_write_allocates_disks_and_macs(memory_pve: MemoryPve, vm: Any) -> None:
    api = memory_pve.proxmoxer()
    before = available(api, "pve2", "local-lvm")
    vm.config.put(net1="virtio,bridge=vmbr0", scsi1="local-lvm:10", tags="Role-Web;lotse", cores=2, onboot=1)
    config = vm.config.get()
    assert re.fullmatch(r"virtio=BC:24:11(:[0-9A-F]{2}){3},bridge=vmbr0", config["net1"])
    assert config["scsi1"] == "local-lvm:vm-101-disk-0,size=10G"
    assert (config["tags"], config["cores"], config["onboot"]) == ("lotse;role-web", 2, 1)
    assert before - available(api, "pve2", "local-lvm") == 10 * GIB
    assert available(api, "pve3", "local-lvm") == before  # each node has its own


def test_resize_grows_only(memory_pve: MemoryPve, vm: Any) -> None:
    api = memory_pve.proxmoxer()
    assert ended(api, vm.resize.put(disk="scsi0", size="10G")) == "OK"
    assert ended(api, vm.resize.put(disk="scsi0", size="+2G")) == "OK"
    assert ended(api, vm.resize.put(disk="scsi0", size="4G")) == "shrinking disks is not supported"
    assert ended(api, vm.resize.put(disk="scsi5", size="4G")) == "disk 'scsi5' does not exist"
    assert vm.config.get()["scsi0"].endswith("size=12G")
    volumes = api.nodes("pve2").storage("shared").content.get(vmid=101)
    assert [volume["size"] for volume in volumes if "disk" in volume["volid"]] == [12 * GIB]


def test_move_disk_to_local_storage_frees_the_source(memory_pve: MemoryPve, vm: Any) -> None:
    api = memory_pve.proxmoxer()
    assert ended(api, vm.move_disk.post(disk="scsi0", storage="local-lvm", delete=1)) == "OK"
    config = vm.config.get()
    assert config["scsi0"].startswith("local-lvm:vm-101-disk-0,")
    assert not [key for key in config if key.startswith("unused")]
    assert "101/vm-101-disk-0.qcow2" not in memory_pve.state()["storages"]["shared"]["volumes"]
    with pytest.raises(ResourceException, match="you can't move to the same storage"):
        vm.move_disk.post(disk="scsi0", storage="local-lvm")


def test_a_deleted_disk_becomes_unused_and_then_goes(memory_pve: MemoryPve, vm: Any) -> None:
    vm.config.put(scsi1="local-lvm:10")
    vm.config.put(delete="scsi1,description")
    assert vm.config.get()["unused0"] == "local-lvm:vm-101-disk-0"
    vm.config.put(scsi2="local-lvm:vm-101-disk-0")
    assert "unused0" not in vm.config.get()
    vm.unlink.put(idlist="scsi2", force=1)
    assert not {"unused0", "scsi2"} & set(vm.config.get())
    assert memory_pve.state()["storages"]["local-lvm"]["volumes"] == {}


def test_what_a_config_write_refuses(memory_pve: MemoryPve, vm: Any) -> None:
    digest = vm.config.get()["digest"]
    vm.config.put(description="changed", digest=digest)
    for options, text in (
        ({}, "no options specified"),
        ({"cores": 2, "digest": digest}, "checksum mismatch"),
        ({"cores": 2, "delete": "cores"}, "Parameter verification failed"),
        ({"boot": "order=scsi9"}, "Parameter verification failed"),
        ({"net1": "virtio,bridge=vmbr0,what=ever"}, "Parameter verification failed"),
        ({"scsi1": "nowhere:10"}, "Permission check failed"),
        ({"nonsense": 1}, "Parameter verification failed"),
    ):
        with pytest.raises(ResourceException, match=text):
            vm.config.put(**options)


def test_pending_changes_of_a_running_guest(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    vm = started(api)
    vm.config.put(memory=2048, tags="lotse", scsi1="local-lvm:1")
    assert vm.config.get()["memory"] == "2048"
    assert vm.config.get(current=1)["memory"] == "1024"
    waiting = {row["key"]: row["pending"] for row in vm.pending.get() if "pending" in row}
    assert [str(waiting.pop(key)) for key in list(waiting)] == ["2048"]
    vm.config.put(revert="memory")
    assert vm.config.get()["memory"] == "1024"
    vm.config.put(memory=2048)
    assert ended(api, vm.status.reboot.post()) == "OK"
    assert vm.config.get(current=1)["memory"] == "2048"
    memory_pve.faults(hotplug_fails=True)
    with pytest.raises(ResourceException, match="400"):
        vm.config.put(scsi2="local-lvm:1")
    assert "scsi2" in vm.config.get()
    assert "scsi2" not in vm.config.get(current=1)


def test_full_storage_fails_the_task_and_leaves_nothing(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    memory_pve.faults(storage_full=["shared"])
    assert clone(api).startswith("clone failed: unable to create image: ")
    assert [row["vmid"] for row in api.cluster.resources.get(type="vm")] == [9000]
    memory_pve.faults()
    assert clone(api) == "OK"
    vm = api.nodes("pve2").qemu(101)
    memory_pve.faults(storage_full=["local-lvm@pve2"])
    assert "reached threshold" in ended(api, vm.move_disk.post(disk="scsi0", storage="local-lvm"))
    with pytest.raises(ResourceException, match="reached threshold"):
        vm.config.put(scsi1="local-lvm:1")
    assert vm.config.get()["scsi0"].startswith("shared:")
    assert "reached threshold" in ended(api, api.nodes("pve2").qemu.post(vmid=102, pool="community", scsi0="local-lvm:1"))
    upid = api.nodes("pve3").qemu.post(vmid=102, pool="community", scsi0="local-lvm:1", net0="virtio,bridge=vmbr0")
    assert ended(api, upid) == "OK"
    assert api.nodes("pve3").qemu(102).config.get()["scsi0"] == "local-lvm:vm-102-disk-0,size=1G"


def test_storage_fills_up_by_what_is_allocated(memory_pve: MemoryPve, vm: Any) -> None:
    vm.config.put(scsi1="local-lvm:100")
    with pytest.raises(ResourceException, match="reached threshold"):
        vm.config.put(scsi2="local-lvm:100")
    assert "scsi2" not in vm.config.get()


def test_linked_clones_hold_their_template(memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    assert clone(api, full=0) == "OK"
    vm = api.nodes("pve2").qemu(101)
    assert "base-9000-disk-0.qcow2/101/vm-101-disk-0.qcow2" in vm.config.get()["scsi0"]
    with pytest.raises(ResourceException, match="parameter 'storage' not allowed for linked clones"):
        clone(api, 102, full=0, storage="shared")
    with pytest.raises(ResourceException, match="can't clone to non-shared storage 'local-lvm'"):
        clone(api, 102, full=1, storage="local-lvm")


def test_migrate_takes_local_disks_along(memory_pve: MemoryPve, vm: Any) -> None:
    api = memory_pve.proxmoxer()
    vm.config.put(scsi1="local-lvm:10")
    before = available(api, "pve2", "local-lvm")
    assert ended(api, vm.migrate.post(target="pve3")) == "OK"
    assert api.nodes("pve3").qemu(101).config.get()["scsi1"] == "local-lvm:vm-101-disk-0,size=10G"
    assert available(api, "pve2", "local-lvm") == before + 10 * GIB


def test_a_guest_starts_only_where_its_memory_and_bridge_are(memory_pve: MemoryPve, vm: Any) -> None:
    api = memory_pve.proxmoxer()
    vm.config.put(ipconfig0="ip=10.77.0.101/24")
    vm.config.put(memory=20000)
    assert ended(api, vm.status.start.post()) == "start failed: QEMU exited with code 1"
    vm.config.put(memory=1024, delete="ipconfig0")
    assert "needs ipconfig0" in ended(api, vm.status.start.post())
    with pytest.raises(ResourceException, match="VM 101 is not running"):
        vm.agent.ping.post()


def test_pool_membership(memory_pve: MemoryPve, vm: Any) -> None:
    api = memory_pve.proxmoxer()
    members = api.pools.get(poolid="community")[0]["members"]
    assert [member["vmid"] for member in members] == [101]
    assert ended(api, vm.delete(purge=1)) == "OK"
    assert api.pools.get(poolid="community")[0]["members"] == []


def test_protection(memory_pve: MemoryPve, vm: Any) -> None:
    vm.config.put(protection=1)
    with pytest.raises(ResourceException, match="can't remove VM 101 - protection mode enabled"):
        vm.delete()
    with pytest.raises(ResourceException, match="can't remove drive 'scsi0' - protection mode enabled"):
        vm.config.put(delete="scsi0")
