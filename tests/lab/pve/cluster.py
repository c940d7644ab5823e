# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cluster: four nodes, three storages, a pool, a template, a user and its token."""

from __future__ import annotations

from typing import Any

from fakepve.model import FakeVm

from tests.lab import vm_image

from .access import AccessParts
from .agent import AgentParts
from .driver import GuestDriver
from .faults import Faults
from .ha import HaParts
from .images import ImageParts

GIB = 1024**3
NODES = ("pve1", "pve2", "pve3", "pve4")
POOL = "community"
TEMPLATE = 9000
USER = "lotse@pve"
TOKEN = f"{USER}!ci"
TEMPLATE_DISK = "9000/base-9000-disk-0.qcow2"
TEMPLATE_CLOUD_INIT = "9000/vm-9000-cloudinit.qcow2"
VM_TEMPLATE = 9001  # of real VMs, where the lab has them
VM_TEMPLATE_DISK = f"{VM_TEMPLATE}/base-{VM_TEMPLATE}-disk-0.qcow2"
VM_TEMPLATE_CLOUD_INIT = f"{VM_TEMPLATE}/vm-{VM_TEMPLATE}-cloudinit.qcow2"
SNIPPET = "snippets/lotse-user.yaml"
TEMPLATE_CONFIG: dict[str, Any] = {
    "name": "debian-13", "template": 1, "memory": "1024", "cores": 1, "sockets": 1, "cpu": "x86-64-v2-AES",
    "ostype": "l26", "scsihw": "virtio-scsi-single", "scsi0": f"shared:{TEMPLATE_DISK},discard=on,size=4G",
    "ide2": f"shared:{TEMPLATE_CLOUD_INIT},media=cdrom", "net0": "virtio=BC:24:11:00:90:00,bridge=vmbr0",
    "agent": "enabled=1", "boot": "order=scsi0", "serial0": "socket", "vga": "serial0",
    "smbios1": "uuid=7b0a4f0e-2f0f-4b6e-9f49-0b3c1a4d9000", "vmgenid": "0d7f6d8e-7a50-4c0b-8f5e-5b6a3c2d9000",
}  # fmt: skip
VM_TEMPLATE_CONFIG: dict[str, Any] = {
    **TEMPLATE_CONFIG, "name": "debian-13-vm", "memory": "256", "scsi0": f"shared:{VM_TEMPLATE_DISK},discard=on,size={vm_image.SIZE_GIB}G",
    "ide2": f"shared:{VM_TEMPLATE_CLOUD_INIT},media=cdrom", "net0": "virtio=BC:24:11:00:90:01,bridge=vmbr0",
    "smbios1": "uuid=7b0a4f0e-2f0f-4b6e-9f49-0b3c1a4d9001", "vmgenid": "0d7f6d8e-7a50-4c0b-8f5e-5b6a3c2d9001",
}  # fmt: skip
AUDIT = ("Sys.Audit", "VM.Audit", "Datastore.Audit", "Pool.Audit", "SDN.Audit", "Mapping.Audit")
VM_ADMIN = (
    "VM.Allocate", "VM.Audit", "VM.Backup", "VM.Clone", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Cloudinit",
    "VM.Config.Disk", "VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options", "VM.Console",
    "VM.GuestAgent.Audit", "VM.GuestAgent.FileRead", "VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted", "VM.Migrate", "VM.PowerMgmt", "VM.Snapshot", "VM.Snapshot.Rollback",
)  # fmt: skip
# What the token needs and no more: guests of its pool, its storages, the template and the bridges.
ACL: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("/", (*AUDIT, "Sys.Console")),  # Sys.Console: HA asks for it
    (f"/pool/{POOL}", (*VM_ADMIN, "Pool.Allocate", "Pool.Audit")),
    ("/storage/shared", ("Datastore.AllocateSpace", "Datastore.Audit")),
    ("/storage/local-lvm", ("Datastore.AllocateSpace", "Datastore.Audit")),
    ("/storage/local", ("Datastore.AllocateTemplate", "Datastore.Audit")),
    (f"/vms/{TEMPLATE}", ("VM.Clone", "VM.Audit")),
    (f"/vms/{VM_TEMPLATE}", ("VM.Clone", "VM.Audit")),
    ("/sdn/zones/localnetwork", ("SDN.Use",)),
    ("/nodes", ("Sys.AccessNetwork", "Sys.Audit")),
)


class LabPve(AccessParts, AgentParts, HaParts, ImageParts):
    """The API server with the lab's cluster in its initial state."""

    def __init__(self, driver: GuestDriver, faults: Faults, host: str, port: int) -> None:
        super().__init__(driver, faults, host, port)
        self.broadcast: dict[int, str] = {}
        self._followers: set[Any] = set()
        self.cluster_name = "lotse-lab"
        self.seed()

    def seed(self) -> None:
        """The cluster as nobody has used it yet."""
        self.nodes = {name: {"online": True} for name in NODES}
        self.storages: dict[str, dict[str, Any]] = {
            "local": {
                "type": "dir", "path": "/var/lib/vz", "content": "iso,vztmpl,backup,snippets,import", "active": 1,
                "files": set(), "total": 64 * GIB,
                "volumes": {SNIPPET: {"content": "snippets", "format": "snippet", "size": 64, "ctime": 0, "nodes": list(NODES)}},
            },
            "local-lvm": {
                "type": "lvmthin", "vgname": "pve", "thinpool": "data", "content": "images,rootdir", "active": 1,
                "files": set(), "volumes": {}, "total": 128 * GIB,
            },
            "shared": {
                "type": "nfs", "server": "10.77.1.9", "export": "/export/pve", "path": "/mnt/pve/shared", "shared": 1,
                "content": "images,iso,backup", "format": "qcow2", "active": 1, "files": set(), "total": 512 * GIB,
                "volumes": {
                    TEMPLATE_DISK: {"content": "images", "format": "qcow2", "size": 4 * GIB, "vmid": TEMPLATE, "ctime": 0},
                    TEMPLATE_CLOUD_INIT: {
                        "content": "images", "format": "qcow2", "size": 4 * 1024**2, "vmid": TEMPLATE, "ctime": 0,
                    },
                },
            },
        }  # fmt: skip
        template = FakeVm(TEMPLATE, "debian-13", node="pve1", template=True, config=TEMPLATE_CONFIG)
        self.vms = [template]
        self.cts: list[Any] = []
        self.pools: dict[str, set[int]] = {POOL: set()}
        self.pool_info = {POOL: {"comment": "the community platform", "storage": set()}}
        self.tasks: dict[str, Any] = {}
        self.tasklog: list[Any] = []
        self.broadcast = {TEMPLATE: "stopped"}
        self.set_ha()

    def add_vm_template(self) -> None:
        """The template of real VMs, unless it is there."""
        if self.vm(VM_TEMPLATE) is not None:
            return
        common = {"content": "images", "format": "qcow2", "vmid": VM_TEMPLATE, "ctime": 0}
        volumes: dict[str, Any] = self.storages["shared"]["volumes"]
        volumes[VM_TEMPLATE_DISK] = {**common, "size": vm_image.SIZE_GIB * GIB}
        volumes[VM_TEMPLATE_CLOUD_INIT] = {**common, "size": 4 * 1024**2}
        self.vms.append(FakeVm(VM_TEMPLATE, "debian-13-vm", node="pve1", template=True, config=VM_TEMPLATE_CONFIG))
        self.broadcast[VM_TEMPLATE] = "stopped"

    def admit(self, secret: str) -> None:
        """The user and its privilege-separated token; nobody else may log in with a token."""
        self.apitokens = {TOKEN: secret}
        self.separated = {TOKEN}
        self.acl: dict[str, Any] = {}
        for path, privileges in ACL:
            self.grant(USER, path, *privileges)
            self.grant(TOKEN, path, *privileges)

    def reset(self) -> None:
        """Back to the initial state: no guests, no tasks."""
        for vm in self.vms:
            machine = getattr(vm, "machine", None)
            if machine:
                self.driver.remove(machine)
        self.seed()

    def boot_known(self) -> None:
        """Guests in memory vanished with the process that held them: boot those that the state says run."""
        for vm in self.vms:
            if vm.status == "running":
                self.driver.boot(self.guest_spec(vm))
