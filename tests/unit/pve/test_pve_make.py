# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests made from nothing: whose a VMID is while it carries no mark yet, and never two guests for one name."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._pve.apply import Hand
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, State, Step
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import ApiUnreachableError, PveError, RefusedError, api_error
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import DesiredGuest, desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.ha import HaView, HaWriter
from ansible_collections.lotse.estate.plugins.module_utils._pve.limits import Gates, Halt, Vmids
from ansible_collections.lotse.estate.plugins.module_utils._pve.make import Maker

from .conversation import UUIDS, Clock, Conversation, config, listed, plan_row, row

CREATE = "nodes/pve2/qemu"
LIST = "cluster/resources"
LOST = ApiUnreachableError("the Proxmox VE API at pve1:8006 does not answer: connection reset", sent=True)
TAKEN = api_error(500, "unable to create VM 100 - VM 100 already exists on node 'pve2'")
STEP = Step(
    Do.CREATE, "create db-01", "destroy it", {"node": "pve2", "pool": "community", "config": {"name": "db-01", "cores": 2, "scsi0": "shared:8"}}
)  # fmt: skip


def maker(talk: Conversation, first: int = 100) -> Maker:
    clock = Clock()
    gates = Gates({"node": 1, "storage": 1, "template": 1})
    hand = Hand(talk, DesiredGuest("db-01", UUIDS["db-01"], "pve2"), gates, Halt(), 60, 30, HaWriter(talk, HaView()), clock.sleep, clock)
    return Maker(hand, Vmids(first, 199, frozenset()))


def unfinished(talk: Conversation, vmid: int = 100, times: int = 1) -> None:
    """The list and the file of a VM whose creation has only begun."""
    for _ in range(times):
        talk.expect("get", LIST, [row("VM 100", vmid, status="stopped", lock="create", tags="", pool=None)])
        talk.expect("get", f"nodes/pve2/qemu/{vmid}/pending", listed({"lock": "create", "digest": "h"}))


def test_a_guest_is_created_with_its_mark_and_its_pool(talk: Conversation) -> None:
    talk.task("post", CREATE, "qmcreate", vmid=100, values={
        "name": "db-01", "cores": 2, "scsi0": "shared:8", "pool": "community", "vmid": 100,
        "description": f"lotse-guest: {UUIDS['db-01']}\nlotse-host-key: SHA256:abc\n",
    })  # fmt: skip
    talk.expect("get", "nodes/pve2/qemu/100/pending", listed(config()))
    guest = maker(talk).make(STEP, "SHA256:abc", 100)
    assert (guest.vmid, guest.node, guest.status, guest.pool) == (100, "pve2", "stopped", "community")


def test_a_creation_whose_answer_was_lost_is_waited_for_before_it_is_sent_again(talk: Conversation) -> None:
    """Until it is done its file carries no mark: it could be anybody's."""
    talk.expect("post", CREATE, LOST)
    unfinished(talk)
    for content in ({"lock": "create", "digest": "h"}, config()):
        talk.expect("get", LIST, [row(vmid=100, status="stopped")])
        talk.expect("get", "nodes/pve2/qemu/100/pending", listed(content))
        talk.expect("get", "nodes/pve2/qemu/100/status/current", {"status": "stopped"})
    talk.expect("get", "cluster/tasks", [{"type": "qmcreate", "id": "100", "upid": "x"}])
    assert maker(talk).make(STEP, None, 100).vmid == 100
    assert len(talk.writes) == 1


def test_a_vmid_under_which_a_stranger_creates_is_left_to_it(talk: Conversation) -> None:
    talk.expect("post", CREATE, TAKEN)
    unfinished(talk)
    talk.expect("get", LIST, [row("shop", 100, status="stopped")])
    talk.expect("get", "nodes/pve2/qemu/100/pending", listed({"name": "shop", "digest": "h"}))
    talk.expect("get", "nodes/pve2/qemu/100/status/current", {"status": "stopped"})
    talk.task("post", CREATE, "qmcreate", vmid=101)
    talk.expect("get", "nodes/pve2/qemu/101/pending", listed(config()))
    assert maker(talk).make(STEP, None, 100).vmid == 101


def test_a_creation_that_failed_is_told_with_its_log(talk: Conversation) -> None:
    talk.task("post", CREATE, "qmcreate", vmid=100, status="unable to create VM 100 - no space left on device")
    with pytest.raises(PveError, match="no space left on device"):
        maker(talk).make(STEP, None, 100)


# ------------------------------------------------------------------- the next run


def plan(talk: Conversation, **settings: Any) -> Any:
    clock = Clock()
    engine = Fleet(talk, Settings(state=State.PRESENT, workers=1, task_timeout=30, **settings), sleep=clock.sleep, clock=clock)
    return engine.plan(desired_guests([plan_row()]))


def test_a_run_after_a_dead_controller_waits_for_what_that_one_created(talk: Conversation) -> None:
    unfinished(talk)
    talk.expect("get", "cluster/tasks", [{"type": "qmcreate", "id": "100", "upid": "x"}, {"type": "qmcreate", "id": "7", "endtime": 1}])
    talk.expect("get", "cluster/tasks", [{"type": "qmcreate", "id": "100", "upid": "x", "endtime": 2}])
    talk.expect("get", LIST, [row(vmid=100, status="stopped")])
    talk.expect("get", "nodes/pve2/qemu/100/pending", listed(config()))
    (found,) = plan(talk)
    assert (found.observed.vmid, found.steps) == (100, ())


def test_a_creation_that_never_ends_is_an_error_and_not_a_second_guest(talk: Conversation) -> None:
    unfinished(talk)
    talk.always("get", "cluster/tasks", [{"type": "qmcreate", "id": "100", "upid": "x"}])
    with pytest.raises(PveError, match="VM 100 is being created for more than 30 s"):
        plan(talk)
    assert talk.writes == []


# ----------------------------------------------------------------------- adoption


def adopting(talk: Conversation, vmid: int = 143, **changes: Any) -> Any:
    given = {"name": "db-01", "description": "made by hand", "tags": None, **changes}
    full = {**config(), **given}
    talk.expect("get", LIST, [row(vmid=143, tags="")])
    talk.expect("get", "nodes/pve2/qemu/143/pending", listed({key: value for key, value in full.items() if value is not None}))
    clock = Clock()
    return Fleet(talk, Settings(state=State.PRESENT, workers=1), sleep=clock.sleep, clock=clock).plan(desired_guests([plan_row(adopt=vmid)]))


def test_a_guest_without_a_mark_is_taken_over_by_its_vmid(talk: Conversation) -> None:
    (found,) = adopting(talk)
    assert found.observed.vmid == 143


@pytest.mark.parametrize(
    ("vmid", "changes", "problem"),
    [
        (144, {}, "VM 143 on pve2 has this name and is not ours"),
        (143, {"description": f"lotse-guest: {UUIDS['web-01']}\n"}, "VM 143 on pve2 has this name and is not ours"),
        (143, {"name": "shop"}, "there is no VM 143 of this name without a mark to adopt"),
        (144, {"description": f"lotse-guest: {UUIDS['db-01']}\n"}, "it is VM 143 already, and adopt says 144"),
    ],
)
def test_nobody_else_is_taken_over(talk: Conversation, vmid: int, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        adopting(talk, vmid, **changes)
    assert talk.writes == []
