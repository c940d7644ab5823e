# SPDX-License-Identifier: GPL-3.0-or-later
"""Provision for real: what a check says is what a run does, a second run does nothing, and bad input changes nothing."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.refusal import assert_said_why
from tests.lab.crossing import ENTER, ROOT, Crossing
from tests.lab.pve import daemon

pytestmark = pytest.mark.lab

Plan = dict[str, Any]
SECRET = "LOTSE_PVE_TOKEN_SECRET"


@pytest.fixture(scope="module")
def plan(lab: Crossing) -> Plan:
    """The plan of the practice estate, from a survey of its hosts."""
    lab.playbook("survey", capture=True)
    lab.playbook("plan", capture=True)
    loaded: Plan = yaml.safe_load((lab.estate / "plan.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(autouse=True)
def no_faults(lab: Crossing) -> Iterator[None]:
    yield
    (lab.state / "pve-faults.json").unlink(missing_ok=True)


def provision(lab: Crossing, *options: str, inventory: str = "inventories/lab", **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the playbook with JSON on standard output; the environment counts inside the lab, over the lab's own."""
    given = [f"{name}={value}" for name, value in {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", **environment}.items()]
    argv = [str(ENTER), "env", *given, "ansible-playbook", "playbooks/provision.yml", "-i", inventory, *options]
    return subprocess.run(argv, cwd=ROOT, env=lab.environment(), text=True, capture_output=True, check=False, timeout=300)


def result_of(done: subprocess.CompletedProcess[str], task: str) -> dict[str, Any]:
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    tasks = [entry for play in json.loads(done.stdout)["plays"] for entry in play["tasks"]]
    result: dict[str, Any] = next(entry["hosts"]["localhost"] for entry in tasks if entry["task"]["name"] == task)
    return result


def api(lab: Crossing, call: str) -> Any:
    """One call of somebody else's, beside ours."""
    script = (
        "import json, os, proxmoxer\n"
        f"secret, ca = os.environ['{SECRET}'], os.environ['LOTSE_LAB_DIR'] + '/pve-ca.pem'\n"
        "api = proxmoxer.ProxmoxAPI('10.77.0.2', user='lotse@pve', token_name='ci', token_value=secret, verify_ssl=ca)\n"
        f"print(json.dumps(api.{call}))\n"
    )
    argv = [str(ENTER), "python", "-c", script]
    done = subprocess.run(argv, cwd=ROOT, env=lab.environment(), check=True, text=True, capture_output=True, timeout=60)
    return json.loads(done.stdout)


def wait_for_the_list(lab: Crossing, plan: Plan) -> None:
    """The cluster's list lags by some seconds; as long as it does not say that a guest runs, its node is asked too."""
    names = {guest["name"] for guest in plan["guests"]}
    deadline = time.monotonic() + 60
    while not names <= {row["name"] for row in api(lab, "cluster.resources.get(type='vm')") if row["status"] == "running"}:
        assert time.monotonic() < deadline, "the cluster's list does not see the guests run"
        time.sleep(0.5)


def writes(lab: Crossing) -> list[str]:
    """Every call so far that could have changed the cluster."""
    calls = map(json.loads, (lab.state / "pve-calls.jsonl").read_text(encoding="utf-8").splitlines())
    return [f"{call['method']} {call['path']}" for call in calls if call["method"] != "GET"]


def estate_with(folder: Path, plan: Plan, change: Callable[[Plan], object]) -> tuple[str, str]:
    """The option for an estate whose plan was changed."""
    broken: Plan = json.loads(json.dumps(plan))
    change(broken)
    (folder / "plan.yml").write_text(yaml.safe_dump(broken), encoding="utf-8")
    return "-e", f"estate_dir={folder}"


def refused(lab: Crossing, done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed, its error has these words, and neither the cluster nor the estate was touched."""
    assert_said_why(done, *words)
    assert writes(lab) == []
    assert not (lab.estate / "known_hosts").exists()


# ------------------------------------------------------------ bad input, while there is nothing


def test_no_plan(lab: Crossing, plan: Plan, tmp_path: Path) -> None:
    refused(lab, provision(lab, "-e", f"estate_dir={tmp_path}"), f"There is no plan: {tmp_path}/plan.yml is missing")


@pytest.mark.parametrize(
    "change", [lambda plan: plan.update(guests=[]), lambda plan: plan.pop("guests"), lambda plan: plan.update(schema="lotse/plan/9")]
)
def test_a_plan_without_guests_or_of_another_schema(lab: Crossing, plan: Plan, tmp_path: Path, change: Callable[[Plan], object]) -> None:
    refused(lab, provision(lab, *estate_with(tmp_path, plan, change)), "is no plan of schema lotse/plan/2 with at least one guest")


def test_a_wrong_token(lab: Crossing, plan: Plan) -> None:
    done = provision(lab, **{SECRET: "not-the-s3cr3t"})
    refused(lab, done, "the API refuses the token")
    assert done.stderr.count("ERROR") == 1
    assert "not-the-s3cr3t" not in done.stdout + done.stderr


def test_a_wrong_token_where_the_guests_are_not_in_the_inventory(lab: Crossing, plan: Plan) -> None:
    refused(lab, provision(lab, inventory="inventories/lab/hosts.yml", **{SECRET: "not-the-s3cr3t"}), "the API refuses the token")


def test_an_unknown_node(lab: Crossing, plan: Plan, tmp_path: Path) -> None:
    options = estate_with(tmp_path, plan, lambda broken: broken["guests"][0].update(node="pve9"))
    refused(lab, provision(lab, *options), "node pve9 (planned for edge-01) does not exist; the cluster has pve1, pve2, pve3, pve4")


def test_a_full_storage(lab: Crossing, plan: Plan) -> None:
    (lab.state / "pve-faults.json").write_text(json.dumps({"storage_full": ["shared"]}), encoding="utf-8")
    refused(lab, provision(lab), "storage shared is too full: the plan needs", "0 GiB are free")


def test_an_address_that_is_already_in_use(lab: Crossing, plan: Plan, tmp_path: Path) -> None:
    """A guest must not get the address of a server that is still there."""
    options = estate_with(tmp_path, plan, lambda broken: broken["guests"][2].update(address="10.77.0.13/24"))
    refused(lab, provision(lab, *options), "address 10.77.0.13 is already in use: port 22 is open")


def test_an_api_that_does_not_answer(lab: Crossing, plan: Plan) -> None:
    daemon.stop(lab.lab)
    try:
        refused(lab, provision(lab), "the Proxmox VE API at 10.77.0.2:8006 does not answer")
    finally:
        daemon.start(lab.lab)


# ------------------------------------------------------------------------------- the run


def test_a_run_does_exactly_what_the_check_showed_and_a_second_one_nothing(lab: Crossing, plan: Plan) -> None:
    told = result_of(provision(lab, "--check", "--diff"), "Converge all guests")
    assert told["changed"]
    assert writes(lab) == []
    assert not (lab.estate / "known_hosts").exists()

    done = result_of(provision(lab, "--diff"), "Converge all guests")
    assert done["diff"] == told["diff"]
    assert [guest["steps"] for guest in done["guests"]] == [guest["steps"] for guest in told["guests"]]
    assert [guest["name"] for guest in done["guests"]] == [guest["name"] for guest in plan["guests"]]

    wait_for_the_list(lab, plan)
    before = writes(lab)
    for options in (("--diff",), ("--check", "--diff")):
        again = provision(lab, *options)
        assert json.loads(again.stdout)["stats"]["localhost"]["changed"] == 0
        assert result_of(again, "Converge all guests")["api_calls"] == 1 + len(plan["guests"])
    assert writes(lab) == before, "a second run asks and writes nothing"


def test_guests_are_in_the_inventory_and_reached_by_their_known_keys(lab: Crossing, plan: Plan) -> None:
    look = "hostname; ip -brief -4 -color=never address show scope global"
    argv = [str(ENTER), "ansible", "guests", "-i", "inventories/lab", "-m", "ansible.builtin.raw", "-a", look]
    done = subprocess.run(argv, cwd=ROOT, env=lab.environment(), text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    for guest in plan["guests"]:
        assert guest["name"] in done.stdout
        assert guest["address"] in done.stdout


def test_a_guest_that_is_off_is_started_and_nothing_else(lab: Crossing, plan: Plan) -> None:
    guest = plan["guests"][-1]
    state = json.loads((lab.state / "pve-state.json").read_text(encoding="utf-8"))
    vmid = next(entry["vmid"] for entry in state["guests"] if entry["name"] == guest["name"])
    # Its task is not waited for, so the cluster's list still says that the guest runs.
    api(lab, f"nodes('{guest['node']}').qemu({vmid}).status.stop.post()")
    result = result_of(provision(lab), "Converge all guests")
    changed = {entry["name"]: [step["do"] for step in entry["steps"]] for entry in result["guests"] if entry["changed"]}
    assert changed == {guest["name"]: ["start"]}
