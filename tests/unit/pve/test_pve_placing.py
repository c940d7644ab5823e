# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that state no node: what the cluster is asked, where they go, who may be moved, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import State
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, ObservedGuest, desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.placing import Place, Placed
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import WaitFor
from ansible_collections.lotse.estate.plugins.module_utils._pve.results import Placement

from .conversation import TEMPLATE_CONFIG, TEMPLATE_ROW, Conversation, config, listed, plan_row, row

GIB = 1024**3
NODES = ("pve1", "pve2", "pve3")


def node(name: str, status: str = "online", memory_gib: int = 16) -> dict[str, Any]:
    return {"type": "node", "node": name, "status": status, "maxmem": memory_gib * GIB, "maxcpu": 8, "mem": 0}


def storage(at: str, name: str = "shared", **changes: Any) -> dict[str, Any]:
    return {
        "type": "storage", "storage": name, "node": at, "shared": 1, "content": "images,iso", "maxdisk": 100 * GIB, "disk": 0, "status": "available",
        "plugintype": "nfs", **changes,
    }  # fmt: skip


def rows(*guests: dict[str, Any], nodes: tuple[str, ...] = NODES) -> list[dict[str, Any]]:
    template = {**TEMPLATE_ROW, "maxmem": 2 * GIB, "maxcpu": 2}
    return [*(node(name) for name in nodes), *(storage(name) for name in nodes), template, *guests]


def machine(name: str, vmid: int, at: str, memory_gib: int = 4, **changes: Any) -> dict[str, Any]:
    return row(name, vmid, node=at, maxmem=memory_gib * GIB, maxcpu=1, **{"tags": "", **changes})


def wanted(name: str = "db-01", **changes: Any) -> DesiredGuest:
    (guest,) = desired_guests([plan_row(name)])
    return replace(guest, **{"node": "", **changes})


def ask(
    talk: Conversation, guests: list[DesiredGuest], cluster: list[dict[str, Any]], ours: dict[str, ObservedGuest] | None = None, **rules: Any
) -> Placed:
    migrate = rules.pop("migrate", False)
    talk.expect("get", "cluster/resources", cluster, {})
    if any(guest.template for guest in guests if guest.name not in (ours or {})):
        talk.expect("get", "nodes/pve1/qemu/9000/pending", listed({**TEMPLATE_CONFIG, **rules.pop("template", {})}))
    for at in [entry["node"] for entry in cluster if entry["type"] == "node" and entry["status"] == "online"]:
        talk.expect("get", f"nodes/{at}/network", [{"iface": bridge, "type": "bridge"} for bridge in rules.get("wires", {}).get(at, ["vmbr0"])])
    rules.pop("wires", None)
    return Place(talk, Placement(**rules), migrate, workers=1).guests(guests, ours or {})


def observed(name: str, vmid: int, at: str, **changes: Any) -> ObservedGuest:
    return ObservedGuest(vmid, name, at, "running", None, config(name, digest=None, **changes))


def test_the_emptiest_node_takes_it(talk: Conversation) -> None:
    placed = ask(talk, [wanted()], rows(machine("a", 201, "pve1"), machine("b", 202, "pve2", status="stopped")))
    assert placed == Placed({"db-01": "pve3"})


def test_no_bridge_stated_no_call_for_it(talk: Conversation) -> None:
    talk.expect("get", "cluster/resources", rows(), {})
    Place(talk, Placement(), workers=1).guests([wanted(template=None, nics={})], {})
    assert len(talk.made) == 1


@pytest.mark.parametrize(
    ("cluster", "rules", "goes"),
    [
        (rows(), {"wires": {"pve1": ["vmbr9"], "pve2": ["vmbr9"]}}, "pve3"),
        ([entry for entry in rows() if entry["type"] != "storage" or entry["node"] == "pve2"], {}, "pve2"),
        ([*rows(nodes=("pve1",)), node("pve2", "offline"), node("pve3")], {}, "pve1"),
        (
            [*rows(machine("a", 201, "pve1")), *(storage(name, "disk", shared=0) for name in NODES)],
            {"template": {"scsi0": "disk:base-9000-disk-0,size=4G"}},
            "pve1",
        ),
        (rows(machine("new", 201, "pve1", 0, lock="clone"), machine("b", 202, "pve2", 1), machine("c", 203, "pve3", 1)), {}, "pve2"),
        (rows({**machine("ct", 201, "pve1"), "type": "lxc"}, machine("b", 202, "pve3")), {}, "pve2"),
    ],
    ids=["bridge", "storage", "offline", "template on a local storage", "one that is just being made", "containers count"],
)
def test_what_decides(talk: Conversation, cluster: list[dict[str, Any]], rules: dict[str, Any], goes: str) -> None:
    assert ask(talk, [wanted()], cluster, **rules).nodes == {"db-01": goes}


def test_guests_of_a_tag_are_apart_from_those_that_are_there_already(talk: Conversation) -> None:
    there = [machine("db-8", 201, "pve1", 1, tags="role-mariadb;lotse"), machine("db-9", 202, "pve3", 1, tags="role-mariadb")]
    big = machine("x", 203, "pve2", 8)
    assert ask(talk, [wanted()], rows(*there, big), anti_affinity=("role-mariadb",)).nodes == {"db-01": "pve2"}


def test_who_exists_stays_although_a_rule_is_broken_and_it_is_said(talk: Conversation) -> None:
    tags = "role-mariadb;lotse"
    there = [machine("db-01", 101, "pve2", tags=tags), machine("db-9", 201, "pve2", tags=tags)]
    fleet = [wanted(), wanted("web-01", tags=("lotse",))]
    placed = ask(talk, fleet, rows(*there), {"db-01": observed("db-01", 101, "pve2")}, anti_affinity=("role-mariadb",))
    assert placed.nodes == {"web-01": "pve3"}
    assert placed.notes == ("db-01, db-9 (VM 201) are all on pve2, and the tag role-mariadb keeps them apart; with migrate they would be moved",)


def test_with_migrate_the_fewest_of_the_fleet_move(talk: Conversation) -> None:
    tags = "role-mariadb;lotse"
    there = [machine("db-01", 101, "pve2", tags=tags), machine("web-01", 102, "pve2", tags="lotse"), machine("db-9", 201, "pve2", tags=tags)]
    ours = {name: observed(name, vmid, "pve2") for name, vmid in (("db-01", 101), ("web-01", 102))}
    fleet = [wanted(), wanted("web-01", tags=("lotse",))]
    placed = ask(talk, fleet, rows(*there), ours, anti_affinity=("role-mariadb",), migrate=True)
    assert list(placed.nodes) == ["db-01"]
    assert placed.nodes["db-01"] in ("pve1", "pve3")


def test_a_promise_that_cannot_be_kept_is_refused(talk: Conversation) -> None:
    crowd = [machine(f"g{number}", 200 + number, NODES[number % 3], 4, tags="lotse") for number in range(9)]
    with pytest.raises(RefusedError, match=r"placement: .* not when any one node dies.*spare_nodes: 0"):
        ask(talk, [wanted()], rows(*crowd), spare_nodes=1)


def test_a_domain_that_names_no_node_is_refused(talk: Conversation) -> None:
    talk.expect("get", "cluster/resources", rows(), {})
    with pytest.raises(RefusedError, match="failure_domains names pve9"):
        Place(talk, Placement(failure_domains={"rack1": ("pve1", "pve9")})).guests([wanted(nics={}, template=None)], {})


# ------------------------------------------------------------------------------ in the fleet


def fleet(talk: Conversation, **settings: Any) -> Fleet:
    return Fleet(talk, Settings(state=State.PRESENT, wait_for=WaitFor.NONE, workers=1, **settings))


def test_the_fleet_clones_to_the_node_that_was_found(talk: Conversation) -> None:
    talk.expect("get", "cluster/resources", [TEMPLATE_ROW], {"type": "vm"})
    talk.expect("get", "cluster/resources", rows(machine("a", 201, "pve1"), machine("b", 202, "pve2")), {})
    for name in NODES:
        talk.expect("get", f"nodes/{name}/network", [{"iface": "vmbr0", "type": "bridge"}])
    talk.always("get", "nodes/pve1/qemu/9000/pending", listed(TEMPLATE_CONFIG))
    (plan,) = fleet(talk).plan([wanted()])
    assert plan.steps[0].values["node"] == "pve3"
    assert talk.writes == []


def test_a_fleet_that_is_there_asks_nothing_about_places(talk: Conversation) -> None:
    talk.expect("get", "cluster/resources", [TEMPLATE_ROW, row()], {"type": "vm"})
    talk.expect("get", "nodes/pve2/qemu/101/pending", listed(config()))
    (plan,) = fleet(talk, placement=Placement(spare_nodes=1)).plan([wanted()])
    assert plan.steps == ()
    assert len(talk.made) == 2
