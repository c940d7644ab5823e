# SPDX-License-Identifier: GPL-3.0-or-later
"""The process: what outlives it, and tasks that take time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.lab.pve.fixture import launch, shut

from .helpers import ended, started


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_guests_survive_a_restart(tmp_path: Path) -> None:
    first = launch(tmp_path)
    try:
        api = first.proxmoxer()
        started(api)
        upid = api.nodes("pve2").qemu(101).resize.put(disk="scsi0", size="+1G")
        config = api.nodes("pve2").qemu(101).config.get()
    finally:
        first.process.kill()  # no chance to say goodbye
        first.process.wait()
    second = launch(tmp_path, secret=first.secret)
    try:
        api = second.proxmoxer()
        assert api.nodes("pve2").qemu(101).config.get() == config
        assert api.nodes("pve2").qemu(101).status.current.get()["status"] == "running"
        assert ended(api, upid) == "OK"
        assert second.ca_file.read_text() == first.ca_file.read_text()
    finally:
        shut(second)


def test_a_clone_that_takes_time_is_locked_and_can_be_stopped(tmp_path: Path) -> None:
    pve = launch(tmp_path, "--time-scale", "3")  # a clone takes about a second
    try:
        api = pve.proxmoxer()
        given = {"newid": 101, "name": "web-01", "pool": "community", "full": 1, "target": "pve2"}
        upid = api.nodes("pve1").qemu(9000).clone.post(**given)
        assert api.nodes("pve1").tasks(upid).status.get()["status"] == "running"
        half_made = api.nodes("pve1").qemu(101).config.get()
        assert set(half_made) == {"lock", "digest"}
        assert "lock" not in api.nodes("pve1").qemu(9000).config.get()
        seen = {row["vmid"]: row["status"] for row in api.cluster.resources.get(type="vm")}
        assert seen == {9000: "stopped", 101: "unknown"}
        api.nodes("pve1").tasks(upid).delete()
        until(lambda: api.nodes("pve1").tasks(upid).status.get()["status"] == "stopped")
        assert ended(api, upid) == "clone failed: interrupted by signal"
        assert [row["vmid"] for row in api.cluster.resources.get(type="vm")] == [9000]
    finally:
        shut(pve)
