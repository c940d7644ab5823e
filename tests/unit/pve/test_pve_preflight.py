# SPDX-License-Identifier: GPL-3.0-or-later
"""pve_preflight and pve_info in scripted conversations: what is proven, what is refused, and that nothing is ever written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError, UnauthorizedError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.info import facts
from ansible_collections.lotse.estate.plugins.module_utils._pve.permissions import AGENT, CONFIG, Permissions, needed
from ansible_collections.lotse.estate.plugins.module_utils._pve.preflight import Preflight

from .conversation import TEMPLATE_CONFIG, TEMPLATE_ROW, Conversation, config, listed, plan_row, row

GIB = 1024**3
ENOUGH = {
    "/pool/community": dict.fromkeys([*CONFIG, *AGENT[1]], 1),
    "/storage/shared": {"Datastore.AllocateSpace": 1},
    "/vms/9000": {"VM.Clone": 1},
}


def node(name: str, status: str = "online", maxmem: int = 16 * GIB, mem: int = 2 * GIB) -> dict[str, Any]:
    return {"type": "node", "node": name, "status": status, "maxmem": maxmem, "mem": mem, "maxcpu": 8}


def storage(at: str, name: str = "shared", content: str = "images,iso", used: int = 0, status: str = "available") -> dict[str, Any]:
    return {
        "type": "storage", "node": at, "storage": name, "plugintype": "nfs", "shared": int(name == "shared"), "content": content,
        "maxdisk": 512 * GIB, "disk": used, "status": status,
    }  # fmt: skip


@dataclass
class Probed:
    """A network on which only these addresses answer."""

    taken: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, address: str) -> str | None:
        self.asked.append(address)
        return self.taken.get(address)


def small_cluster(talk: Conversation, *guests: dict[str, Any], **changes: Any) -> None:
    """What a preflight asks of a cluster of two nodes."""
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "access/permissions", changes.get("permissions", ENOUGH))
    nodes = changes.get("nodes", [node("pve1"), node("pve2")])
    stores = changes.get("storages", [storage("pve1"), storage("pve2"), storage("pve1", "local", "iso"), storage("pve2", "local", "iso")])
    talk.expect("get", "cluster/resources", [*nodes, *stores, *changes.get("templates", [TEMPLATE_ROW]), *guests])
    talk.expect("get", "cluster/status", [{"type": "cluster", "quorate": changes.get("quorate", 1)}])
    for guest in guests:
        talk.expect(
            "get",
            f"nodes/{guest['node']}/qemu/{guest['vmid']}/pending",
            listed(changes.get("configs", {}).get(guest["vmid"]) or config(guest["name"])),
        )
    for name in changes.get("bridges_of", ["pve2"]):
        talk.expect("get", f"nodes/{name}/network", [{"iface": bridge, "type": "bridge"} for bridge in changes.get("bridges", ["vmbr0"])])
    for _ in range(changes.get("clones", 1)):
        talk.expect("get", "nodes/pve1/qemu/9000/pending", listed(changes.get("template_config", TEMPLATE_CONFIG)))


def refused(talk: Conversation, *rows: dict[str, Any], probe: Probed | None = None) -> tuple[str, ...]:
    with pytest.raises(RefusedError) as failure:
        Preflight(talk, desired_guests(rows or [plan_row()]), probe or Probed()).prove()
    assert talk.writes == []
    return failure.value.problems


# ------------------------------------------------------------------------ proven


def test_a_plan_that_can_be_carried_out(talk: Conversation) -> None:
    small_cluster(talk)
    probe = Probed()
    assert Preflight(talk, desired_guests([plan_row()]), probe).prove() == {"version": "9.0.10", "existing": [], "missing": ["db-01"]}
    assert probe.asked == ["10.77.0.103"]
    assert talk.writes == []


def test_a_fleet_that_is_there_is_not_probed(talk: Conversation) -> None:
    """Its own guests answer at their addresses, of course."""
    small_cluster(talk, row(), clones=0)
    probe = Probed({"10.77.0.103": "port 22 is open"})
    assert Preflight(talk, desired_guests([plan_row()]), probe).prove()["existing"] == ["db-01"]
    assert probe.asked == []
    assert len(talk.made) == 6


# ----------------------------------------------------------------------- refused


def test_an_unknown_node_is_the_only_problem_that_is_told(talk: Conversation) -> None:
    small_cluster(talk, bridges_of=[])
    assert refused(talk, plan_row(node="pve9")) == ("node pve9 (planned for db-01) does not exist; the cluster has pve1, pve2",)


def test_a_node_that_is_off(talk: Conversation) -> None:
    small_cluster(talk, nodes=[node("pve1"), node("pve2", "offline")], bridges_of=[])
    assert refused(talk) == ("node pve2 (planned for db-01) is offline",)


def test_a_guest_on_a_node_that_is_off_is_not_asked_and_not_taken_for_missing(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "access/permissions", ENOUGH)
    talk.expect("get", "cluster/resources", [node("pve1"), node("pve2", "offline"), storage("pve1"), TEMPLATE_ROW, row(status="unknown")])
    talk.expect("get", "cluster/status", [])
    assert refused(talk) == ("guest db-01: VM 101 is on node pve2, which is not online",)


def test_a_guest_that_moved_does_not_need_its_planned_node(talk: Conversation) -> None:
    small_cluster(talk, row(node="pve1"), nodes=[node("pve1"), node("pve2", "offline")], bridges_of=["pve1"], clones=0)
    assert Preflight(talk, desired_guests([plan_row()])).prove()["existing"] == ["db-01"]


def test_a_full_storage_counts_all_guests_together(talk: Conversation) -> None:
    used = 512 * GIB - 12 * GIB
    small_cluster(talk, storages=[storage("pve1", used=used), storage("pve2", used=used)], clones=2)
    assert refused(talk, plan_row("db-01"), plan_row("web-01")) == ("storage shared is too full: the plan needs 16 GiB, 12 GiB are free",)


def test_growth_needs_only_what_is_added(talk: Conversation) -> None:
    used = 512 * GIB - 3 * GIB
    small_cluster(talk, row(), storages=[storage("pve1", used=used), storage("pve2", used=used)], clones=0)
    assert refused(talk, plan_row(disks={"scsi0": {"storage": "shared", "size_gib": 12}})) == (
        "storage shared is too full: the plan needs 4 GiB, 3 GiB are free",
    )


@pytest.mark.parametrize(
    ("stores", "why"),
    [
        ([storage("pve2", "local", "iso")], "guest db-01: node pve2 has no storage shared; it has local"),
        ([storage("pve2", content="iso")], "guest db-01: storage shared on node pve2 holds no disks (content)"),
        ([storage("pve2", status="unknown")], "guest db-01: storage shared on node pve2 is not available"),
    ],
)
def test_a_storage_that_cannot_hold_the_disks(talk: Conversation, stores: list[dict[str, Any]], why: str) -> None:
    small_cluster(talk, storages=[storage("pve1"), *stores])
    assert refused(talk) == (why,)


def test_a_template_on_a_storage_of_its_node_cannot_go_to_another(talk: Conversation) -> None:
    small_cluster(talk, template_config={**TEMPLATE_CONFIG, "scsi0": "local-lvm:base-9000-disk-0,size=4G"})
    (problem,) = refused(talk)
    assert "template debian-13 is on local-lvm of node pve1, which node pve2 does not share" in problem


def test_too_little_memory(talk: Conversation) -> None:
    small_cluster(talk, nodes=[node("pve1"), node("pve2", mem=15 * GIB)], clones=2)
    problems = refused(talk, plan_row("db-01"), plan_row("web-01"))
    assert problems == ("node pve2 has too little memory: the plan needs 2 GiB, 1 GiB are free",)


def test_a_bridge_that_is_not_there(talk: Conversation) -> None:
    small_cluster(talk, bridges=["vmbr7"])
    assert refused(talk) == ("guest db-01: node pve2 has no bridge vmbr0 (or the token may not use it); it has vmbr7",)


def test_an_address_of_another_guest(talk: Conversation) -> None:
    small_cluster(talk, row("other", 140, tags=""), configs={140: {"name": "other", "ipconfig0": "ip=10.77.0.103/24"}})
    assert refused(talk) == ("guest db-01: address 10.77.0.103 is already that of VM 140 (other) on pve2",)


def test_an_address_that_answers_on_the_network(talk: Conversation) -> None:
    small_cluster(talk)
    assert refused(talk, probe=Probed({"10.77.0.103": "port 22 is open"})) == ("guest db-01: address 10.77.0.103 is already in use: port 22 is open",)


def test_a_lost_quorum_and_a_missing_template_are_told_together(talk: Conversation) -> None:
    small_cluster(talk, quorate=0, templates=[], clones=0)
    problems = refused(talk)
    assert problems[0] == "the cluster has no quorum: it accepts no changes"
    assert "there is no template debian-13" in problems[1]


def test_each_missing_privilege_is_named_with_its_place(talk: Conversation) -> None:
    small_cluster(talk, permissions={"/pool/community": dict.fromkeys([*CONFIG[1:], *AGENT[0]], 1)})
    assert refused(talk) == (
        "the token lacks Datastore.AllocateSpace on /storage/shared",
        "the token lacks VM.Allocate on /pool/community",
        "the token lacks VM.Clone on /vms/9000",
    )


def test_a_token_without_any_permission(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "access/permissions", {})
    (problem,) = refused(talk)
    assert "the token has no permission at all: give it (not only its user) a role" in problem


def test_a_wrong_token_is_the_first_thing_that_is_found(talk: Conversation) -> None:
    talk.expect("get", "version", api_error(401, "Authentication failed!", call="GET /version"))
    with pytest.raises(UnauthorizedError, match=r"the API refuses the token \(Authentication failed\): check its id and secret"):
        Preflight(talk, desired_guests([plan_row()])).prove()


# ------------------------------------------------------------------- permissions


def test_the_nearest_path_decides_and_only_what_propagates_reaches_below() -> None:
    held = Permissions({"/": {"VM.Audit": 1}, "/vms": {"VM.Clone": 0}, "/vms/100": {"VM.PowerMgmt": 1}})
    assert held.allows("/storage/x", "VM.Audit")
    assert not held.allows("/vms/100", "VM.Audit")
    assert held.allows("/vms", "VM.Clone")
    assert not held.allows("/vms/200", "VM.Clone")
    assert held.allows_guest(None, "VM.PowerMgmt", 100)


def test_either_set_of_privileges_for_the_agent_will_do() -> None:
    guests = desired_guests([plan_row()])
    for choice in AGENT:
        held = {**ENOUGH, "/pool/community": dict.fromkeys([*CONFIG, *choice], 1)}
        assert needed(Permissions(held), guests, {"db-01": 9000}) == []


# ---------------------------------------------------------------------- pve_info


def test_the_facts_of_a_cluster_cost_two_calls_and_one_for_each_node(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    rows = [node("pve2"), node("pve1"), node("pve3", "offline"), storage("pve1"), TEMPLATE_ROW, row(maxmem=GIB, maxcpu=1)]
    talk.expect("get", "cluster/resources", rows)
    for name in ("pve1", "pve2"):
        talk.expect("get", f"nodes/{name}/network", [{"iface": "vmbr0", "type": "bridge"}, {"iface": "eth0", "type": "eth"}], {"type": "any_bridge"})
    found = facts(talk)
    assert len(talk.made) == 4
    assert [(entry["name"], entry["online"], entry["bridges"]) for entry in found["nodes"]] == [
        ("pve1", True, ["vmbr0"]), ("pve2", True, ["vmbr0"]), ("pve3", False, []),
    ]  # fmt: skip
    assert found["nodes"][0]["storages"][0]["total_bytes"] == 512 * GIB
    assert found["templates"] == [{"name": "debian-13", "vmid": 9000, "node": "pve1"}]
    assert [(guest["name"], guest["tags"]) for guest in found["guests"]] == [("db-01", ["lotse", "role-mariadb"])]


def test_facts_that_may_not_be_asked_are_an_error(talk: Conversation) -> None:
    talk.expect("get", "version", api_error(403, "Permission check failed (/, Sys.Audit)", call="GET /version"))
    with pytest.raises(Exception, match=r"Permission check failed .*HTTP 403"):
        facts(talk)
