# SPDX-License-Identifier: GPL-3.0-or-later
"""pve_info: parts on request, and live guests as rows over which a fleet run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import ForbiddenError, RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.info import facts

from tests.lab.pve.fixture import MemoryPve

from .conversation import TEMPLATE_ROW, Conversation, row
from .test_pve_modules import GUESTS, Run, fleet, run, steps, writes

__all__ = ["run"]
MANAGED = {**GUESTS[0], "ha": {"state": "started", "nodes": {"pve1": 1, "pve2": 2}, "max_restart": 2}}


def pending(name: str) -> list[dict[str, object]]:
    return [{"key": "name", "value": name}, {"key": "memory", "value": "1024"}, {"key": "digest", "value": "d1"}]


def test_live_guests_as_rows_are_what_they_are(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    fleet(run, tmp_path, [MANAGED, GUESTS[1]])
    memory_pve.forget_calls()
    live = run("pve_info", gather=["ha"], guests=["db-*", "101"])
    assert [entry["name"] for entry in live["rows"]] == ["db-01", "web-01"]
    assert live["rows"][0]["ha"]["nodes"] == {"pve1": 1, "pve2": 2}
    assert live["api_calls"] == len(memory_pve.calls()) == 2 + 3 + 2
    again = fleet(run, tmp_path, live["rows"], check=True)
    assert (steps(again), again["changed"]) == ({"db-01": [], "web-01": []}, False)
    assert writes(memory_pve) == []


def test_a_stranger_is_adopted_by_its_row_and_nothing_else_changes(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    api = memory_pve.proxmoxer()
    api.nodes("pve1").qemu(9000).clone.post(newid=500, name="legacy-01", full=1, pool="community")
    while "lock" in api.nodes("pve1").qemu(500).config.get():
        pass
    api.nodes("pve1").qemu(500).config.put(cores=2, description="Ask Kim first.", ipconfig0="ip=10.77.0.150/24", tags="blue")
    before = api.nodes("pve1").qemu(500).config.get()
    (found,) = run("pve_info", guests=["legacy-01"])["rows"]
    assert (found["adopt"], found["state"], found["cores"], found["description"]) == (500, "stopped", 2, "Ask Kim first.")

    done = run("pve_fleet", guests=[found], wait_for="none")
    assert [step["do"] for step in steps(done)["legacy-01"]] == ["config"]
    after = api.nodes("pve1").qemu(500).config.get()
    different = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    assert different == {"description", "tags", "digest"}
    assert after["description"].startswith("Ask Kim first.\nlotse-guest: ")
    (ours,) = run("pve_info", guests=["500"])["rows"]
    assert "adopt" not in ours
    assert not run("pve_fleet", guests=[ours], wait_for="none")["changed"]


def test_parts_on_request_cost_their_own_calls_only(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    fleet(run, tmp_path, [MANAGED])
    memory_pve.forget_calls()
    result = run("pve_info", gather=["pools", "ha"])
    assert set(result["cluster"]) == {"version", "pools", "ha"}
    assert "rows" not in result
    assert [pool["vmids"] for pool in result["cluster"]["pools"] if pool["name"] == "community"] == [[100]]
    managed = {"name": "db-01", "vmid": 100, "state": "started", "max_restart": 2, "nodes": {"pve1": 1, "pve2": 2}}
    (found,) = result["cluster"]["ha"]
    assert managed.items() <= found.items()
    assert len(memory_pve.calls()) == 2 + 1 + 3
    memory_pve.forget_calls()
    nodes = run("pve_info", gather=["storages"])["cluster"]["nodes"]
    assert set(nodes[0]) == {"name", "online", "storages"}
    assert len(memory_pve.calls()) == 2
    assert writes(memory_pve) == []


def test_check_mode_gives_the_same(run: Run) -> None:
    assert run("pve_info", check=True, gather=["rows", "pools"]) == run("pve_info", gather=["rows", "pools"])


def test_names_that_fit_no_guest_are_all_told(run: Run, memory_pve: MemoryPve) -> None:
    message = run("pve_info", guests=["web-9*", "debian-13", "777"])["msg"]
    assert "there is no guest web-9*" in message
    assert "there is no guest 777" in message
    assert "debian-13" not in message
    assert writes(memory_pve) == []


def test_patterns_leave_templates_out_and_names_take_them(talk: Conversation) -> None:
    for names, wanted in ((["d*"], ["db-01"]), (["debian-13", "101"], ["db-01", "debian-13"]), ([], ["db-01"])):
        talk.expect("get", "version", {"version": "9.0.10"})
        talk.expect("get", "cluster/resources", [TEMPLATE_ROW, row()])
        talk.expect("get", "nodes/pve2/qemu/101/pending", pending("db-01"))
        if "debian-13" in wanted:
            talk.expect("get", "nodes/pve1/qemu/9000/pending", [*pending("debian-13"), {"key": "template", "value": 1}])
        assert [entry["name"] for entry in facts(talk, ["rows"], names)["rows"]] == wanted


def test_rows_of_a_token_that_may_not_see_guests_are_an_error(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "cluster/resources", [])
    talk.expect("get", "access/permissions", {"/storage": {"Datastore.Audit": 1}})
    with pytest.raises(RefusedError, match=r"because the token lacks VM\.Audit"):
        facts(talk, ["rows"])


def test_the_firewall_costs_one_call_where_it_is_off(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "cluster/resources", [TEMPLATE_ROW, row()])
    talk.expect("get", "cluster/firewall/options", {"digest": "d1"})
    assert facts(talk, ["firewall"])["firewall"] == {"enabled": False, "guests": []}


def test_the_firewall_of_guests_and_templates_where_it_is_on(talk: Conversation) -> None:
    """pve-firewall: options of a guest have enable and ipfilter as 0 or 1; entries of a set have cidr and nomatch."""
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "cluster/resources", [TEMPLATE_ROW, row()])
    talk.expect("get", "cluster/firewall/options", {"enable": 1})
    talk.expect("get", "nodes/pve2/qemu/101/firewall/options", {"enable": 1, "ipfilter": 1})
    talk.expect("get", "nodes/pve2/qemu/101/firewall/ipset", [{"name": "ipfilter-net0", "digest": "d"}])
    entries = [{"cidr": "10.77.0.101"}, {"cidr": "10.77.0.10/32"}, {"cidr": "10.77.0.9", "nomatch": 1}]
    talk.expect("get", "nodes/pve2/qemu/101/firewall/ipset/ipfilter-net0", entries)
    talk.expect("get", "nodes/pve1/qemu/9000/firewall/options", {})
    talk.expect("get", "nodes/pve1/qemu/9000/firewall/ipset", [])
    found = facts(talk, ["firewall"], workers=1)["firewall"]
    assert found["guests"] == [
        {"name": "db-01", "vmid": 101, "enabled": True, "ip_filter": True, "allowed": ["10.77.0.10", "10.77.0.101"]},
        {"name": "debian-13", "vmid": 9000, "enabled": False, "ip_filter": False, "allowed": []},
    ]


def test_a_token_that_may_not_see_the_firewall_gives_nothing_about_it(talk: Conversation) -> None:
    talk.expect("get", "version", {"version": "9.0.10"})
    talk.expect("get", "cluster/resources", [row()])
    talk.expect("get", "cluster/firewall/options", ForbiddenError(403, "Permission check failed (/, Sys.Audit)"))
    assert facts(talk, ["firewall"])["firewall"] is None


def test_the_firewall_as_the_labs_api_keeps_it(run: Run, memory_pve: MemoryPve) -> None:
    assert run("pve_info", gather=["firewall"])["cluster"]["firewall"] == {"enabled": False, "guests": []}
    assert writes(memory_pve) == []
