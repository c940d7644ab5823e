# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input: one clear error before anything was changed. What the Proxmox API refuses is in test_lab_provision.py."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.refusal import assert_said_why
from tests.lab.crossing import ENTER, ROOT, Crossing

pytestmark = pytest.mark.lab


def run(lab: Crossing, playbook: str, *inventories: str, **environment: str) -> subprocess.CompletedProcess[str]:
    options = [word for inventory in inventories for word in ("-i", inventory)]
    argv = [str(ENTER), "ansible-playbook", f"playbooks/{playbook}.yml", *options]
    return subprocess.run(argv, cwd=ROOT, env=lab.environment(**environment), text=True, capture_output=True, check=False, timeout=180)


def assert_refused(lab: Crossing, done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed, said why, and neither a guest nor a plan nor a journal came of it."""
    assert_said_why(done, *words)
    assert not (lab.estate / "plan.yml").exists()
    assert not [path for path in (lab.estate / "journal").glob("*.jsonl") if path.stem != "phases"]
    assert not [path for path in (lab.state / "machines").iterdir() if path.name.endswith("-01")]


@pytest.fixture(autouse=True)
def clean(lab: Crossing) -> Iterator[None]:
    for path in (lab.estate / "survey").glob("*.json"):
        path.unlink()
    yield


def inventory(folder: Path, text: str) -> str:
    path = folder / "hosts.yml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_no_inventory(lab: Crossing) -> None:
    assert_refused(lab, run(lab, "site", "inventories/nowhere"), "inventories/nowhere")


@pytest.mark.parametrize("playbook", ["survey", "plan", "site"])
def test_an_empty_group(lab: Crossing, tmp_path: Path, playbook: str) -> None:
    text = f"all: {{children: {{legacy: {{}}}}, vars: {{estate_dir: {lab.estate}}}}}\n"
    assert_refused(lab, run(lab, playbook, inventory(tmp_path, text)), "no hosts in the group legacy")


def test_an_unreachable_legacy_host_stops_the_crossing_and_is_named(lab: Crossing, tmp_path: Path) -> None:
    ghost = inventory(tmp_path, "all: {children: {legacy: {hosts: {ghost1: {ansible_host: 10.77.0.99}}}}}\n")
    assert_refused(lab, run(lab, "site", "inventories/lab", ghost), "Not surveyed: ghost1", "Unreachable is not absent")


def test_a_legacy_host_with_another_host_key_is_not_connected_to(lab: Crossing) -> None:
    known = lab.state / "ssh" / "known_hosts"
    kept = known.read_text(encoding="utf-8")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in kept.splitlines()}
    swapped = {**lines, "10.77.0.13": lines["10.77.0.12"]}
    known.write_text("".join(f"{address} {key}\n" for address, key in swapped.items()), encoding="utf-8")
    try:
        # Without a kept connection from another test, whose key was proven before.
        done = run(lab, "survey", "inventories/lab", ANSIBLE_SSH_ARGS="-o ControlMaster=no -o ControlPath=none")
    finally:
        known.write_text(kept, encoding="utf-8")
    assert_refused(lab, done, "Not surveyed: db1")


def test_a_plan_without_a_survey(lab: Crossing) -> None:
    assert_refused(lab, run(lab, "plan", "inventories/lab"), "Not surveyed: cache1, db1, edge1, web1", "Run the playbook survey first")


@pytest.mark.parametrize("playbook", ["provision", "configure", "migrate", "rollback"])
def test_nothing_is_done_without_a_plan(lab: Crossing, playbook: str) -> None:
    assert_refused(lab, run(lab, playbook, "inventories/lab"), "plan")
