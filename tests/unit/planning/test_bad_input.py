# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input is one clear error that says what, where and what to do."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning import plan as planning

from .estates import LAB, bare, cluster, lab_cluster, lab_surveys, mariadb, plan, policy, redis


def refused(**changes: Any) -> LotseError:
    with pytest.raises(LotseError) as caught:
        plan(**changes)
    assert caught.value.remedy, "an error without a remedy helps nobody"
    return caught.value


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"environment": ""}, "lacks estate_env"),
        ({"guest_defaults": {"template": "t", "bridge": "b", "storage": "s"}}, "lacks plan_guest_defaults.pool"),
        ({"address_range": {}}, "lacks first, last, prefix, gateway"),
        ({"address_range": {**LAB["address_range"], "last": "10.77.0.100"}}, "ends .* before it begins"),
        ({"address_range": {**LAB["address_range"], "last": "10.78.0.1"}}, "outside of 10.77.0.0/24"),
        ({"address_range": {**LAB["address_range"], "gateway": "10.77.0.150"}}, "gateway 10.77.0.150 is among"),
        ({"address_range": {**LAB["address_range"], "first": "10.77.0"}}, "is wrong"),
        ({"address_range": {**LAB["address_range"], "last": "10.77.0.104"}}, "too small: worker-01 gets none"),
        ({"address_range": {**LAB["address_range"], "first": "10.77.0.13"}}, "10.77.0.13 .* in use by legacy host db1"),
        ({"address_range": {**LAB["address_range"], "first": "10.77.0.5", "last": "10.77.0.10"}}, "in use by the edge's public address"),
        ({"public_address": "10.77.0.10"}, "has no prefix length"),
        ({"public_address": "edge"}, "edge_public_address is wrong"),
        ({"comfort": 0.5}, "plan_comfort is 0.5"),
        ({"placement": {"spare_nodes": 2}}, "can prove 0 or 1"),
        ({"dropped_services": [{"service": "notifyd"}]}, "not service@host"),
        ({"dropped_services": [{"service": "notifyd@web1", "reason": "old"}]}, "lacks approver"),
        ({"dropped_services": [*LAB["dropped_services"], *LAB["dropped_services"]]}, "dropped twice"),
        ({"dropped_services": [{"service": "notifid@web1", "reason": "r", "approver": "a"}]}, "web1 has no such service"),
        ({"dropped_services": [{"service": "notifyd@web9", "reason": "r", "approver": "a"}]}, "no legacy host is called web9"),
        ({"guests": {"db-02": {"cores": 2}}}, "decides about db-02"),
        ({"guests": {"db-01": {"memory": 2048}}}, "knows no memory"),
        ({"guests": {"db-01": {"cores": 0}}}, "cores is 0"),
        ({"guests": {"db-01": {"node": "pve9"}}}, "node pve9, which the cluster does not have"),
        ({"guests": {"db-01": {"storage": "ceph"}}}, "no node can take db-01"),
        ({"guest_defaults": {**LAB["guest_defaults"], "template": "debian-12"}}, "no template debian-12"),
        ({"guest_defaults": {**LAB["guest_defaults"], "bridge": "vmbr9"}}, "no node can take edge-01"),
        ({"guest_defaults": {**LAB["guest_defaults"], "storage": "local"}}, "no node can take edge-01"),
        ({"guests": {"db-01": {"memory_mib": 65536}}}, "no node can take db-01"),
        ({"guests": {"db-01": {"disk_gib": 4096}}}, "storage shared is too full"),
    ],
)  # fmt: skip
def test_policies_that_cannot_be(changes: dict[str, Any], says: str) -> None:
    error = refused(**changes)
    assert __import__("re").search(says, f"{error.what} {error.where}"), str(error)


def test_no_survey() -> None:
    with pytest.raises(LotseError, match="there is no survey"):
        planning.plan([], lab_cluster(), policy())


def test_a_survey_of_another_schema() -> None:
    surveys = lab_surveys()
    surveys["db1"]["schema"] = "lotse/survey/9"
    assert "the survey of db1 has the schema 'lotse/survey/9'" in refused(surveys=surveys).what


def test_two_hosts_with_one_address() -> None:
    surveys = lab_surveys()
    surveys["db1"]["address"] = "10.77.0.14"
    assert "cache1 and db1 have the same address" in refused(surveys=surveys).what


def test_nothing_to_move() -> None:
    assert "no service that could be moved" in refused(surveys={"a": bare("a", 21)}, dropped_services=[]).what


def test_a_stranger_has_a_guests_name() -> None:
    facts = cluster()
    facts["guests"] = [{"name": "db-01", "vmid": 105, "node": "pve1", "status": "running", "pool": None, "tags": [], "memory_bytes": 1, "cores": 1}]
    assert "that is not ours" in refused(cluster=facts).what


def test_an_existing_guest_on_a_node_that_is_off() -> None:
    facts = cluster()
    facts["nodes"][1]["online"] = False
    facts["guests"] = [
        {"name": "db-01", "vmid": 105, "node": "pve2", "status": "unknown", "pool": None, "tags": ["lotse"], "memory_bytes": 1, "cores": 1}
    ]
    assert "db-01 is on node pve2, which is not online" in refused(cluster=facts).what


def test_an_existing_guest_that_is_to_have_what_its_node_lacks() -> None:
    facts = cluster()
    facts["templates"] = []
    existing = ["edge-01", "web-01", "db-01", "cache-01", "worker-01"]
    facts["guests"] = [
        {"name": name, "vmid": 105, "node": "pve2", "status": "running", "pool": None, "tags": ["lotse"], "memory_bytes": 1, "cores": 1}
        for name in existing
    ]
    facts["nodes"][1]["cores"] = 16
    assert {guest["node"] for guest in plan(cluster=facts, placement={"spare_nodes": 0})["guests"]} == {"pve2"}, "they need no template any more"
    error = refused(cluster=facts, guests={"db-01": {"storage": "ceph"}})
    assert (error.what, error.where) == ("node pve2 cannot keep db-01 as it is planned", "pve2: no storage ceph for disks")


def test_no_room_for_a_dead_node() -> None:
    """Two nodes that together hold the guests, but not one of them alone."""
    surveys = {"db1": bare("db1", 21, **mariadb()), "cache1": bare("cache1", 22, **redis())}
    sizes = {"db-01": {"memory_mib": 4096}, "cache-01": {"memory_mib": 4096}}
    given: dict[str, Any] = {"surveys": surveys, "cluster": cluster(2, memory_gib=8), "guests": sizes, "dropped_services": []}
    assert "not when any one node dies" in refused(**given).what
    assert plan(**given, placement={"spare_nodes": 0})["capacity"]["spare_node_proven"] is False


def test_no_room_at_all() -> None:
    sizes = {name: {"memory_mib": 5000} for name in ("edge-01", "web-01", "db-01", "cache-01", "worker-01")}
    assert "no room for the guests" in refused(cluster=cluster(4, memory_gib=8), guests=sizes).what


def test_one_node_has_no_spare() -> None:
    assert "not when any one node dies" in refused(cluster=cluster(1, memory_gib=64, cores=64)).what


def test_the_plan_of_somebody_else() -> None:
    former = plan()
    assert "that of environment lab, not blue" in refused(previous=former, environment="blue").what
    former["schema"] = "lotse/plan/0"
    assert "schema 'lotse/plan/0'" in refused(previous=former).what
