# SPDX-License-Identifier: GPL-3.0-or-later
"""The module in a process of its own that is killed, or interrupted, while the cluster's tasks take their time."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.pve.fixture import ROOT, MemoryPve, launch, reset, shut

from .test_fleet_faults import DB, WEB, guest
from .world import STRANGER, World

GUESTS = [guest("db-01", DB, 103), guest("web-01", WEB, 102, disks={"scsi0": {"storage": "local-lvm", "size_gib": 6}})]
# A shell's background jobs ignore Ctrl-C, and what they start inherits that.
DIRECTLY = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from ansible_collections.lotse.estate.plugins.modules.pve_fleet import main
main()
"""
DEADLINE = 60.0


@pytest.fixture(scope="module")
def slow_pve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MemoryPve]:
    """A cluster whose clones, moves and starts take a moment."""
    pve = launch(tmp_path_factory.mktemp("slow"), "--time-scale", "0.3")
    yield pve
    shut(pve)


@pytest.fixture
def world(slow_pve: MemoryPve, tmp_path: Path) -> World:
    reset(slow_pve)
    made = World(slow_pve, tmp_path, GUESTS, {"first_vmid": STRANGER - 1, "workers": 2})
    made.add_stranger()
    slow_pve.forget_calls()
    return made


def controller(world: World) -> subprocess.Popen[str]:
    pve = world.pve
    api = {"hosts": [pve.host], "port": pve.port, "token_id": pve.token_id, "token_secret": pve.secret, "ca_file": str(pve.ca_file)}
    options = {
        "api": api, "guests": GUESTS, "wait_for": "agent", "ready_timeout": 20, "workers": 2,
        "ssh": {"known_hosts": str(world.folder / "known_hosts")}, "vmids": {"first": STRANGER - 1},
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", DIRECTLY], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PYTHONPATH": f"{ROOT}/.collections", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
    process.stdin.close()
    process.stdin = None  # communicate() would flush it
    return process


def when_it_has_written(world: World, process: subprocess.Popen[str], writes: int) -> None:
    deadline = time.monotonic() + DEADLINE
    while sum(call.method != "GET" for call in world.pve.calls()) < writes:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def finished(process: subprocess.Popen[str]) -> dict[str, Any]:
    said, complaint = process.communicate(timeout=DEADLINE)
    assert said, complaint
    answer: dict[str, Any] = json.loads(said)
    return answer


@pytest.mark.parametrize("writes", [1, 2, 4, 7, 9])
def test_killed_while_tasks_run(world: World, writes: int) -> None:
    process = controller(world)
    when_it_has_written(world, process, writes)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    answer = finished(controller(world))
    assert "msg" not in answer, answer["msg"]
    assert world.problems() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_interrupted_while_tasks_run(world: World, number: signal.Signals) -> None:
    """Every guest ends the step that it is at; nothing new is begun."""
    process = controller(world)
    when_it_has_written(world, process, 2)
    process.send_signal(number)
    said = finished(process)
    assert process.returncode != 0
    assert "because the run was interrupted" in said["msg"]
    assert [guest["name"] for guest in said["guests"]] == ["db-01", "web-01"]
    locked = [row["name"] for row in world.guests() if row["lock"]]
    assert not locked, "a step that has begun is waited for"
    begun = sum(call.method != "GET" for call in world.pve.calls())
    time.sleep(0.5)
    assert sum(call.method != "GET" for call in world.pve.calls()) == begun
    answer = finished(controller(world))
    assert "msg" not in answer, answer["msg"]
    assert world.problems() == []
