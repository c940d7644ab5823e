# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do and see what, and what the server tells everybody: its manual with the API's schema, and the time."""

from __future__ import annotations

import functools
import json
import re
import time
from typing import Any

from aiohttp import web
from fakepve import schema as pve_schema
from fakepve.server import USER

from .base import LabBase, Values

MANUAL = "/pve-docs/api-viewer/apidoc.js"
TOP = ("/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms")
VIEWER = "const method2cmd = { GET: 'get', POST: 'create' };\nExt.onReady(function() {});\n"
NIC = re.compile(r"net\d+")
Privileges = set[str]


@functools.cache
def manual() -> str:
    """The schema in the form of the real document: a tree of paths in a JavaScript constant, the viewer's code behind it."""
    root: Values = {"children": {}}
    for path, methods in pve_schema.load().paths.items():
        node = root
        for part in path.strip("/").split("/"):
            node = node["children"].setdefault(part, {"children": {}})
        node["info"] = methods

    def tree(node: Values, above: str) -> list[Values]:
        return [
            {
                "children": tree(child, f"{above}/{part}"),
                **({"info": child["info"]} if "info" in child else {}),
                "leaf": int(not child["children"]),
                "path": f"{above}/{part}",
                "text": part,
            }
            for part, child in sorted(node["children"].items())
        ]

    return f"const apiSchema = {json.dumps(tree(root, ''), indent=3)};\n\n{VIEWER}"


class AccessParts(LabBase):
    """Permissions as the real API computes them: the nearest path above decides, a pool adds to its members, a token is limited by its user."""

    def _build_app(self) -> web.Application:
        app = super()._build_app()
        app.router.add_get(MANUAL, self._manual)
        return app

    async def _manual(self, _request: web.Request) -> web.Response:
        text = manual()
        if self._major < 9:
            text = re.sub(r'"VM\.GuestAgent\.\w+"(,\s*"VM\.GuestAgent\.\w+")*', '"VM.Monitor"', text)
        return web.Response(text=text, content_type="application/javascript")

    def _authenticate(self, request: web.Request) -> Any:
        return None if request.path == MANUAL else super()._authenticate(request)

    # -------------------------------------------------------------- privileges

    def allowed(self, user: str, path: str, priv: str) -> bool:
        if self.acl is None or user == "root@pam":
            return True
        return priv in self._effective(user, path)

    def _effective(self, user: str, path: str) -> Privileges:
        held = self._held(user, path)
        return held & self._held(user.split("!")[0], path) if user in self.separated else held

    def _held(self, identity: str, path: str) -> Privileges:
        granted: dict[str, Privileges] = {}
        given = self.faults.values.get("acl")
        for where, privileges in (self.acl or {}).get(identity, ()) if given is None else given.items():
            granted.setdefault(where, set()).update(privileges)

        def nearest(at: str) -> Privileges:
            while at not in granted and at != "/":
                at = at.rsplit("/", 1)[0] or "/"
            return granted.get(at, set())

        held = set(nearest(path))
        kind, _, ident = path.strip("/").partition("/")
        for pool in self.pools if kind in ("vms", "storage") else ():
            member = ident.isdecimal() and int(ident) in self.pools[pool] if kind == "vms" else ident in self.pool_info[pool]["storage"]
            held |= nearest(f"/pool/{pool}") if member else set()
        return held

    @property
    def _major(self) -> int:
        return int(str(self.version).split(".")[0])

    def check_permissions(self, user: str, perms: Any, values: Values, declared: Any = None) -> None:
        """Before 9.0 one privilege stood for everything that the guest agent does."""
        if self._major < 9 and "VM.GuestAgent." in json.dumps(perms):
            perms = {"check": ["perm", "/vms/{vmid}", ["VM.Monitor"]]}
        super().check_permissions(user, perms, values, declared)

    def _may_use_bridge(self, user: str, value: str) -> None:
        if self._major >= 8:
            super()._may_use_bridge(user, value)

    async def _permissions(self, values: Values, user: str) -> Values:
        who = str(values.get("userid") or user)
        if values.get("path") is not None:
            paths = {str(values["path"])}
        else:
            named = self.faults.values.get("acl") or [where for where, _ in (self.acl or {}).get(who, ())]
            paths = {*TOP, *named, *(f"/vms/{vmid}" for members in self.pools.values() for vmid in members)}
        return {path: dict.fromkeys(sorted(held), 1) for path in sorted(paths) if (held := self._effective(who, path))}

    # -------------------------------------------------------- what is seen

    async def _resources(self, request: web.Request) -> web.Response:
        """Storages need Datastore.Audit; without Sys.Audit a node is a name without figures."""
        answer: web.Response = await super()._resources(request)
        if answer.status != 200:
            return answer
        user, shown = request[USER], []
        for row in json.loads(answer.text or "{}")["data"]:
            if row["type"] == "storage" and not self.allowed(user, f"/storage/{row['storage']}", "Datastore.Audit"):
                continue
            if row["type"] == "node" and not self.allowed(user, f"/nodes/{row['node']}", "Sys.Audit"):
                row = {key: row[key] for key in ("id", "type", "node", "status", "level") if key in row}
            shown.append(row)
        return web.json_response({"data": shown})

    async def _cluster_status(self, request: web.Request) -> web.Response:
        self.require(request[USER], "/", "Sys.Audit")
        answer: web.Response = await super()._cluster_status(request)
        return answer

    async def _node_network(self, values: Values, user: str) -> list[Values]:
        rows: list[Values] = await super()._node_network(values, user)
        return [row for row in rows if row["type"] != "bridge" or self._sees_bridge(user, row["iface"])]

    def _sees_bridge(self, user: str, bridge: str) -> bool:
        return self._major < 8 or any(self.allowed(user, f"/sdn/zones/localnetwork/{bridge}", priv) for priv in ("SDN.Audit", "SDN.Use"))

    async def _qm_clone(self, values: Values, user: str) -> str:
        """A clone uses the bridges of its source."""
        source = self.find(values["node"], values["vmid"])
        for key, value in source.config.items():
            if NIC.fullmatch(key):
                self._may_use_bridge(user, str(value))
        upid: str = await super()._qm_clone(values, user)
        return upid

    # -------------------------------------------------------------------- time

    def _routes_lab_time(self) -> list[tuple[str, str, Any]]:
        return [("GET", "/nodes/{node}/time", self._node_time)]

    async def _node_time(self, values: Values, user: str) -> Values:
        now = int(time.time()) + int(self.faults.values.get("clock_ahead", {}).get(values["node"], 0))
        return {"time": now, "localtime": now, "timezone": "UTC"}
