# SPDX-License-Identifier: GPL-3.0-or-later
"""pve_fleet's engine in scripted conversations: nothing to do, a change, a check, an error; and how many calls each costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_render import diffs, plan_dict, result_dict
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, State
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import (
    ApiUnreachableError,
    PveError,
    RefusedError,
    api_error,
)
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, FleetError, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.hostkeys import KnownHosts, generate
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import WaitFor

from .conversation import TEMPLATE_CONFIG, TEMPLATE_ROW, UUIDS, Clock, Conversation, config, listed, plan_row, row

RESOURCES = "cluster/resources"
GUEST = "nodes/pve2/qemu/101"
CLONE = "nodes/pve1/qemu/9000/clone"
TAKEN = api_error(500, "unable to create VM 100: config file already exists")
LOST = ApiUnreachableError("the Proxmox VE API at pve1:8006 does not answer: connection reset", sent=True)


def fleet(talk: Conversation, known: KnownHosts | None = None, **settings: Any) -> Fleet:
    clock = Clock()
    given = {"state": State.PRESENT, "wait_for": WaitFor.NONE, "workers": 1, **settings}
    return Fleet(talk, Settings(**given), known=known, sleep=clock.sleep, clock=clock)


def converge(talk: Conversation, *rows: dict[str, Any], known: KnownHosts | None = None, **settings: Any) -> list[dict[str, Any]]:
    engine = fleet(talk, known, **settings)
    return [result_dict(result) for result in engine.apply(engine.plan(desired_guests(rows or [plan_row()])))]


def there(talk: Conversation, *rows: dict[str, Any], configs: dict[int, dict[str, Any]] | None = None, times: int = 1) -> None:
    """The cluster's list, and each listed guest's configuration."""
    for _ in range(times):
        talk.expect("get", RESOURCES, [TEMPLATE_ROW, *rows], {"type": "vm"})
        for at in rows:
            given = (configs or {}).get(at["vmid"]) or config(at["name"])
            talk.expect("get", f"nodes/{at['node']}/qemu/{at['vmid']}/pending", listed(given))


# -------------------------------------------------------------------------- nothing to do


@pytest.mark.parametrize("count", [1, 2])
def test_nothing_to_do_costs_one_call_and_one_for_each_guest(talk: Conversation, count: int) -> None:
    names = list(UUIDS)[:count]
    there(talk, *(row(name, 101 + at) for at, name in enumerate(names)))
    results = converge(talk, *(plan_row(name) for name in names), state=State.STARTED)
    assert len(talk.made) == 1 + count
    assert talk.writes == []
    assert [(result["changed"], result["steps"]) for result in results] == [(False, [])] * count


def test_a_guest_that_seems_to_sleep_is_asked_once_more(talk: Conversation) -> None:
    """The cluster's list lags behind the node."""
    there(talk, row(status="unknown"))
    talk.expect("get", f"{GUEST}/status/current", {"status": "running"})
    (result,) = converge(talk, state=State.STARTED)
    assert not result["changed"]
    assert len(talk.made) == 3


class Doors:
    """ssh that fails until the guest was started."""

    def __init__(self, talk: Conversation) -> None:
        self.talk = talk

    def knock(self, host: str) -> str | None:
        return None if any(call[1].endswith("/status/start") for call in self.talk.made) else "No route to host"


def test_a_guest_that_only_seems_to_run_is_started(talk: Conversation) -> None:
    """Somebody stopped it a moment ago; waiting for its ssh would never end."""
    there(talk, row(status="running"))
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.task("post", f"{GUEST}/status/start", "qmstart")
    talk.expect("post", f"{GUEST}/agent/ping", {})
    talk.expect("get", f"{GUEST}/agent/file-read", api_error(500, "Agent error: failed to open file (mode: 'r'): No such file or directory"))
    addresses = [{"ip-address": "10.77.0.103", "prefix": 24, "ip-address-type": "ipv4"}]
    talk.expect("get", f"{GUEST}/agent/network-get-interfaces", {"result": [{"name": "eth0", "ip-addresses": addresses}]})
    engine = fleet(talk, state=State.STARTED, wait_for=WaitFor.SSH)
    engine.door = Doors(talk)
    (result,) = [result_dict(result) for result in engine.apply(engine.plan(desired_guests([plan_row()])))]
    assert [step["do"] for step in result["steps"]] == ["start"]


def test_a_guest_that_moved_to_another_node_is_accepted_there(talk: Conversation) -> None:
    there(talk, row(node="pve4"))
    (result,) = converge(talk)
    assert (result["changed"], result["node"]) == (False, "pve4")


# -------------------------------------------------------------------------------- change


def test_a_change_is_one_write_with_the_digest_of_what_was_read(talk: Conversation) -> None:
    there(talk, row(status="stopped"))
    talk.expect("put", f"{GUEST}/config", None, {"cores": 4, "memory": 2048, "digest": "d1"})
    (result,) = converge(talk, plan_row(cores=4, memory_mib=2048))
    assert talk.writes == [f"PUT {GUEST}/config"]
    assert result["changed"]
    assert [step["do"] for step in result["steps"]] == ["config"]


def test_changes_that_wait_for_the_next_start_are_named(talk: Conversation) -> None:
    there(talk, row())
    talk.expect("put", f"{GUEST}/config")
    talk.expect("get", f"{GUEST}/pending", listed(config(), cores=4, cpu=None))
    (result,) = converge(talk, plan_row(cores=4))
    assert result["pending"] == ["cores", "cpu"]


def test_a_new_guest_is_cloned_configured_grown_and_started(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    talk.expect("get", "nodes/pve1/qemu/9000/pending", listed(TEMPLATE_CONFIG))
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    talk.task("post", CLONE, "qmclone", node="pve1", vmid=9000, values={
        "name": "db-01", "full": 1, "description": f"lotse-guest: {UUIDS['db-01']}\n", "pool": "community", "target": "pve2", "newid": 100,
    })  # fmt: skip
    fresh = config(onboot=None, ipconfig0=None, tags=None, scsi0="shared:100/vm-100-disk-0.qcow2,size=4G", digest="d2")
    talk.expect("get", "nodes/pve2/qemu/100/pending", listed(fresh))
    talk.expect("put", "nodes/pve2/qemu/100/config", None, {
        "onboot": 1, "ipconfig0": "ip=10.77.0.103/24,gw=10.77.0.1", "tags": "lotse;role-mariadb", "digest": "d2",
    })  # fmt: skip
    talk.task("put", "nodes/pve2/qemu/100/resize", "resize", vmid=100, values={"disk": "scsi0", "size": "8G"})
    talk.task("post", "nodes/pve2/qemu/100/status/start", "qmstart", vmid=100)
    (result,) = converge(talk, state=State.STARTED)
    assert [step["do"] for step in result["steps"]] == ["clone", "config", "resize", "start"]
    assert (result["vmid"], len(result["tasks"])) == (100, 3)


# --------------------------------------------------------------------------------- check


def test_a_check_reads_only_and_says_what_a_run_does(talk: Conversation) -> None:
    there(talk, row(), configs={101: config(cores=2)})
    (plan,) = fleet(talk).plan(desired_guests([plan_row()]))
    told = plan_dict(plan)
    assert talk.writes == []
    assert told["changed"]
    assert [step["text"] for step in told["steps"]] == ["configure cores"]

    there(talk, row(status="stopped"), configs={101: config(cores=2)})
    talk.expect("put", f"{GUEST}/config")
    (result,) = converge(talk)
    assert result["steps"] == told["steps"]
    assert diffs([result]) == diffs([told])
    assert diffs([told]) == [{"prepared": "db-01 (VM 101 on pve2)\n  ~ configure cores\n      cores: 2 -> 1\n"}]


def test_new_guests_get_the_vmids_that_the_check_named(talk: Conversation) -> None:
    """They are cloned side by side; who comes first must not matter."""
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row("stranger", 100, tags="")])
    talk.expect("get", "nodes/pve1/qemu/9000/pending", listed(TEMPLATE_CONFIG))
    engine = fleet(talk)
    plans = engine.plan(desired_guests([plan_row("db-01"), plan_row("web-01")]))
    assert [(plan.desired.name, plan.vmid) for plan in plans] == [("db-01", 101), ("web-01", 102)]
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row("stranger", 100, tags="")])
    for name, vmid in (("web-01", 102), ("db-01", 101)):
        talk.task("post", CLONE, "qmclone", node="pve1", vmid=9000)
        talk.expect("get", f"nodes/pve2/qemu/{vmid}/pending", listed(config(name, scsi0=f"shared:{vmid}/d,size=8G")))
    results = engine.apply(plans[::-1])
    assert [(result.name, result.vmid) for result in results] == [("web-01", 102), ("db-01", 101)]


# --------------------------------------------------------------------------------- error


def test_problems_of_all_guests_are_told_before_anything_is_changed(talk: Conversation) -> None:
    there(
        talk, row("db-01", 101), row("web-01", 102), configs={101: config(scsi0="shared:1/d,size=20G"), 102: config("web-01", cores=9, lock="backup")}
    )
    with pytest.raises(RefusedError) as refused:
        converge(talk, plan_row("db-01"), plan_row("web-01"))
    assert talk.writes == []
    assert "disk scsi0 has 20G, the plan says 8G" in str(refused.value)
    assert "guest web-01: VM 102 is locked (backup)" in str(refused.value)


def test_a_stranger_with_our_name_is_never_a_target(talk: Conversation) -> None:
    there(talk, row(), configs={101: config(description="somebody else's")})
    with pytest.raises(RefusedError, match="VM 101 on pve2 has this name and is not ours"):
        converge(talk)
    assert talk.writes == []


def test_two_guests_with_one_mark_are_an_error(talk: Conversation) -> None:
    there(talk, row(vmid=101), row(vmid=107))
    with pytest.raises(RefusedError, match="both VM 101 and VM 107 on pve2 carry its mark"):
        converge(talk)


def test_a_guest_that_somebody_renamed_is_found_by_its_mark(talk: Conversation) -> None:
    there(talk, row("renamed", 101, status="stopped"), configs={101: {**config(), "name": "renamed"}})
    talk.expect("put", f"{GUEST}/config", None, {"name": "db-01", "digest": "d1"})
    (result,) = converge(talk)
    assert result["changed"]


def test_a_failed_task_names_its_log_and_what_was_done_before(talk: Conversation) -> None:
    there(talk, row(status="stopped"), configs={101: config(cores=2)})
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.expect("put", f"{GUEST}/config")
    talk.task("post", f"{GUEST}/status/start", "qmstart", status="start failed: no space left")
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    with pytest.raises(FleetError) as failed:
        converge(talk, state=State.STARTED)
    assert "start failed: no space left" in str(failed.value)
    assert "TASK ERROR" in str(failed.value)
    assert "(done before: configure cores)" in str(failed.value)
    assert failed.value.results[0].changed


def test_a_task_that_failed_because_the_guest_runs_already_is_a_success(talk: Conversation) -> None:
    there(talk, row(status="stopped"))
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.task("post", f"{GUEST}/status/start", "qmstart", status="VM 101 already running")
    talk.expect("get", f"{GUEST}/status/current", {"status": "running"})
    (result,) = converge(talk, state=State.STARTED)
    assert [step["do"] for step in result["steps"]] == ["start"]


def two_guests_of_which_one_fails(talk: Conversation) -> None:
    """Both need a write; that of db-01 is refused."""
    there(
        talk,
        row("db-01", 101, status="stopped"),
        row("web-01", 102, status="stopped"),
        configs={101: config(cores=2), 102: config("web-01", cores=2)},
    )
    talk.expect("put", f"{GUEST}/config", api_error(500, "boom"))


def test_one_failure_stops_the_others_before_their_next_step(talk: Conversation) -> None:
    two_guests_of_which_one_fails(talk)
    with pytest.raises(FleetError) as failed:
        converge(talk, plan_row("db-01"), plan_row("web-01"))
    assert "db-01: boom" in str(failed.value)
    assert "web-01: stopped before 'configure cores', because another guest failed" in str(failed.value)


def test_with_keep_going_the_others_are_finished(talk: Conversation) -> None:
    two_guests_of_which_one_fails(talk)
    talk.expect("put", "nodes/pve2/qemu/102/config")
    with pytest.raises(FleetError) as failed:
        converge(talk, plan_row("db-01"), plan_row("web-01"), keep_going=True)
    assert str(failed.value).startswith("db-01: boom")


def test_no_template_no_guest(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [])
    with pytest.raises(RefusedError, match="there is no template debian-13"):
        converge(talk)
    talk.expect("get", RESOURCES, [])
    with pytest.raises(RefusedError, match="disk scsi0 does not exist yet and names no size"):
        converge(talk, plan_row(template=None, disks={"scsi0": {"storage": "shared"}}))
    talk.expect("get", RESOURCES, [], {"type": "vm"})
    talk.expect("get", RESOURCES, [], {})
    with pytest.raises(RefusedError, match="there is no node to place guests on"):
        converge(talk, plan_row(template=None, node=None))


# ---------------------------------------------------------------- races and unknown ends


def proven(talk: Conversation, vmid: int, owner: str = "db-01") -> None:
    """The question whose guest this VMID is."""
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row(vmid=vmid, status="stopped")])
    talk.expect("get", f"nodes/pve2/qemu/{vmid}/pending", listed(config(description=f"lotse-guest: {UUIDS[owner]}\n")))


def looked_at(talk: Conversation, vmid: int) -> None:
    """The guest that somebody has made and that is ours."""
    proven(talk, vmid)
    talk.expect("get", f"nodes/pve2/qemu/{vmid}/status/current", {"status": "stopped"})


def made(talk: Conversation, vmid: int) -> None:
    """The guest where it was just made."""
    talk.expect("get", f"nodes/pve2/qemu/{vmid}/pending", listed(config()))


def empty(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    talk.expect("get", "nodes/pve1/qemu/9000/pending", listed(TEMPLATE_CONFIG))
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])


def test_a_vmid_that_a_stranger_took_is_not_used(talk: Conversation) -> None:
    empty(talk)
    talk.expect("post", CLONE, TAKEN)
    proven(talk, 100, "web-01")
    talk.task("post", CLONE, "qmclone", node="pve1", vmid=9000)
    made(talk, 101)
    (result,) = converge(talk)
    assert result["vmid"] == 101
    assert [values["newid"] for verb, _, values in talk.made if verb == "post"] == [100, 101]


def test_a_vmid_that_another_controller_took_for_the_same_guest_is_ours(talk: Conversation) -> None:
    empty(talk)
    talk.expect("post", CLONE, TAKEN)
    looked_at(talk, 100)
    (result,) = converge(talk)
    assert result["vmid"] == 100


def test_a_clone_call_whose_answer_was_lost_is_not_made_twice(talk: Conversation) -> None:
    empty(talk)
    talk.expect("post", CLONE, LOST)
    looked_at(talk, 100)
    (result,) = converge(talk)
    assert (result["vmid"], len(talk.writes)) == (100, 1)


def test_a_clone_call_that_was_lost_is_sent_again_for_the_same_vmid(talk: Conversation) -> None:
    empty(talk)
    talk.expect("post", CLONE, api_error(503, "service unavailable"))
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    talk.expect("post", CLONE, TAKEN)  # the first one had arrived after all, and the list lags
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    looked_at(talk, 100)
    (result,) = converge(talk)
    assert result["vmid"] == 100
    assert {values["newid"] for verb, _, values in talk.made if verb == "post"} == {100}


def test_a_full_range_of_vmids_is_an_error(talk: Conversation) -> None:
    talk.expect("get", RESOURCES, [TEMPLATE_ROW, row("other", 200, tags="")])
    talk.expect("get", "nodes/pve1/qemu/9000/pending", listed(TEMPLATE_CONFIG))
    with pytest.raises(RefusedError, match="no free VMID between 200 and 200"):
        converge(talk, first_vmid=200, last_vmid=200)


def test_a_half_finished_clone_is_waited_for(talk: Conversation) -> None:
    half = {"lock": "clone", "description": f"lotse-guest: {UUIDS['db-01']}\n", "digest": "h"}
    talk.expect("get", RESOURCES, [row(lock="clone", status="stopped")])
    talk.expect("get", f"{GUEST}/pending", listed(half))
    for _ in range(2):
        talk.expect("get", "cluster/tasks", [{"type": "qmclone", "upid": "x", "id": "9000"}, {"type": "qmstart", "endtime": 1}])
    for content in (half, half, config()):
        talk.expect("get", RESOURCES, [row(status="stopped")])
        talk.expect("get", f"{GUEST}/pending", listed(content))
        talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    (result,) = converge(talk)
    assert not result["changed"]


@pytest.mark.parametrize(("running", "seconds"), [([], 11), ([{"type": "qmclone", "upid": "x"}], 31)])
def test_a_clone_that_nobody_finishes_is_named_with_the_remedy(talk: Conversation, running: list[dict[str, Any]], seconds: int) -> None:
    """At once when no clone is running, else when the time is over."""
    talk.always("get", RESOURCES, [row(lock="clone", status="stopped")])
    talk.always("get", f"{GUEST}/pending", listed({"lock": "clone", "description": f"lotse-guest: {UUIDS['db-01']}\n"}))
    talk.always("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.always("get", "cluster/tasks", [*running, {"type": "qmclone", "upid": "y", "endtime": 1}])
    clock = Clock()
    engine = Fleet(talk, Settings(state=State.PRESENT, task_timeout=30), sleep=clock.sleep, clock=clock)
    with pytest.raises(PveError, match=r"half-finished \(lock: clone\).* run 'qm unlock 101' and 'qm destroy 101' on pve2"):
        engine.plan(desired_guests([plan_row()]))
    assert clock.now == seconds
    assert talk.writes == []


def test_a_write_that_lost_against_somebody_else_is_planned_anew(talk: Conversation) -> None:
    there(talk, row(status="stopped"), configs={101: config(cores=2)})
    talk.expect("put", f"{GUEST}/config", api_error(500, "checksum mismatch (file change by other user?)"), {"cores": 1, "digest": "d1"})
    talk.expect("get", "nodes/pve2/tasks", [], {"vmid": 101, "source": "active"})
    there(talk, row(status="stopped"), configs={101: config(cores=2, memory="4096", digest="d7")})
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.expect("put", f"{GUEST}/config", None, {"cores": 1, "memory": 1024, "digest": "d7"})
    (result,) = converge(talk)
    assert result["changed"]


def test_a_start_whose_answer_was_lost_is_settled_by_looking(talk: Conversation) -> None:
    there(talk, row(status="stopped"))
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.expect("post", f"{GUEST}/status/start", LOST)
    talk.expect("get", "nodes/pve2/tasks", [{"upid": "x", "type": "qmstart"}])
    talk.expect("get", "nodes/pve2/tasks", [{"upid": "x", "type": "qmstart", "endtime": 1}])
    there(talk, row())
    talk.expect("get", f"{GUEST}/status/current", {"status": "running"})
    converge(talk, state=State.STARTED)
    assert talk.writes == [f"POST {GUEST}/status/start"]


# ------------------------------------------------------------------------------- removal


def test_removing_asks_for_confirmation_by_number(talk: Conversation) -> None:
    there(talk, row())
    with pytest.raises(RefusedError, match=r"1 guests would be destroyed \(db-01\) and max_destroys is 0"):
        converge(talk, state=State.ABSENT)
    assert talk.writes == []


def test_a_protected_guest_is_not_removed(talk: Conversation) -> None:
    there(talk, row(), configs={101: config(protection=1)})
    with pytest.raises(RefusedError, match="VM 101 is protected"):
        converge(talk, state=State.ABSENT, max_destroys=1)


def test_removing_looks_at_the_identity_immediately_before(talk: Conversation) -> None:
    there(talk, row(status="stopped"))
    talk.expect("get", f"{GUEST}/status/current", {"status": "stopped"})
    talk.expect("get", f"{GUEST}/pending", listed(config(description="somebody cloned over it")))
    with pytest.raises(FleetError, match="VM 101 is not the guest db-01 any more"):
        converge(talk, state=State.ABSENT, max_destroys=1)
    assert talk.writes == []


def test_removing_forgets_the_host_key_and_removing_again_does_nothing(talk: Conversation, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    known.learn(["10.77.0.103", "db-01"], generate().public)
    there(talk, row())
    talk.task("post", f"{GUEST}/status/stop", "qmstop")
    talk.expect("get", f"{GUEST}/pending", listed(config()))
    talk.task("delete", GUEST, "qmdestroy", values={"purge": 1, "destroy-unreferenced-disks": 0})
    (result,) = converge(talk, known=known, state=State.ABSENT, max_destroys=1)
    assert [step["do"] for step in result["steps"]] == [Do.STOP, Do.DESTROY]
    assert known.lookup("db-01") is None
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    assert not converge(talk, known=known, state=State.ABSENT)[0]["changed"]


# ---------------------------------------------------------------------------------- nodes


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({"pve1": "online"}, "node pve2 (planned for db-01) does not exist; the cluster has pve1"),
        ({"pve1": "online", "pve2": "offline"}, "node pve2 (planned for db-01) is offline"),
    ],
)
def test_a_node_that_cannot_take_a_guest_is_told_before_anything_is_made(talk: Conversation, status: dict[str, str], why: str) -> None:
    """Of a fleet, none is made: not those either whose node is well."""
    talk.always("get", "nodes", [{"node": name, "status": state} for name, state in status.items()])
    talk.expect("get", RESOURCES, [TEMPLATE_ROW])
    talk.expect("get", "nodes/pve1/qemu/9000/pending", listed(TEMPLATE_CONFIG))
    with pytest.raises(RefusedError) as refusal:
        fleet(talk).plan(desired_guests([plan_row(), plan_row("web-01", node="pve1")]))
    assert refusal.value.problems == (why,)
    assert talk.writes == []


def test_a_guest_that_exists_needs_no_node_of_the_plan(talk: Conversation) -> None:
    """HA may have moved it; nobody asks for nodes."""
    there(talk, row(node="pve4"))
    converge(talk, plan_row(node="pve9"))
    assert "nodes" not in [path for _, path, _ in talk.made]
