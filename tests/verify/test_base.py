# SPDX-License-Identifier: GPL-3.0-or-later
"""Every guest: the base that the plan asked for."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from conftest import Estate


@pytest.mark.control(
    id="base-system", title="The guest runs Debian 13 and systemd finished starting without a failed unit", severity="critical"
)
def test_system(estate: Estate, guest: dict[str, Any]) -> None:
    host = estate.connect(guest["name"])
    assert (host.system_info.distribution, host.system_info.release.split(".")[0]) == ("debian", "13")
    failed = host.check_output("systemctl list-units --state=failed --plain --no-legend")
    assert failed == "", f"failed units: {failed}"


@pytest.mark.control(id="base-time-zone", title="The guest's time zone is the planned one", severity="warning")
def test_time_zone(estate: Estate, guest: dict[str, Any]) -> None:
    wanted = guest["settings"].get("base_time_zone", "Etc/UTC")
    found = estate.connect(guest["name"]).check_output("readlink -f /etc/localtime").removeprefix("/usr/share/zoneinfo/")
    assert {found, wanted} <= {"UTC", "Etc/UTC"} or found == wanted


@pytest.mark.control(id="base-users", title="Users carry their old numeric ids", severity="critical")
def test_users(estate: Estate, guest: dict[str, Any]) -> None:
    host = estate.connect(guest["name"])
    for user in guest["settings"].get("base_users", []):
        assert (host.user(user["name"]).uid, host.user(user["name"]).gid) == (user["uid"], user["gid"]), user["name"]


@pytest.mark.control(id="base-ssh", title="The guest's ssh host key is the one that was made for it beforehand", severity="critical")
def test_host_key(estate: Estate, guest: dict[str, Any]) -> None:
    key = estate.connect(guest["name"]).file("/etc/ssh/ssh_host_ed25519_key.pub").content_string.split()[1]
    known = (estate.directory / "known_hosts").read_text(encoding="utf-8")
    assert key in known


@pytest.mark.control(id="base-kernel", title="Kernel parameters that people had set run on the guest", severity="warning")
def test_kernel_parameters(estate: Estate, guest: dict[str, Any]) -> None:
    host = estate.connect(guest["name"])
    wanted = guest["settings"].get("base_sysctl", {})
    found = {name: " ".join(host.check_output(f"sysctl -n {shlex.quote(name)}").split()) for name in wanted}
    assert found == {name: str(value) for name, value in wanted.items()}


@pytest.mark.control(id="base-units", title="Units give their services what the old ones gave", severity="warning")
def test_units(estate: Estate, guest: dict[str, Any]) -> None:
    host = estate.connect(guest["name"])
    for unit, settings in guest["settings"].get("base_units", {}).items():
        shown = host.check_output(f"systemctl show {shlex.quote(unit)} {' '.join('-p ' + name for name in settings)}").splitlines()
        found = dict(line.split("=", 1) for line in shown)
        for name, value in settings.items():
            assert value in found.get(name, "").split(), f"{unit}: {name} is {found.get(name)}, not {value}"
