# SPDX-License-Identifier: GPL-3.0-or-later
"""HA as releases before and after 9.0 have it, and what a managed guest's power does."""

from __future__ import annotations

from typing import Any

import pytest
from proxmoxer.core import ResourceException

from tests.lab.pve.fixture import MemoryPve

from .helpers import ended, started


@pytest.fixture
def api(memory_pve: MemoryPve) -> Any:
    api = memory_pve.proxmoxer()
    started(api)
    return api


def refused(call: Any, **values: Any) -> str:
    with pytest.raises(ResourceException) as refusal:
        call(**values)
    return str(refusal.value)


def test_up_to_8_groups_say_where_a_guest_may_run(memory_pve: MemoryPve, api: Any) -> None:
    memory_pve.faults(version="8.4.14")
    ha = api.cluster.ha
    assert api.version.get()["version"] == "8.4.14"
    assert "not implemented" in refused(ha.rules.get)
    assert "unknown group" in refused(ha.resources.post, sid="vm:101", group="g1")
    ha.groups.post(group="g1", nodes="pve1:2,pve2", restricted=1)
    ha.resources.post(sid="vm:101", group="g1", max_restart=2)
    (row,) = ha.resources.get()
    assert (row["sid"], row["state"], row["group"], row["max_restart"]) == ("vm:101", "started", "g1", 2)
    assert "already defined" in refused(ha.resources.post, sid="vm:101")
    assert "used by service" in refused(ha.groups("g1").delete)
    ha.resources("vm:101").delete()
    ha.groups("g1").delete()
    assert ha.groups.get() == ha.resources.get() == []


def test_from_9_rules_do(api: Any) -> None:
    ha = api.cluster.ha
    assert "migrated to rules" in refused(ha.groups.get)
    assert "migrated to rules" in refused(ha.groups.post, group="g1", nodes="pve1")
    assert "migrated to rules" in refused(ha.resources.post, sid="vm:101", group="g1")
    rule = {"rule": "r1", "type": "node-affinity", "resources": "vm:101", "nodes": "pve1:2,pve2"}
    assert "unmanaged resource" in refused(ha.rules.post, **rule)
    ha.resources.post(sid="vm:101")
    ha.rules.post(**rule)
    assert "already used" in refused(ha.rules.post, **{**rule, "rule": "r2"})
    assert "does not allow additional" in refused(ha.rules.post, **rule, group="g")
    ha.rules("r1").put(type="node-affinity", strict=1, nodes="pve3")
    (row,) = ha.rules.get()
    assert (row["nodes"], row["strict"], row["resources"]) == ("pve3", "1", "vm:101")
    assert "detected modified" in refused(ha.rules("r1").put, type="node-affinity", nodes="pve1", digest="0" * 40)
    ha.resources("vm:101").delete()
    assert ha.rules.get() == []


def test_power_of_a_managed_guest_goes_through_the_manager(api: Any) -> None:
    vm = api.nodes("pve2").qemu(101)
    api.cluster.ha.resources.post(sid="vm:101", state="stopped")
    assert vm.status.current.get()["status"] == "stopped"
    upid = vm.status.start.post()
    assert ":hastart:" in upid
    assert ended(api, upid) == "OK"
    assert vm.status.current.get()["status"] == "running"
    assert api.cluster.ha.resources("vm:101").get()["state"] == "started"
    assert ended(api, vm.status.stop.post()) == "OK"
    assert "used in HA" in refused(vm.delete)
    assert ended(api, vm.delete(purge=1)) == "OK"
    assert api.cluster.ha.resources.get() == []


def test_pending_lists_every_key_and_the_digest(api: Any) -> None:
    vm = api.nodes("pve2").qemu(101)
    vm.config.put(memory=2048, name="web-02")
    rows = {row["key"]: row for row in vm.pending.get()}
    assert rows["memory"] == {"key": "memory", "value": "1024", "pending": "2048"}
    config = vm.config.get()
    assert rows["digest"]["value"] == config["digest"]
    assert set(rows) == set(config)
