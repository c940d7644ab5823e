# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind of step as a conversation: what it sends, what it proves before, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.apply import Hand, gates_of
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, Step
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError, RefusedError, StoppedError, TaskStaleError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, ObservedGuest
from ansible_collections.lotse.estate.plugins.module_utils._pve.ha import HaView, HaWriter, read_ha
from ansible_collections.lotse.estate.plugins.module_utils._pve.limits import Gates, Halt, Vmids

from tests.lab.pve.fixture import ROOT

from .conversation import UPID, UUIDS, Clock, Conversation, config, listed

GUEST = "nodes/pve2/qemu/101"
DB = DesiredGuest("db-01", UUIDS["db-01"], "pve2")
LIMITS = {"node": 2, "storage": 2, "template": 2}


def hand(talk: Conversation, *, status: str = "stopped", ha: HaView | None = None, **changes: Any) -> Hand:
    clock = Clock()
    made = Hand(talk, DB, Gates(LIMITS), Halt(), 60, 30, HaWriter(talk, ha or HaView()), clock.sleep, clock)
    made.guest = ObservedGuest(101, "db-01", "pve2", status, "community", config(**changes), "d1")
    return made


def do(hand: Hand, kind: Do, **values: Any) -> bool:
    return hand.carry_out(Step(kind, str(kind), "undo", values))


def seen(talk: Conversation, digest: str = "d2", **changes: Any) -> None:
    talk.expect("get", f"{GUEST}/pending", listed({**config(digest=digest), **changes}))


# ------------------------------------------------------------------ configuration


def test_a_config_write_sets_and_deletes_with_the_digest(talk: Conversation) -> None:
    talk.expect("put", f"{GUEST}/config", None, {"cores": 4, "delete": "cpu,vga", "digest": "d1"})
    do(hand(talk), Do.CONFIG, set={"cores": 4}, delete=("cpu", "vga"))


def test_a_new_disk_is_written_as_a_task(talk: Conversation) -> None:
    talk.task("post", f"{GUEST}/config", "qmconfig", values={"scsi1": "shared:8", "digest": "d1"})
    do(hand(talk), Do.CONFIG, set={"scsi1": "shared:8"}, delete=())


def test_the_next_write_carries_the_digest_that_the_first_one_left(talk: Conversation) -> None:
    talk.expect("put", f"{GUEST}/config", None, {"cores": 4, "digest": "d1"})
    seen(talk, "d2")
    talk.expect("put", f"{GUEST}/config", None, {"memory": 2048, "digest": "d2"})
    one = hand(talk)
    do(one, Do.CONFIG, set={"cores": 4}, delete=())
    do(one, Do.CONFIG, set={"memory": 2048}, delete=())


def test_a_task_that_found_another_digest_is_a_call_with_an_unknown_end(talk: Conversation) -> None:
    talk.task("post", f"{GUEST}/config", "qmconfig", status="checksum mismatch (file change by other user?)")
    with pytest.raises(TaskStaleError):
        do(hand(talk), Do.CONFIG, set={"scsi1": "shared:8"}, delete=())


def test_a_task_that_waited_for_a_lock_is_started_again(talk: Conversation) -> None:
    busy = "can't lock file '/var/lock/qemu-server/lock-101.conf' - got timeout"
    talk.task("put", f"{GUEST}/resize", "resize", status=busy)
    upid = UPID.format(node="pve2", kind="resize", vmid=101).replace("0000A1B2", "0000A1B3")
    talk.expect("put", f"{GUEST}/resize", upid, {"disk": "scsi0", "size": "9G"})
    talk.expect("get", f"nodes/pve2/tasks/{upid}/status", {"status": "stopped", "exitstatus": "OK"})
    one = hand(talk)
    do(one, Do.RESIZE, disk="scsi0", size="9G")
    assert len(one.tasks) == 2


def test_a_guest_changes_its_pool_also_before_8(talk: Conversation) -> None:
    talk.expect("put", "pools/other", api_error(400, "Parameter verification failed.", {"allow-move": "property is not defined in schema"}))
    talk.expect("put", "pools/community", None, {"vms": "101", "delete": 1})
    talk.expect("put", "pools/other", None, {"vms": "101"})
    do(hand(talk), Do.POOL, pool="other")


# ------------------------------------------------------------------------- disks


def test_a_disk_is_detached_after_one_more_look_at_the_guest(talk: Conversation) -> None:
    seen(talk, "d9")
    talk.expect("put", f"{GUEST}/config", None, {"delete": "scsi1,scsi2", "digest": "d9"})
    do(hand(talk), Do.DETACH, keys=("scsi1", "scsi2"))


def test_only_the_volumes_that_were_named_are_destroyed(talk: Conversation) -> None:
    seen(talk, unused0="shared:101/other.qcow2", unused1="shared:101/old.qcow2,size=8G", digest="d9")
    talk.task("post", f"{GUEST}/config", "qmconfig", values={"delete": "unused1", "digest": "d9"})
    assert do(hand(talk), Do.PURGE, volumes=("shared:101/old.qcow2",))


def test_a_volume_that_the_running_guest_holds_on_to_is_not_called_destroyed(talk: Conversation) -> None:
    talk.expect("get", f"{GUEST}/pending", listed(config(scsi1="shared:101/old.qcow2,size=8G"), scsi1=None))
    assert not do(hand(talk, status="running"), Do.PURGE, volumes=("shared:101/old.qcow2",))


@pytest.mark.parametrize(
    ("kind", "values", "what"),
    [
        (Do.DETACH, {"keys": ("scsi1",)}, "none of its disks was detached"),
        (Do.PURGE, {"volumes": ("shared:101/old.qcow2",)}, "none of its disks was destroyed"),
        (Do.TEMPLATE, {}, "it was not made a template"),
        (Do.DESTROY, {}, "it was not destroyed"),
    ],
)
@pytest.mark.parametrize("other", [{"name": "shop"}, {"description": f"lotse-guest: {UUIDS['web-01']}\n"}, {"description": None}])
def test_nothing_without_a_way_back_is_done_to_a_stranger(
    talk: Conversation, kind: Do, values: Mapping[str, Any], what: str, other: dict[str, Any]
) -> None:
    seen(talk, **other)
    with pytest.raises(RefusedError, match=what):
        do(hand(talk), kind, **values)
    assert talk.writes == []


def test_a_protected_guest_is_not_destroyed(talk: Conversation) -> None:
    seen(talk, protection=1)
    with pytest.raises(RefusedError, match="is protected"):
        do(hand(talk), Do.DESTROY)


# ------------------------------------------------------------------------- power


def test_a_guest_is_asked_to_go_down_and_not_switched_off(talk: Conversation) -> None:
    talk.task("post", f"{GUEST}/status/shutdown", "qmshutdown", values={"timeout": 30}, status="VM quit/powerdown failed - got timeout")
    talk.expect("get", f"{GUEST}/status/current", {"status": "running"})
    with pytest.raises(PveError, match="powerdown failed"):
        do(hand(talk, status="running"), Do.SHUTDOWN)


def test_a_guest_is_told_to_reboot_once_in_a_run(talk: Conversation) -> None:
    talk.expect("post", f"{GUEST}/status/reboot", api_error(504, "Gateway Timeout"), {"timeout": 30})
    one = hand(talk, status="running")
    with pytest.raises(PveError, match="Gateway Timeout"):
        do(one, Do.REBOOT)
    with pytest.raises(PveError, match="not told twice in one run"):
        do(one, Do.REBOOT)
    assert len(talk.writes) == 1


def test_a_guest_that_ha_manages_is_waited_for_after_its_task(talk: Conversation) -> None:
    talk.task("post", f"{GUEST}/status/start", "hastart")
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.expect("get", f"{GUEST}/status/current", {"status": "running"})
    one = hand(talk)
    do(one, Do.START)
    assert one.guest.status == "running"


# --------------------------------------------------------------------- migration


def test_a_running_guest_is_migrated_with_its_local_disks(talk: Conversation) -> None:
    talk.task("post", f"{GUEST}/migrate", "qmigrate", values={"target": "pve3", "online": 1, "with-local-disks": 1})
    one = hand(talk, status="running")
    do(one, Do.MIGRATE, target="pve3")
    assert one.guest.node == "pve3"


def test_a_managed_guest_is_moved_when_the_list_says_so(talk: Conversation) -> None:
    talk.task("post", f"{GUEST}/migrate", "hamigrate", values={"target": "pve3"})
    talk.expect("get", "cluster/resources", [{"vmid": 101, "node": "pve2", "type": "qemu"}])
    talk.expect("get", "cluster/resources", [{"vmid": 101, "node": "pve3", "type": "qemu"}])
    do(hand(talk), Do.MIGRATE, target="pve3")


# ---------------------------------------------------------------------------- HA

HA = {"resource": {"state": "started", "max_restart": 2, "max_relocate": 1}, "nodes": {"pve2": 0, "pve1": 2}, "strict": True}
NO_RESOURCE = api_error(500, "no such resource 'vm:101'")


def test_up_to_8_a_group_says_where_a_guest_may_run(talk: Conversation) -> None:
    talk.expect("put", "cluster/ha/groups/lotse-db-01", api_error(500, "no such ha group 'lotse-db-01'"))
    talk.expect("post", "cluster/ha/groups", None, {"group": "lotse-db-01", "nodes": "pve1:2,pve2", "restricted": 1})
    talk.expect("put", "cluster/ha/resources/vm:101", NO_RESOURCE)
    talk.expect("post", "cluster/ha/resources", None, {"sid": "vm:101", **HA["resource"], "group": "lotse-db-01"})  # type: ignore[dict-item]
    do(hand(talk, ha=HaView(rules=False)), Do.HA, **HA)


def test_from_9_a_rule_does(talk: Conversation) -> None:
    talk.expect("put", "cluster/ha/resources/vm:101", None, HA["resource"])
    rule = {"type": "node-affinity", "resources": "vm:101", "nodes": "pve1:2,pve2", "strict": 1}
    talk.expect("put", "cluster/ha/rules/lotse-db-01", api_error(500, "HA rule 'lotse-db-01' does not exist"))
    talk.expect("post", "cluster/ha/rules", api_error(400, "Parameter verification failed.", {"rule": "HA rule 'lotse-db-01' already defined"}))
    talk.expect("put", "cluster/ha/rules/lotse-db-01", None, rule)
    do(hand(talk), Do.HA, **HA)


@pytest.mark.parametrize("rules", [True, False])
def test_ha_goes_away_with_its_place(talk: Conversation, rules: bool) -> None:
    resource = "cluster/ha/resources/vm:101"
    paths = ["cluster/ha/rules/lotse-db-01", resource] if rules else [resource, "cluster/ha/groups/lotse-db-01"]
    for path in paths:
        talk.expect("delete", path, NO_RESOURCE if "resources" in path else None)
    do(hand(talk, ha=HaView(rules=rules)), Do.HA, resource=None, nodes=None, strict=False)
    assert [call[1] for call in talk.made] == paths


@pytest.mark.parametrize(("version", "kind"), [("8.4.14", "groups"), ("9.0.10", "rules")])
def test_ha_is_read_with_three_calls(talk: Conversation, version: str, kind: str) -> None:
    resource = {"sid": "vm:101", "state": "enabled", "max_restart": 3, **({"group": "lotse-db-01"} if kind == "groups" else {})}
    place = {"group": "lotse-db-01", "restricted": 1} if kind == "groups" else {"rule": "lotse-db-01", "strict": 1, "resources": "vm:101"}
    talk.expect("get", "version", {"version": version})
    talk.expect("get", "cluster/ha/resources", [resource, {"sid": "ct:7"}])
    talk.expect("get", f"cluster/ha/{kind}", [{**place, "nodes": "pve1:2,pve2"}])
    view = read_ha(talk)
    assert view.of(101, "db-01") == {"state": "started", "max_restart": 3, "max_relocate": 1, "nodes": {"pve1": 2, "pve2": 0}, "strict": True}
    assert view.of(102, "web-01") is None


# ------------------------------------------------------------------------ limits


def test_what_a_step_loads() -> None:
    guest = ObservedGuest(101, "db-01", "pve2", "running", None, config(), "d1")
    move = Step(Do.MOVE_DISK, "", "", {"disk": "scsi0", "storage": "fast"})
    assert set(gates_of(move, guest)) == {("node", "pve2"), ("storage", "shared"), ("storage", "fast")}
    new = Step(Do.CONFIG, "", "", {"set": {"scsi1": "fast:8", "cores": 2}, "delete": ()})
    assert set(gates_of(new, guest)) == {("storage", "fast")}
    assert set(gates_of(Step(Do.MIGRATE, "", "", {"target": "pve3"}), guest)) == {("node", "pve2"), ("node", "pve3")}
    assert not set(gates_of(Step(Do.CONFIG, "", "", {"set": {"cores": 2}, "delete": ()}), guest))


def test_no_more_pass_a_gate_than_it_has_room_for() -> None:
    gates, inside, most, guard = Gates({"node": 2, "storage": 3}), [0, 0], [0, 0], threading.Lock()

    def work(at: int) -> None:
        with gates.through([("node", f"pve{at % 2}"), ("storage", "shared")]):
            with guard:
                inside[at % 2] += 1
                most[at % 2] = max(most[at % 2], inside[at % 2])
                most_together.append(sum(inside))
            time.sleep(0.01)
            with guard:
                inside[at % 2] -= 1

    most_together: list[int] = []
    threads = [threading.Thread(target=work, args=(at,)) for at in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (max(most), max(most_together), len(most_together)) == (2, 3, 16)


def test_who_waits_at_a_gate_does_not_begin_after_the_word_to_stop(talk: Conversation) -> None:
    one = hand(talk)
    one.halt.begin("another guest failed")
    with pytest.raises(StoppedError, match="stopped before 'start', because another guest failed"):
        do(one, Do.START)


def test_with_the_second_word_nobody_waits_for_a_task(talk: Conversation) -> None:
    upid = UPID.format(node="pve2", kind="qmstart", vmid=101)
    talk.expect("post", f"{GUEST}/status/start", upid)
    talk.expect("get", f"nodes/pve2/tasks/{upid}/status", {"status": "running"})
    one = hand(talk)
    one.halt.why = "the run was interrupted"
    one.halt.leave()
    with pytest.raises(StoppedError, match="it goes on in the cluster"):
        do(one, Do.START)


def test_vmids_are_taken_in_order_and_the_planned_ones_are_kept() -> None:
    vmids = Vmids(100, 105, frozenset({101}), planned=frozenset({102}))
    assert [vmids.take(), vmids.take(102), vmids.take(102), vmids.take()] == [100, 102, 103, 104]
    assert vmids.take() == 105
    with pytest.raises(RefusedError, match="no free VMID between 100 and 105"):
        vmids.take()


# ------------------------------------------------------------------------- scale


def test_five_thousand_guests_need_two_calls_a_change_and_little_memory() -> None:
    """In a process of its own, because memory that was used once is counted for ever."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.pve.crowd", "5000"], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/.collections:{ROOT}"},
    )  # fmt: skip
    took = json.loads(done.stdout)
    assert (took["changed"], took["writes"], took["calls"]) == (2500, 2500, 1 + 5000 + 2 * 2500)
    assert took["mib"] < 400
