# SPDX-License-Identifier: GPL-3.0-or-later
"""pve_preflight and pve_info in scripted conversations: what is proven, what is refused, and that nothing is ever written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.demands import Subject, demands_of
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, State, Step
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError, UnauthorizedError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.info import facts
from ansible_collections.lotse.estate.plugins.module_utils._pve.permissions import Demand, Permissions
from ansible_collections.lotse.estate.plugins.module_utils._pve.preflight import Preflight
from ansible_collections.lotse.estate.plugins.module_utils._pve.schema import ApiSchema, own_rules

from .conversation import TEMPLATE_CONFIG, TEMPLATE_ROW, Conversation, config, listed, plan_row, row

GIB = 1024**3
GUESTS = (
    "VM.Allocate", "VM.Audit", "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.Memory", "VM.Config.Network",
    "VM.Config.Options", "VM.PowerMgmt", "VM.GuestAgent.Unrestricted",
)  # fmt: skip
ENOUGH: dict[str, dict[str, int]] = {
    "/": {"Sys.Audit": 1},
    "/pool/community": dict.fromkeys(GUESTS, 1),
    "/sdn/zones/localnetwork": {"SDN.Use": 1},
    "/storage/shared": {"Datastore.AllocateSpace": 1, "Datastore.Audit": 1},
    "/vms/9000": {"VM.Audit": 1, "VM.Clone": 1},
}
NOW = 1_000_000.0

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
    """What a cluster of two nodes answers, however often it is asked."""
    nodes = changes.get("nodes", [node("pve1"), node("pve2")])
    stores = changes.get("storages", [storage("pve1"), storage("pve2"), storage("pve1", "local", "iso"), storage("pve2", "local", "iso")])
    talk.always("get", "version", {"version": changes.get("version", "9.0.10")})
    talk.always("get", "access/permissions", changes.get("permissions", ENOUGH))
    talk.always("get", "cluster/resources", [*nodes, *stores, *changes.get("templates", [TEMPLATE_ROW]), *guests])
    talk.always("get", "cluster/status", [{"type": "cluster", "quorate": changes.get("quorate", 1)}])
    known = {9000: ("pve1", changes.get("template_config", TEMPLATE_CONFIG))}
    known |= {guest["vmid"]: (guest["node"], changes.get("configs", {}).get(guest["vmid"]) or config(guest["name"])) for guest in guests}
    for vmid, (where, settings) in known.items():
        talk.always("get", f"nodes/{where}/qemu/{vmid}/config", settings)
        talk.always("get", f"nodes/{where}/qemu/{vmid}/pending", listed(settings))
        talk.always("get", f"nodes/{where}/qemu/{vmid}/status/current", {"status": "stopped"})
    for name in ("pve1", "pve2"):
        talk.always("get", f"nodes/{name}/network", [{"iface": bridge, "type": "bridge"} for bridge in changes.get("bridges", ["vmbr0"])])
        talk.always("get", f"nodes/{name}/time", {"time": NOW + changes.get("ahead", {}).get(name, 0)})


def preflight(talk: Conversation, *rows: dict[str, Any], state: State = State.STARTED, **options: Any) -> Preflight:
    return Preflight(talk, desired_guests(rows or [plan_row()]), Settings(state=state, max_destroys=5), clock=lambda: NOW, **options)


def refused(talk: Conversation, *rows: dict[str, Any], **options: Any) -> tuple[str, ...]:
    with pytest.raises(RefusedError) as failure:
        preflight(talk, *rows, **options).prove()
    assert talk.writes == []
    return failure.value.problems


# ------------------------------------------------------------------------ proven


def test_a_plan_that_can_be_carried_out(talk: Conversation) -> None:
    small_cluster(talk)
    probe = Probed()
    proof = preflight(talk, probe=probe).prove()
    assert proof == {"version": "9.0.10", "existing": [], "missing": ["db-01"], "steps": 4, "warnings": []}
    assert probe.asked == ["10.77.0.103"]
    assert talk.writes == []


def test_a_fleet_that_is_there_is_not_probed(talk: Conversation) -> None:
    """Its own guests answer at their addresses, of course."""
    small_cluster(talk, row())
    probe = Probed({"10.77.0.103": "port 22 is open"})
    proof = preflight(talk, probe=probe).prove()
    assert (proof["existing"], proof["steps"]) == (["db-01"], 0)
    assert probe.asked == []
    assert [path for _, path, _ in talk.made if "/qemu/" not in path] == ["version", "access/permissions", "cluster/resources", "cluster/status"]


def test_nothing_is_asked_twice(talk: Conversation) -> None:
    small_cluster(talk, row("web-01", 102, tags="lotse"), *(row(f"other-{n}", 200 + n, tags="") for n in range(20)), configs={
        200 + n: {"name": f"other-{n}"} for n in range(20)
    })  # fmt: skip
    preflight(talk, plan_row("db-01"), plan_row("web-01"), probe=Probed()).prove()
    paths = [path for _, path, _ in talk.made]
    assert len(paths) == len(set(paths))
    assert len(paths) <= 4 + 2 * 1 + 23  # the cluster, one node's bridges and clock, and each guest once


# ----------------------------------------------------------------------- refused


def test_an_unknown_node_is_the_only_problem_that_is_told(talk: Conversation) -> None:
    small_cluster(talk)
    assert refused(talk, plan_row(node="pve9")) == ("node pve9 (planned for db-01) does not exist; the cluster has pve1, pve2",)


def test_a_node_that_is_off(talk: Conversation) -> None:
    small_cluster(talk, nodes=[node("pve1"), node("pve2", "offline")])
    assert refused(talk) == ("node pve2 (planned for db-01) is offline",)


def test_a_guest_on_a_node_that_is_off_is_not_asked_and_not_taken_for_missing(talk: Conversation) -> None:
    small_cluster(talk, row(status="unknown"), nodes=[node("pve1"), node("pve2", "offline")])
    assert refused(talk) == ("guest db-01: VM 101 is on node pve2, which is not online",)
    assert not any("/qemu/101/" in path for _, path, _ in talk.made)


def test_a_guest_that_moved_does_not_need_its_planned_node(talk: Conversation) -> None:
    small_cluster(talk, row(node="pve1"), nodes=[node("pve1"), node("pve2", "offline")])
    assert preflight(talk).prove()["existing"] == ["db-01"]


def test_a_full_storage_counts_all_guests_together(talk: Conversation) -> None:
    used = 512 * GIB - 12 * GIB
    small_cluster(talk, storages=[storage("pve1", used=used), storage("pve2", used=used)])
    assert refused(talk, plan_row("db-01"), plan_row("web-01")) == ("storage shared is too full: the plan needs 16 GiB, 12 GiB are free",)


def test_growth_needs_only_what_is_added(talk: Conversation) -> None:
    used = 512 * GIB - 3 * GIB
    small_cluster(talk, row(), storages=[storage("pve1", used=used), storage("pve2", used=used)])
    assert refused(talk, plan_row(disks={"scsi0": {"storage": "shared", "size_gib": 12}})) == (
        "storage shared is too full: the plan needs 4 GiB, 3 GiB are free",
    )


@pytest.mark.parametrize(
    ("stores", "why"),
    [
        ([storage("pve2", "local", "iso")], "guest db-01: node pve2 has no storage shared (or the token lacks Datastore.Audit on it); it has local"),
        ([storage("pve2", content="iso")], "guest db-01: storage shared on node pve2 holds no disks (content)"),
        ([storage("pve2", status="unknown")], "guest db-01: storage shared on node pve2 is not available"),
    ],
)
def test_a_storage_that_cannot_hold_the_disks(talk: Conversation, stores: list[dict[str, Any]], why: str) -> None:
    small_cluster(talk, storages=[storage("pve1"), *stores])
    assert refused(talk) == (why,)


def test_a_template_on_a_storage_of_its_node_cannot_go_to_another(talk: Conversation) -> None:
    small_cluster(talk, template_config={**TEMPLATE_CONFIG, "scsi0": "local-lvm:base-9000-disk-0,size=4G"})
    assert any("its template is on local-lvm of node pve1, which node pve2 does not share" in problem for problem in refused(talk))


def test_too_little_memory(talk: Conversation) -> None:
    small_cluster(talk, nodes=[node("pve1"), node("pve2", mem=15 * GIB)])
    problems = refused(talk, plan_row("db-01"), plan_row("web-01"))
    assert problems == ("node pve2 has too little memory: the plan needs 2 GiB, 1 GiB are free",)


def test_a_bridge_that_is_not_there(talk: Conversation) -> None:
    small_cluster(talk, bridges=["vmbr7"])
    assert refused(talk) == ("guest db-01: node pve2 has no bridge vmbr0 (or the token lacks SDN.Use on it); it has vmbr7",)


def test_an_address_of_another_guest(talk: Conversation) -> None:
    small_cluster(talk, row("other", 140, tags=""), configs={140: {"name": "other", "ipconfig0": "ip=10.77.0.103/24"}})
    assert refused(talk) == ("guest db-01: address 10.77.0.103 is already that of VM 140 (other) on pve2",)


def test_an_address_that_answers_on_the_network(talk: Conversation) -> None:
    small_cluster(talk)
    assert refused(talk, probe=Probed({"10.77.0.103": "port 22 is open"})) == ("guest db-01: address 10.77.0.103 is already in use: port 22 is open",)


def test_a_lost_quorum_and_a_missing_template_are_told_together(talk: Conversation) -> None:
    small_cluster(talk, quorate=0, templates=[])
    problems = refused(talk)
    assert problems[0] == "the cluster has no quorum: it accepts no changes"
    assert "there is no template debian-13" in problems[1]


# ----------------------------------------------------------------- version, clock


@pytest.mark.parametrize(("version", "why"), [("7.3-1", "7.4 is the oldest"), ("6.4-15", "7.4 is the oldest"), ("", "does not say which version")])
def test_a_version_that_is_too_old_is_the_only_problem(talk: Conversation, version: str, why: str) -> None:
    talk.expect("get", "version", {"version": version})
    (problem,) = refused(talk)
    assert why in problem


@pytest.mark.parametrize(("version", "warned"), [("7.4-3", 0), ("8.4.1", 0), ("9.2.2", 0), ("10.0.1", 1)])
def test_a_version_that_nobody_knows_yet_is_a_warning(talk: Conversation, version: str, warned: int) -> None:
    agent = {"VM.Monitor": 1, "VM.GuestAgent.Unrestricted": 1}
    small_cluster(talk, version=version, permissions={**ENOUGH, "/pool/community": {**ENOUGH["/pool/community"], **agent}})
    warnings = preflight(talk).prove()["warnings"]
    assert len(warnings) == warned
    assert all("10.0.1, which is newer than what Lotse was tested with (7.4 to 9.x)" in warning for warning in warnings)


def test_a_clock_that_is_wrong(talk: Conversation) -> None:
    small_cluster(talk, ahead={"pve2": -31, "pve1": 4000})
    (problem,) = refused(talk)
    assert problem.startswith("clocks differ from the controller's (node pve2 by -31 s; 5 s are tolerated)")
    assert preflight(talk, tolerance=40).prove()["missing"] == ["db-01"]


@dataclass
class Front:
    """An API server without a manual, whose clock is ahead."""

    ahead: float

    def document(self, path: str) -> str:
        raise api_error(501, f"no {path}")

    def server_time(self) -> float:
        return NOW + self.ahead


def test_without_sys_audit_the_servers_own_clock_is_looked_at(talk: Conversation) -> None:
    small_cluster(talk, permissions={path: held for path, held in ENOUGH.items() if path != "/"})
    problems = refused(talk, server=Front(60), token="lotse@pve!ci")
    assert problems == (
        "token lotse@pve!ci lacks Sys.Audit on / (for: prove that the cluster has quorum)",
        "token lotse@pve!ci lacks Sys.Audit on /nodes/pve2 (for: prove memory and clock of node pve2)",
        "clocks differ from the controller's (the API server by +60 s; 5 s are tolerated): certificates, cloud-init and logs need the right time",
    )
    assert not any(path.endswith("/time") or path == "cluster/status" for _, path, _ in talk.made)


def test_a_cluster_without_a_manual_is_judged_by_our_own_table_and_that_is_said(talk: Conversation) -> None:
    small_cluster(talk)
    (warning,) = preflight(talk, server=Front(0)).prove()["warnings"]
    assert "permissions were checked against Lotse's own table" in warning


# ------------------------------------------------------------------- permissions


def test_each_missing_privilege_is_named_with_its_place_and_what_it_is_for(talk: Conversation) -> None:
    held = {**ENOUGH, "/pool/community": dict.fromkeys(GUESTS[1:], 1), "/storage/shared": {"Datastore.Audit": 1}, "/vms/9000": {"VM.Audit": 1}}
    small_cluster(talk, permissions=held)
    clone = "clone db-01 from template debian-13 (9000) to node pve2, pool community"
    assert refused(talk, token="lotse@pve!ci") == (
        f"token lotse@pve!ci lacks Datastore.AllocateSpace on /storage/shared (for: {clone}; and 1 more)",
        f"token lotse@pve!ci lacks VM.Allocate on /pool/community (for: {clone})",
        f"token lotse@pve!ci lacks VM.Clone on /vms/9000 (for: {clone})",
    )


def test_a_fleet_that_is_there_needs_no_privilege_to_change_it(talk: Conversation) -> None:
    small_cluster(talk, row(), permissions={"/": {"Sys.Audit": 1, "VM.Audit": 1}})
    assert preflight(talk).prove()["steps"] == 0


def test_taking_guests_away_needs_other_privileges(talk: Conversation) -> None:
    small_cluster(talk, row(), permissions={"/": {"Sys.Audit": 1, "VM.Audit": 1, "VM.Config.Disk": 1}})
    assert refused(talk, state=State.ABSENT) == (
        "the token lacks VM.Allocate on /pool/community (for: destroy VM 101 with its disks, db-01)",
        "the token lacks VM.PowerMgmt on /pool/community (for: stop, db-01)",
    )


def test_a_token_without_any_permission(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "access/permissions", {})
    (problem,) = refused(talk)
    assert "the token has no permission at all: give it (not only its user) a role" in problem


def test_a_wrong_token_is_the_first_thing_that_is_found(talk: Conversation) -> None:
    talk.expect("get", "version", api_error(401, "Authentication failed!", call="GET /version"))
    with pytest.raises(UnauthorizedError, match=r"the API refuses the token \(Authentication failed\): check its id and secret"):
        preflight(talk).prove()


def test_the_nearest_path_decides_and_only_what_propagates_reaches_below() -> None:
    held = Permissions({"/": {"VM.Audit": 1}, "/vms": {"VM.Clone": 0}, "/vms/100": {"VM.PowerMgmt": 1}})
    assert held.allows("/storage/x", "VM.Audit")
    assert not held.allows("/vms/100", "VM.Audit")
    assert held.allows("/vms", "VM.Clone")
    assert not held.allows("/vms/200", "VM.Clone")


def test_a_pool_adds_its_privileges_to_its_own_guest_only() -> None:
    held = Permissions({"/pool/community": {"VM.PowerMgmt": 1}})

    def lacks(vmid: int) -> list[str]:
        return held.lacks(Demand(["perm", "/vms/{vmid}", ["VM.PowerMgmt"]], "start", {"vmid": str(vmid)}, 101, "community"))

    assert lacks(101) == []
    assert lacks(102) == ["VM.PowerMgmt on /vms/102"]


@pytest.mark.parametrize(
    ("check", "lacks"),
    [
        (["perm", "/vms/{vmid}", ["VM.Audit"]], []),
        (["perm", "/vms/{vmid}", ["VM.Audit", "VM.Clone", "VM.Backup"]], ["VM.Clone on /vms/7", "VM.Backup on /vms/7"]),
        (["perm", "/vms/{vmid}", ["VM.Clone", "VM.Audit"], "any", 1], []),
        (["perm", "/vms/{vmid}", ["VM.Clone", "VM.Backup"], "any", 1], ["VM.Clone or VM.Backup on /vms/7"]),
        (["perm", "/pool/{pool}", ["VM.Audit"], "require_param", "pool"], ["VM.Audit on /pool/{pool} (no pool is stated)"]),
        (["and", ["perm", "/a", ["A"]], ["perm", "/b", ["B"]]], ["A on /a", "B on /b"]),
        (["or", ["perm", "/a", ["A"]], ["perm", "/vms/{vmid}", ["VM.Audit"]]], []),
        (["or", ["perm", "/a", ["A"]], ["and", ["perm", "/b", ["B"]], ["perm", "/c", ["C"]]]], ["A on /a or B on /b and C on /c"]),
        (["userid-param", "self"], ["a permission of a form that Lotse does not know (userid-param)"]),
    ],
)
def test_the_forms_of_a_check(check: list[Any], lacks: list[str]) -> None:
    assert Permissions({"/vms": {"VM.Audit": 1}}).lacks(Demand(check, "", {"vmid": "7"})) == lacks


def test_an_sdn_network_may_be_granted_in_its_own_zone() -> None:
    use = Demand(["perm", "/sdn/zones/localnetwork/vnet7", ["SDN.Use"]], "")
    assert Permissions({"/sdn/zones/blue": {"SDN.Use": 1}}).lacks(use) == []
    assert Permissions({"/sdn/zones/blue/vnet7": {"SDN.Use": 1}}).lacks(use) == []
    assert Permissions({"/sdn/zones/blue/vnet8": {"SDN.Use": 1}}).lacks(use) == ["SDN.Use on /sdn/zones/localnetwork/vnet7"]


OWN = "/vms/101"
STEPS: tuple[tuple[Do, dict[str, Any], set[str]], ...] = (
    (Do.CLONE, {"template": 9000, "source": "pve1", "node": "pve2"},
     {"VM.Clone on /vms/9000", "VM.Allocate on /vms/101 or VM.Allocate on /pool/{pool} (no pool is stated)",
      "Datastore.AllocateSpace on /storage/shared", "SDN.Use on /sdn/zones/localnetwork/vmbr0"}),
    (Do.CLONE, {"template": 9000, "source": "pve1", "node": "pve1", "storage": "fast"}, {"Datastore.AllocateSpace on /storage/fast"}),
    (Do.CREATE, {"node": "pve2", "config": {"scsi0": "fast:0,import-from=local:import/x.qcow2", "net0": "virtio,bridge=vmbr1,tag=7", "cores": 2}},
     {f"VM.Allocate on {OWN}", "Datastore.AllocateSpace on /storage/fast", f"VM.Config.CPU on {OWN}", f"VM.Config.Network on {OWN}",
      "Datastore.AllocateSpace or Datastore.Audit or Datastore.Allocate on /storage/local", "SDN.Use on /sdn/zones/localnetwork/vmbr1/7"}),
    (Do.POOL, {"pool": "community"}, {"Pool.Allocate on /pool/community", "VM.Allocate or Permissions.Modify on /pool/community"}),
    (Do.CONFIG, {"set": {"memory": 1, "cpu": "host", "machine": "q35", "tags": "a", "boot": "order=scsi0", "ciuser": "x"}, "delete": ()},
     {f"{privilege} on {OWN}" for privilege in (
         "VM.Config.Memory", "VM.Config.CPU", "VM.Config.HWType", "VM.Config.Options", "VM.Config.Disk", "VM.Config.Cloudinit or VM.Config.Network",
     )}),
    (Do.CONFIG, {"set": {"startup": "order=1"}, "delete": ()}, {"Sys.Modify on /", f"VM.Config.Options on {OWN}"}),
    (Do.CONFIG, {"set": {"ide2": "fast:cloudinit"}, "delete": ()}, {f"VM.Config.Cloudinit on {OWN}", f"VM.Config.CDROM on {OWN}"}),
    (Do.CONFIG, {"set": {"efidisk0": "fast:1,efitype=4m"}, "delete": ()}, {f"VM.Config.Disk on {OWN}", "Datastore.AllocateSpace on /storage/fast"}),
    (Do.CONFIG, {"set": {"affinity": "0-3"}, "delete": ("args",)}, {"root@pam's own right to set affinity", "root@pam's own right to set args"}),
    (Do.CONFIG, {"set": {}, "delete": ("serial0", "net1")}, {f"VM.Config.HWType on {OWN}", f"VM.Config.Network on {OWN}"}),
    (Do.DETACH, {"keys": ("scsi0",)}, {f"VM.Config.Disk on {OWN}"}),
    (Do.PURGE, {"volumes": ("fast:vm-101-disk-1",)}, {f"VM.Config.Disk on {OWN}", "Datastore.AllocateSpace on /storage/fast"}),
    (Do.MOVE_DISK, {"disk": "scsi0", "storage": "fast"}, {f"VM.Config.Disk on {OWN}", "Datastore.AllocateSpace on /storage/fast"}),
    (Do.RESIZE, {"disk": "scsi0", "size": "9G"}, {f"VM.Config.Disk on {OWN}", "Datastore.AllocateSpace on /storage/shared"}),
    (Do.MIGRATE, {"target": "pve3"}, {f"VM.Migrate on {OWN}"}),
    (Do.HA, {"resource": {"state": "started"}, "nodes": {"pve1": 1}, "strict": True}, {"Sys.Console on /", "Sys.Audit on /"}),
    (Do.START, {}, {f"VM.PowerMgmt on {OWN}", f"VM.GuestAgent.Audit or VM.GuestAgent.Unrestricted on {OWN}"}),
    (Do.SHUTDOWN, {}, {f"VM.PowerMgmt on {OWN}"}),
    (Do.TEMPLATE, {}, {f"VM.Allocate on {OWN}"}),
    (Do.HOST_KEY, {}, {f"VM.GuestAgent.Unrestricted on {OWN}", f"VM.GuestAgent.FileWrite or VM.GuestAgent.Unrestricted on {OWN}"}),
    (Do.STOP, {}, {f"VM.PowerMgmt on {OWN}"}),
    (Do.DESTROY, {}, {f"VM.Allocate on {OWN}"}),
)  # fmt: skip


def wanted_by(step: Step, release: int, pool: str | None) -> set[str]:
    subject = Subject("db-01", 101, "pve2", pool, False, TEMPLATE_CONFIG, (step,), {"scsi0": "shared"})
    demands = demands_of(subject, ApiSchema(own_rules(release)), release, waits=True)
    return {lack for demand in demands for lack in Permissions({}).lacks(demand)}


@pytest.mark.parametrize(("kind", "values", "wanted"), STEPS, ids=lambda value: str(value) if isinstance(value, Do) else "")
def test_what_each_kind_of_step_needs(kind: Do, values: dict[str, Any], wanted: set[str]) -> None:
    pool = "community" if kind is Do.POOL else None
    found = wanted_by(Step(kind, "x", "y", values), 9, pool)
    assert wanted <= found
    few = {"VM.Audit", "VM.GuestAgent.FileRead or VM.GuestAgent.Unrestricted", "VM.Clone", "VM.Allocate", "SDN.Use"}
    assert {lack.split(" on ")[0] for lack in found - wanted if not lack.startswith("VM.Config.Disk or VM.Config.CDROM or")} <= few
    assert {kind for kind, _, _ in STEPS} | {Do.REBOOT, Do.DOWNLOAD} == set(Do), "a download is no step of a guest's"


def test_what_is_asked_for_follows_the_release() -> None:
    start, clone = Step(Do.START, "start", ""), Step(Do.CLONE, "clone", "", {"template": 9000, "source": "pve1", "node": "pve2"})
    assert f"VM.Monitor on {OWN}" in wanted_by(start, 8, None)
    assert not any("VM.Monitor" in lack for lack in wanted_by(start, 9, None))
    assert not any("SDN.Use" in lack for lack in wanted_by(clone, 7, None))
    assert any("SDN.Use" in lack for lack in wanted_by(clone, 8, None))


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
