# SPDX-License-Identifier: GPL-3.0-or-later
"""Storages with a size: what the volumes take, for each node where a storage is not shared."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web
from fakepve.qemu import volume_ref
from fakepve.storage import _is_file

from .base import LabBase, Values, die

GIB = 1024**3
NODE_MEMORY = 16 * GIB
NODE_CPUS = 8
# What a node's own system takes.
NODE_SYSTEM = 2 * GIB


class StorageParts(LabBase):
    """Space accounting, node usage and the cluster's resource list."""

    def node_of(self, vmid: int) -> str | None:
        guest = self.guest(int(vmid))
        return guest.node if guest else None

    def _volume_node(self, store: dict[str, Any], volume: dict[str, Any]) -> str | None:
        """Where the volume lies; None on a shared storage."""
        if store.get("shared"):
            return None
        return volume.get("node") or self.node_of(volume.get("vmid") or 0)

    def lies_on(self, store: dict[str, Any], volume: dict[str, Any], node: str | None) -> bool:
        """Whether the node sees the volume; a file of a storage that is not shared can lie on several nodes, with one name."""
        return node in volume["nodes"] if "nodes" in volume else self._volume_node(store, volume) in (None, node)

    def space(self, sid: str, node: str | None) -> tuple[int, int, int]:
        """(total, used, avail) bytes of a storage as the node sees it."""
        store = self.storages[sid]
        total = int(store.get("total", 100 * GIB))
        volumes = store.get("volumes", {}).values()
        used = sum(int(volume.get("size") or 0) for volume in volumes if self.lies_on(store, volume, node))
        if self.faults.full(sid, node):
            used = total
        return total, used, max(total - used, 0)

    def need_space(self, sid: str, node: str | None, size: int, name: str) -> None:
        """Fail as the storage's own tool does when the volume does not fit."""
        if size <= self.space(sid, node)[2]:
            return
        store = self.storages[sid]
        if _is_file(store):
            raise die(f"unable to create image: qemu-img: {name}: Could not resize file: No space left on device")
        if store["type"] != "lvmthin":
            raise die(f"unable to write to storage '{sid}': No space left on device")
        pool = f"{store['vgname']}/{store['thinpool']}"
        why = f"Cannot create new thin volume, free space in thin pool {pool} reached threshold."
        raise die(f"lvcreate '{store['vgname']}/{name}' error:   {why}")

    def _qm_alloc(self, sid: str, vmid: int, fmt: str | None, size: int, linked_from: str | None = None, node: str | None = None) -> tuple[str, str]:
        """Allocate on the guest's node; a linked clone takes no space of its own at first."""
        where = node or self.node_of(vmid)
        self._available(sid, where)
        name = f"vm-{vmid}-disk-N" if linked_from else self._qm_free_name(sid, vmid, fmt or "raw")
        self.need_space(sid, where, 0 if linked_from else size, name)
        if self.faults.full(sid, where):
            self.need_space(sid, where, 1, name)
        volid, made = super()._qm_alloc(sid, vmid, fmt, size, linked_from=linked_from)
        volume = self._qm_volume(volid)
        if not self.storages[sid].get("shared"):
            volume["node"] = where
        return str(volid), str(made)

    def _qm_free(self, volid: str) -> None:
        super()._qm_free(volid)
        self.volumes.free(volid)

    def _available(self, sid: str, node: str | None) -> None:
        if sid not in self.storages:
            raise die(f"storage '{sid}' does not exist")
        if node is not None:
            self._check_enabled(sid, node)

    def _linked_children(self, volid: str) -> list[str]:
        """Volumes that are linked clones of this base volume."""
        sid, name = volume_ref(volid)
        volumes = self.storages.get(sid, {}).get("volumes", {}) if sid else {}
        return [other for other in volumes if other.startswith(f"{name}/")]

    # ---------------------------------------------------------------- answers

    def _status_item(self, name: str, node: str, formats: bool = False) -> Values:
        item: Values = super()._status_item(name, node, formats)
        if item["active"]:
            item["total"], item["used"], item["avail"] = self.space(name, node)
        return item

    def _storage_resource(self, node: str, name: str) -> Values | None:
        item: Values | None = super()._storage_resource(node, name)
        if item is not None:
            item["maxdisk"], item["disk"], _ = self.space(name, node)
            if self.faults.offline(node):
                item["status"] = "unknown"
        return item

    async def _content_list(self, values: Values, user: str) -> list[Values]:
        name, node = values["storage"], values["node"]
        store = self.storages.get(name, {})
        volumes = store.get("volumes", {})
        listed: list[Values] = await super()._content_list(values, user)
        return [item for item in listed if self.lies_on(store, volumes.get(volume_ref(item["volid"])[1], {}), node)]

    def node_usage(self, node: str) -> Values:
        """The usage fields of a node: its system plus its running guests."""
        if not self.nodes[node].get("online", True):
            return {}
        running = [vm for vm in self.vms if vm.node == node and vm.status == "running"]
        guests = sum(int(self._vm_usage(vm)["maxmem"]) for vm in running)
        total, used, _ = self.space("local", node)
        return {
            "cpu": 0.02, "maxcpu": NODE_CPUS, "mem": min(NODE_SYSTEM + guests, NODE_MEMORY), "maxmem": NODE_MEMORY,
            "disk": used, "maxdisk": total, "uptime": 86400,
        }  # fmt: skip

    @staticmethod
    def _rows(response: web.Response) -> list[Values]:
        rows: list[Values] = json.loads(response.text or "{}")["data"]
        return rows

    async def _nodes(self, request: web.Request) -> web.Response:
        rows = self._rows(await super()._nodes(request))
        for row in rows:
            row.update(self.node_usage(row["node"]))
        return web.json_response({"data": rows})

    async def _resources(self, request: web.Request) -> web.Response:
        self._verify(request, dict(request.query))
        rows = self._rows(await super()._resources(request))
        for row in rows:
            if row["type"] == "node":
                row.update(self.node_usage(row["node"]))
            elif row["type"] == "qemu":
                row["status"] = self.broadcast_status(row["vmid"], row["status"])
        return web.json_response({"data": rows})

    def broadcast_status(self, vmid: int, status: str) -> str:
        """What the cluster's status daemon last said about the guest; unknown until it has seen it."""
        if status == "unknown" or not self.time_scale:
            return status
        return str(self.broadcast.get(vmid, "unknown"))

    def _routes_lab_node(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", "/nodes/{node}/status", self._node_status),
            ("GET", "/nodes/{node}/network", self._node_network),
        ]

    async def _node_status(self, values: Values, user: str) -> Values:
        node = values["node"]
        usage = self.node_usage(node)
        total, used, free = self.space("local", node)
        cpuinfo = {
            "cpus": NODE_CPUS, "cores": NODE_CPUS, "sockets": 1, "model": "lab", "mhz": "2400.000", "hvm": "1",
            "flags": "fpu vme", "user_hz": 100,
        }  # fmt: skip
        memory = {"total": NODE_MEMORY, "used": usage["mem"], "free": NODE_MEMORY - usage["mem"]}
        return {
            "cpu": usage["cpu"], "cpuinfo": cpuinfo, "memory": memory, "uptime": usage["uptime"],
            "rootfs": {"total": total, "used": used, "free": free, "avail": free}, "loadavg": ["0.10", "0.08", "0.05"],
            "swap": {"total": 0, "used": 0, "free": 0}, "wait": 0, "idle": 0, "kversion": "Linux 6.14.0-lab",
            "pveversion": f"pve-manager/{self.version}/lab",
            "current-kernel": {"sysname": "Linux", "release": "6.14.0-lab", "version": "lab", "machine": "x86_64"},
            "boot-info": {"mode": "efi", "secureboot": 0}, "ksm": {"shared": 0},
        }  # fmt: skip

    async def _node_network(self, values: Values, user: str) -> list[Values]:
        bridge = {
            "iface": "vmbr0", "type": "bridge", "active": 1, "autostart": 1, "exists": 1, "method": "static",
            "method6": "manual", "families": ["inet"], "priority": 3, "bridge_ports": "eno1", "bridge_stp": "off",
            "bridge_fd": "0", "address": f"10.77.1.{sorted(self.nodes).index(values['node']) + 1}", "netmask": "24",
        }  # fmt: skip
        uplink = {"iface": "eno1", "type": "eth", "active": 1, "exists": 1, "method": "manual", "priority": 2}
        rows = [dict(bridge), dict(uplink)]
        kind = values.get("type")
        bridges = {"bridge", "any_bridge", "any_local_bridge", "include_sdn"}
        return [row for row in rows if kind is None or row["type"] == kind or (kind in bridges and row["type"] == "bridge")]
