# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as Ansible runs them, against the lab's API in memory: idempotent, change, check and error, and cluster faults."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import fleet_spec, guest_spec

from tests.lab.pve.fixture import MemoryPve

from .conversation import plan_row
from .test_pve_adapter import dropping, free_port

Result = dict[str, Any]
Run = Callable[..., Result]
GUESTS = [plan_row("db-01"), plan_row("web-01", node="pve3", tags=["role-web_php"])]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexampleexampleexampleexampleexampleexam operator"


@pytest.fixture
def run(memory_pve: MemoryPve, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a module's main() and returns its JSON; no answer may contain the token's secret or a private key."""

    def one(name: str, /, *, check: bool = False, api: Result | None = None, **options: Any) -> Result:
        module = importlib.import_module(f"ansible_collections.lotse.estate.plugins.modules.{name}")
        access = {
            "hosts": [memory_pve.host], "port": memory_pve.port, "token_id": memory_pve.token_id, "token_secret": memory_pve.secret,
            "ca_file": str(memory_pve.ca_file), **(api or {}),
        }  # fmt: skip
        capsys.readouterr()
        with patch_module_args({"api": access, **options, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            module.main()
        said = capsys.readouterr().out
        assert access["token_secret"] not in said
        assert "PRIVATE KEY" not in said
        answer: Result = json.loads(said)
        return answer

    return one


def fleet(run: Run, folder: Path, guests: list[Result] | None = None, **options: Any) -> Result:
    ssh = {"public_keys": [KEY], "known_hosts": str(folder / "known_hosts")}
    return run("pve_fleet", guests=guests or GUESTS, ssh=ssh, wait_for="agent", **options)


def steps(result: Result) -> dict[str, list[Result]]:
    return {guest["name"]: guest["steps"] for guest in result["guests"]}


def writes(pve: MemoryPve) -> list[str]:
    return [f"{call.method} {call.path}" for call in pve.calls() if call.method != "GET"]


# --------------------------------------------------------------------- the quartet


def test_check_then_change_then_nothing(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    told = fleet(run, tmp_path, check=True)
    assert told["changed"]
    assert writes(memory_pve) == []
    assert not (tmp_path / "known_hosts").exists()

    done = fleet(run, tmp_path)
    assert done["changed"]
    assert steps(done) == steps(told), "a run does what the check said, step by step and value by value"
    assert done["diff"] == told["diff"]
    assert [step["do"] for step in steps(done)["db-01"]] == ["clone", "config", "resize", "start", "host_key"]
    assert {guest["name"]: guest["vmid"] for guest in done["guests"]} == {"db-01": 100, "web-01": 101}
    known = (tmp_path / "known_hosts").read_text()
    assert known.count("ssh-ed25519") == 2
    assert "10.77.0.103,db-01 " in known

    memory_pve.forget_calls()
    again = fleet(run, tmp_path)
    assert not again["changed"]
    assert again["diff"] == []
    assert again["api_calls"] == len(memory_pve.calls()) == 1 + len(GUESTS)
    assert (tmp_path / "known_hosts").read_text() == known


def test_a_change_of_one_guest_costs_its_write_only(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    fleet(run, tmp_path)
    memory_pve.forget_calls()
    result = fleet(run, tmp_path, [{**GUESTS[0], "cores": 2}, GUESTS[1]])
    assert [guest["changed"] for guest in result["guests"]] == [True, False]
    assert writes(memory_pve) == ["PUT /nodes/pve2/qemu/100/config"]
    assert result["guests"][0]["pending"] == ["cores"], "a running guest gets its new cores with its next start"
    assert not fleet(run, tmp_path, [{**GUESTS[0], "cores": 2}, GUESTS[1]])["changed"]


def test_a_lost_file_of_known_hosts_is_written_again_from_the_descriptions(run: Run, tmp_path: Path) -> None:
    fleet(run, tmp_path)
    known = (tmp_path / "known_hosts").read_text()
    (tmp_path / "known_hosts").unlink()
    result = fleet(run, tmp_path)
    assert [[step["do"] for step in found] for found in steps(result).values()] == [["host_key"]] * 2
    assert (tmp_path / "known_hosts").read_text() == known


def test_a_fleet_goes_away_again_and_only_as_many_as_was_said(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    fleet(run, tmp_path)
    refused = fleet(run, tmp_path, state="absent", max_destroys=1)
    assert refused["failed"]
    assert "2 guests would be destroyed (db-01, web-01) and max_destroys is 1" in refused["msg"]
    gone = fleet(run, tmp_path, state="absent", max_destroys=2)
    assert [[step["do"] for step in found] for found in steps(gone).values()] == [["stop", "destroy"]] * 2
    assert [guest["name"] for guest in memory_pve.state()["guests"]] == ["debian-13"]
    assert not fleet(run, tmp_path, state="absent", max_destroys=2)["changed"]


def test_preflight_proves_and_writes_nothing(run: Run, memory_pve: MemoryPve) -> None:
    result = run("pve_preflight", guests=GUESTS, probe_addresses=False)
    assert (result["changed"], result["proven"]["missing"]) == (False, ["db-01", "web-01"])
    assert result["api_calls"] == len(memory_pve.calls())
    assert writes(memory_pve) == []


def test_info_costs_two_calls_and_one_for_each_node(run: Run, memory_pve: MemoryPve) -> None:
    result = run("pve_info")
    assert [node["name"] for node in result["cluster"]["nodes"]] == ["pve1", "pve2", "pve3", "pve4"]
    assert result["cluster"]["templates"] == [{"name": "debian-13", "vmid": 9000, "node": "pve1"}]
    assert result["api_calls"] == len(memory_pve.calls()) == 2 + 4


# ----------------------------------------------------------------------- one guest


def one_guest(run: Run, folder: Path, **options: Any) -> Result:
    ssh = {"public_keys": [KEY], "known_hosts": str(folder / "known_hosts")}
    return run("pve_guest", ssh=ssh, wait_for="agent", **{**plan_row("db-01"), **options})


def test_one_guest_is_checked_changed_left_alone_and_removed(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    told = one_guest(run, tmp_path, check=True)
    assert writes(memory_pve) == []
    done = one_guest(run, tmp_path)
    assert done["guest"]["steps"] == told["guest"]["steps"]
    assert (done["changed"], done["guest"]["vmid"], done["guest"]["addresses"]) == (True, 100, ["10.77.0.103"])
    memory_pve.forget_calls()
    again = one_guest(run, tmp_path)
    assert (again["changed"], again["diff"], again["api_calls"]) == (False, [], 2)
    gone = one_guest(run, tmp_path, state="absent")
    assert [step["do"] for step in gone["guest"]["steps"]] == ["stop", "destroy"]
    assert not one_guest(run, tmp_path, state="absent")["changed"]


def test_one_guest_that_fails_says_how_far_it_came(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    memory_pve.faults(tasks=[{"type": "qmstart", "message": "no space left", "times": 1}])
    failed = one_guest(run, tmp_path)
    assert failed["failed"]
    assert "no space left" in failed["msg"]
    assert [step["do"] for step in failed["guest"]["steps"]] == ["clone", "config", "resize"]
    assert "no space left" in failed["guest"]["error"]


def test_what_one_guest_and_a_fleet_take_is_the_same() -> None:
    """The documentation of both comes from the same fragments, and their options from the same specification."""
    guest, fleet_options = guest_spec(), fleet_spec()
    row = fleet_options["guests"]["options"]
    assert {option for option in row if option != "state"} <= set(guest)
    assert all(guest[option] == row[option] for option in row if option != "state")
    assert set(guest) - set(row) <= set(fleet_options)


# ---------------------------------------------------------------------- bad input


@pytest.mark.parametrize("module", ["pve_fleet", "pve_preflight", "pve_info"])
def test_a_wrong_token(run: Run, memory_pve: MemoryPve, module: str) -> None:
    given = {} if module == "pve_info" else {"guests": GUESTS}
    result = run(module, api={"token_secret": "not-the-s3cr3t"}, **given)
    assert result["failed"]
    assert "the API refuses the token" in result["msg"]
    assert writes(memory_pve) == []


@pytest.mark.parametrize("module", ["pve_fleet", "pve_preflight", "pve_info"])
def test_an_api_that_does_not_answer(run: Run, module: str) -> None:
    given = {} if module == "pve_info" else {"guests": GUESTS}
    assert "does not answer" in run(module, api={"port": free_port()}, **given)["msg"]


def test_all_that_is_wrong_with_a_plan_is_one_error(run: Run, memory_pve: MemoryPve) -> None:
    memory_pve.faults(storage_full=["shared"])
    guests = [plan_row("db-01", node="pve9"), plan_row("web-01", nics={"net0": {"bridge": "vmbr7"}}, template="debian-99")]
    message = run("pve_preflight", guests=guests, probe_addresses=False)["msg"]
    assert message.startswith("4 problems:")
    for wanted in (
        "node pve9 (planned for db-01) does not exist",
        "there is no template debian-99",
        "storage shared is too full: the plan needs 8 GiB, 0 GiB are free",
        "has no bridge vmbr7",
    ):
        assert wanted in message
    assert writes(memory_pve) == []


def test_a_stranger_with_the_address_or_the_name(run: Run, memory_pve: MemoryPve) -> None:
    api = memory_pve.proxmoxer()
    api.nodes("pve1").qemu(9000).clone.post(newid=500, name="somebody", full=1, pool="community")
    while "lock" in api.nodes("pve1").qemu(500).config.get():
        pass
    api.nodes("pve1").qemu(500).config.put(ipconfig0="ip=10.77.0.103/24")
    assert "address 10.77.0.103 is already that of VM 500 (somebody) on pve1" in run("pve_preflight", guests=GUESTS, probe_addresses=False)["msg"]
    api.nodes("pve1").qemu(500).config.put(name="db-01")
    memory_pve.forget_calls()
    assert "VM 500 on pve1 has this name and is not ours" in run("pve_fleet", guests=GUESTS)["msg"]
    assert writes(memory_pve) == []


def test_no_guests_and_nonsense(run: Run, memory_pve: MemoryPve) -> None:
    assert run("pve_fleet", guests=[])["msg"] == "the list of guests is empty"
    assert "badly formed hexadecimal UUID" in run("pve_fleet", guests=[plan_row(uuid="7")])["msg"]
    assert memory_pve.calls() == []


# -------------------------------------------------------------------------- faults


def test_trouble_of_every_kind_on_the_way_is_overcome(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    """A clone that is refused once, a lock that is held for a while, a start whose answer is lost: one run, no second guest."""
    clone = "/nodes/pve1/qemu/9000/clone"
    memory_pve.faults(
        calls=[
            {"method": "POST", "path": clone, "status": 503, "message": "service unavailable", "times": 1},
            {"method": "PUT", "path": "/nodes/pve2/qemu/100/config", "status": 500, "message": "can't lock file '/x' - got timeout", "times": 1},
            {"method": "POST", "path": "/nodes/pve3/qemu/101/status/start", "status": 502, "message": "bad gateway", "times": 1},
        ]
    )
    result = fleet(run, tmp_path)
    assert result["changed"]
    assert sorted(guest["name"] for guest in memory_pve.state()["guests"]) == ["db-01", "debian-13", "web-01"]
    memory_pve.faults()
    assert not fleet(run, tmp_path)["changed"]


def test_a_failed_clone_names_the_task_and_the_next_run_goes_on(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    memory_pve.faults(tasks=[{"type": "qmclone", "message": "storage is gone", "times": 1}])
    failed = fleet(run, tmp_path, workers=1)
    assert failed["failed"]
    assert "clone failed: storage is gone" in failed["msg"]
    assert [guest.get("vmid") for guest in failed["guests"]] == [None, None]
    memory_pve.faults()
    assert fleet(run, tmp_path)["changed"]
    assert not fleet(run, tmp_path)["changed"]


def test_a_guest_whose_agent_never_answers_is_named_with_its_rung(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    memory_pve.faults(agent_down=[100])
    failed = fleet(run, tmp_path, GUESTS[:1], ready_timeout=0.5)
    assert "db-01: not ready: rung 'agent'" in failed["msg"]
    assert "done before: clone db-01" in failed["msg"]
    assert "10.77.0.103" not in (tmp_path / "known_hosts").read_text() if (tmp_path / "known_hosts").exists() else True
    memory_pve.faults()
    assert [step["do"] for step in steps(fleet(run, tmp_path, GUESTS[:1]))["db-01"]] == ["host_key"], "the next run only finishes what was left"


def test_a_locked_guest_is_left_alone(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    fleet(run, tmp_path, GUESTS[:1])
    memory_pve.faults(locked={"100": "backup"})
    memory_pve.forget_calls()
    assert "VM 100 is locked (backup): wait until that is over" in fleet(run, tmp_path, [{**GUESTS[0], "cores": 2}])["msg"]
    assert writes(memory_pve) == []
    assert not fleet(run, tmp_path, GUESTS[:1])["changed"], "a guest that needs nothing may be backed up meanwhile"


def test_a_node_that_is_off_is_an_error_not_an_absence(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    fleet(run, tmp_path)
    memory_pve.faults(nodes_offline=["pve3"])
    memory_pve.forget_calls()
    failed = run("pve_preflight", guests=GUESTS, probe_addresses=False)
    assert failed["msg"] == "guest web-01: VM 101 is on node pve3, which is not online"
    assert writes(memory_pve) == []


def test_connections_that_break_do_not_break_the_run(run: Run, memory_pve: MemoryPve, tmp_path: Path) -> None:
    with dropping(memory_pve, 5, after=2000) as port:
        ssh = {"known_hosts": str(tmp_path / "known_hosts")}
        result = run("pve_fleet", guests=GUESTS[:1], ssh=ssh, wait_for="agent", api={"port": port})
        assert result.get("changed"), result.get("msg")
    assert sorted(guest["name"] for guest in memory_pve.state()["guests"]) == ["db-01", "debian-13"]
