# SPDX-License-Identifier: GPL-3.0-or-later
"""High availability: resources, and the groups (up to 8.x) or rules (from 9.0) that say where they may run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from fakepve.model import PveError
from fakepve.routing import DIGEST_CHANGED, split_list
from fakepve.server import API, FORMATS, USER, params

from .base import Values, bad, die
from .disks import DiskParts
from .power import PowerParts

Work = Callable[[Values, str], Awaitable[Any]]
RESOURCES, GROUPS, RULES = "/cluster/ha/resources", "/cluster/ha/groups", "/cluster/ha/rules"
RULE_KEYS = frozenset({"rule", "type", "resources", "nodes", "strict", "affinity", "disable", "comment", "delete", "digest"})
MIGRATED = "ha groups have been migrated to rules"
NODE_LIST = re.compile(r"[\w.-]+(?::\d+)?(?:,[\w.-]+(?::\d+)?)*")


def digest_of(section: Any) -> str:
    return hashlib.sha1(json.dumps(section, sort_keys=True).encode()).hexdigest()  # noqa: S324 - what the API documents


def sid_of(text: str) -> str:
    """``101`` and ``vm:101`` are the same resource."""
    return text if ":" in text else f"vm:{text}"


class HaParts(PowerParts, DiskParts):
    """/cluster/ha, and the manager that carries its states out."""

    ha: dict[str, dict[str, Values]]
    _followers: set[Any]

    def set_ha(self, kept: dict[str, dict[str, Values]] | None = None) -> None:
        """What the cluster's files say; nothing is managed without them."""
        self.ha = kept or {"resources": {}, "groups": {}, "rules": {}}
        for vm in self.vms:
            vm.ha_state = self._managed_state(f"vm:{vm.vmid}")

    def _managed_state(self, sid: str) -> str | None:
        state = self.ha["resources"].get(sid, {}).get("state")
        return None if state in (None, "ignored") else str(state)

    @property
    def _has_rules(self) -> bool:
        return int(self.version.split(".")[0]) >= 9

    def _routes_lab_ha(self) -> list[tuple[str, str, Any]]:
        return [
            ("GET", RESOURCES, self._ha_list),
            ("POST", RESOURCES, self._ha_add),
            ("GET", f"{RESOURCES}/{{sid}}", self._ha_one),
            ("PUT", f"{RESOURCES}/{{sid}}", self._ha_set),
            ("DELETE", f"{RESOURCES}/{{sid}}", self._ha_remove),
            ("GET", GROUPS, self._groups_list),
            ("POST", GROUPS, self._group_add),
            ("PUT", f"{GROUPS}/{{group}}", self._group_set),
            ("DELETE", f"{GROUPS}/{{group}}", self._group_remove),
            ("GET", RULES, self._rules_list),
            ("DELETE", f"{RULES}/{{rule}}", self._rule_remove),
            ("GET", "/cluster/ha/status/current", self._ha_status),
        ]

    def _register_stateful(self, router: Any, prefixes: Any = FORMATS) -> None:
        """The schema of a rule is one of several, which fakepve does not check: these two are checked here."""
        for prefix in prefixes:
            router.add_post(prefix + RULES, self._checked_rule(self._rule_add))
            router.add_put(f"{prefix}{RULES}/{{rule}}", self._checked_rule(self._rule_set))
        super()._register_stateful(router, prefixes)

    def _checked_rule(self, work: Work) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            if not self._has_rules:
                path = request.path.removeprefix(API)
                raise PveError(501, f"Method '{request.method} {path}' not implemented")
            values = {**await params(request), **request.match_info}
            self.require(request[USER], "/", "Sys.Console")
            unknown = sorted(set(values) - RULE_KEYS)
            if unknown:
                raise bad(**{unknown[0]: "property is not defined in schema and the schema does not allow additional properties"})
            await work(values, request[USER])
            return web.json_response({"data": None})

        return serve

    # -------------------------------------------------------------- resources

    async def _ha_list(self, values: Values, user: str) -> list[Values]:
        digest = digest_of(self.ha["resources"])
        return [{**row, "digest": digest} for _, row in sorted(self.ha["resources"].items())]

    async def _ha_one(self, values: Values, user: str) -> Values:
        return {**self._resource(values), "digest": digest_of(self.ha["resources"])}

    def _resource(self, values: Values) -> Values:
        sid = sid_of(str(values["sid"]))
        found = self.ha["resources"].get(sid)
        if found is None:
            raise die(f"no such resource '{sid}'")
        return found

    def _check_group(self, values: Values) -> None:
        group = values.get("group")
        if group is not None and self._has_rules:
            raise bad(group=MIGRATED)
        if group is not None and group not in self.ha["groups"]:
            raise die(f"unknown group '{group}'")
        if "failback" in values and not self._has_rules:
            raise bad(failback="property is not defined in schema and the schema does not allow additional properties")

    async def _ha_add(self, values: Values, user: str) -> None:
        sid = sid_of(str(values["sid"]))
        if self.vm(int(sid.split(":")[1])) is None:
            raise die(f"unable to add service '{sid}' - VM {sid.split(':')[1]} does not exist")
        self._check_group(values)
        if sid in self.ha["resources"]:
            raise die(f"resource ID '{sid}' already defined")
        self.ha["resources"][sid] = {"state": "started", **values, "sid": sid, "type": "vm"}
        await self._manage(sid)

    async def _ha_set(self, values: Values, user: str) -> None:
        row = self._resource(values)
        if values.get("digest") not in (None, digest_of(self.ha["resources"])):
            raise die(DIGEST_CHANGED)
        self._check_group(values)
        for key in split_list(values.get("delete")):
            row.pop(key, None)
        row.update({key: value for key, value in values.items() if key not in ("sid", "delete", "digest")})
        await self._manage(row["sid"])

    async def _ha_remove(self, values: Values, user: str) -> None:
        if "purge" in values and not self._has_rules:
            raise bad(purge="property is not defined in schema and the schema does not allow additional properties")
        sid = self._resource(values)["sid"]
        del self.ha["resources"][sid]
        if values.get("purge", 1):
            self._leave_rules(sid)
        await self._manage(sid)

    def _leave_rules(self, sid: str) -> None:
        for name, rule in list(self.ha["rules"].items()):
            left = [other for other in split_list(rule["resources"]) if other != sid]
            if left:
                rule["resources"] = ",".join(left)
            else:
                del self.ha["rules"][name]

    # ---------------------------------------------------- groups, up to 8.x

    def _no_more_groups(self, verb: str) -> None:
        if self._has_rules:
            raise die(f"cannot {verb}: {MIGRATED}")

    def _known_nodes(self, text: str) -> None:
        if not NODE_LIST.fullmatch(text):
            raise bad(nodes="invalid format - unable to parse node list")

    async def _groups_list(self, values: Values, user: str) -> list[Values]:
        self._no_more_groups("index groups")
        digest = digest_of(self.ha["groups"])
        return [{**row, "digest": digest} for _, row in sorted(self.ha["groups"].items())]

    async def _group_add(self, values: Values, user: str) -> None:
        self._no_more_groups("create group")
        self._known_nodes(str(values["nodes"]))
        if values["group"] in self.ha["groups"]:
            raise die(f"ha group ID '{values['group']}' already defined")
        self.ha["groups"][values["group"]] = {**values, "type": "group"}

    async def _group_set(self, values: Values, user: str) -> None:
        self._no_more_groups("update group")
        row = self.ha["groups"].get(values["group"])
        if row is None:
            raise die(f"no such ha group '{values['group']}'")
        if values.get("digest") not in (None, digest_of(self.ha["groups"])):
            raise die(DIGEST_CHANGED)
        for key in split_list(values.get("delete")):
            row.pop(key, None)
        row.update({key: value for key, value in values.items() if key not in ("delete", "digest")})

    async def _group_remove(self, values: Values, user: str) -> None:
        self._no_more_groups("delete group")
        name = values["group"]
        if name not in self.ha["groups"]:
            raise die(f"cannot delete group '{name}' - no such group")
        used = next((sid for sid, row in self.ha["resources"].items() if row.get("group") == name), None)
        if used:
            raise die(f"ha group is used by service '{used}'")
        del self.ha["groups"][name]

    # ----------------------------------------------------- rules, from 9.0

    async def _rules_list(self, values: Values, user: str) -> list[Values]:
        if not self._has_rules:
            raise PveError(501, f"Method 'GET {RULES}' not implemented")
        digest = digest_of(self.ha["rules"])
        return [{**row, "digest": digest, "order": at} for at, (_, row) in enumerate(sorted(self.ha["rules"].items()), 1)]

    def _check_rule(self, rule: Values) -> None:
        for key in ("type", "resources", *(("nodes",) if rule.get("type") == "node-affinity" else ())):
            if not rule.get(key):
                raise bad(**{key: "property is missing and it is not optional"})
        if rule["type"] == "node-affinity":
            self._known_nodes(str(rule["nodes"]))
        unmanaged = sorted(set(split_list(rule["resources"])) - set(self.ha["resources"]))
        if unmanaged:
            raise die(f"cannot use unmanaged resource(s) {', '.join(unmanaged)}.")
        for name, other in self.ha["rules"].items():
            shared = set(split_list(other["resources"])) & set(split_list(rule["resources"]))
            if name != rule["rule"] and other["type"] == rule["type"] == "node-affinity" and shared:
                raise bad(resources=f"resource '{min(shared)}' is already used in another node affinity rule")

    async def _rule_add(self, values: Values, user: str) -> None:
        if values.get("rule") in self.ha["rules"]:
            raise bad(rule=f"HA rule '{values['rule']}' already defined")
        self._check_rule(values)
        self.ha["rules"][values["rule"]] = dict(values)

    async def _rule_set(self, values: Values, user: str) -> None:
        row = self.ha["rules"].get(values["rule"])
        if row is None:
            raise die(f"HA rule '{values['rule']}' does not exist")
        if values.get("digest") not in (None, digest_of(self.ha["rules"])):
            raise die(DIGEST_CHANGED)
        if values.get("type") != row["type"]:
            raise bad(type="property is missing and it is not optional" if "type" not in values else "the type of a rule cannot be changed")
        kept = {key: value for key, value in row.items() if key not in split_list(values.get("delete"))}
        fresh = {**kept, **{key: value for key, value in values.items() if key not in ("delete", "digest")}}
        self._check_rule(fresh)
        self.ha["rules"][values["rule"]] = fresh

    async def _rule_remove(self, values: Values, user: str) -> None:
        if values["rule"] not in self.ha["rules"]:
            raise die(f"HA rule '{values['rule']}' does not exist")
        del self.ha["rules"][values["rule"]]

    # -------------------------------------------------------------- manager

    async def _manage(self, sid: str) -> None:
        """Take the state over; the manager acts on it a while later."""
        vm = self.vm(int(sid.split(":")[1]))
        if vm is not None:
            vm.ha_state = self._managed_state(sid)
            await self._later(lambda: self._act(vm))

    async def _later(self, work: Callable[[], Awaitable[None]]) -> None:
        async def wait() -> None:
            await asyncio.sleep(self.ha_delay * self.time_scale)
            await work()
            self.on_change()

        if not self.time_scale:
            await work()
            return
        job = asyncio.ensure_future(wait())
        self._followers.add(job)
        job.add_done_callback(self._followers.discard)

    async def _act(self, vm: Any) -> None:
        """A start that fails is tried again by the real manager; here the guest stays off."""
        if vm.ha_state in ("started", "enabled") and vm.status != "running" and not vm.template:
            try:
                await self._power_on(vm)
            except Exception:  # noqa: BLE001 - as the manager, which only counts
                vm.ha_state = "error"
        elif vm.ha_state in ("stopped", "disabled") and vm.status == "running":
            await self._power_off(vm, 60)

    async def _ha_request(self, vm: Any, user: str, state: str) -> Any:
        """Power of a managed guest is asked of the manager; the task ends when it has been asked."""

        async def body() -> None:
            self.ha["resources"][f"vm:{vm.vmid}"]["state"] = state
            await self._manage(f"vm:{vm.vmid}")

        verb = "start" if state == "started" else "stop"
        return await self.task(vm.node, f"ha{verb}", vm.vmid, user, body, lock=False, log=[f"Requesting HA {verb} for VM {vm.vmid}"])

    async def _migrate(self, values: Values, user: str) -> str:
        vm = self.find(values["node"], values["vmid"])
        if not vm.ha_managed:
            moved: str = await super()._migrate(values, user)
            return moved

        async def move() -> None:
            await super(HaParts, self)._migrate({**values, "online": int(vm.status == "running")}, user)

        async def body() -> None:
            await self._later(move)

        upid: str = await self.task(vm.node, "hamigrate", vm.vmid, user, body, lock=False)
        return upid

    async def _qm_destroy(self, values: Values, user: str) -> str:
        vm = self.find(values["node"], values["vmid"])
        if f"vm:{vm.vmid}" in self.ha["resources"] and not values.get("purge"):
            raise die(f"unable to remove VM {vm.vmid} - used in HA resources and purge parameter not set.")
        upid: str = await super()._qm_destroy(values, user)
        return upid

    def _gone(self, vm: Any) -> None:
        super()._gone(vm)
        if self.ha["resources"].pop(f"vm:{vm.vmid}", None):
            self._leave_rules(f"vm:{vm.vmid}")

    async def _ha_status(self, values: Values, user: str) -> list[Values]:
        first = min(self.nodes)
        services = [
            {
                "id": f"service:{sid}", "type": "service", "sid": sid, "node": vm.node, "state": vm.ha_state or "ignored",
                "request_state": row["state"], "status": f"{sid} ({vm.node}, {vm.ha_state or 'ignored'})",
            }
            for sid, row in sorted(self.ha["resources"].items())
            if (vm := self.vm(int(sid.split(":")[1]))) is not None
        ]  # fmt: skip
        quorum = {"id": "quorum", "type": "quorum", "node": first, "status": "OK", "quorate": 1}
        return [quorum, {"id": "master", "type": "master", "node": first, "status": f"{first} (active)"}, *services]
