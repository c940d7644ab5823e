# SPDX-License-Identifier: GPL-3.0-or-later
"""A forward that is kept over reboots, and forgotten without a trace; by a real shell, with a stand-in for systemctl."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct import forward, lasting


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "bin").mkdir()
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(lasting, "FOLDER", str(tmp_path / "etc"))
    monkeypatch.setattr(lasting, "UNITS", str(tmp_path / "units"))
    return tmp_path


def run(host: Path, script: str, *, systemd: bool = True) -> str:
    """Gives what systemctl was asked for."""
    if systemd:
        (host / "bin" / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {host}/asked\n')
        (host / "bin" / "systemctl").chmod(0o755)
    for program in ("sh", "cat", "mkdir", "rm", "rmdir", "sync"):
        if not (host / "bin" / program).exists():
            (host / "bin" / program).symlink_to(f"/bin/{program}")
    subprocess.run(["/bin/sh", "-c", script], env={**os.environ, "PATH": str(host / "bin")}, check=True, timeout=20)
    return (host / "asked").read_text() if (host / "asked").exists() else ""


def test_the_unit_runs_the_same_script_before_the_service(host: Path) -> None:
    asked = run(host, lasting.keep(6379, "10.77.0.104"))
    assert (host / "etc" / "lotse-forward-6379.sh").read_text() == forward.start(6379, "10.77.0.104") + "\n"
    unit = (host / "units" / "lotse-forward-6379.service").read_text()
    assert "Before=mariadb.service mysql.service redis-server.service" in unit
    assert f"ExecStart=/bin/sh {host}/etc/lotse-forward-6379.sh" in unit
    assert "--quiet enable lotse-forward-6379.service" in asked


def test_forgetting_leaves_no_trace_and_does_not_touch_other_ports(host: Path) -> None:
    run(host, lasting.keep(6379, "10.77.0.104"))
    run(host, lasting.keep(3306, "10.77.0.103"))
    assert "disable lotse-forward-6379.service" in run(host, lasting.forget(6379))
    assert [path.name for path in (host / "units").iterdir()] == ["lotse-forward-3306.service"]
    run(host, lasting.forget(3306))
    run(host, lasting.forget(3306))  # there is nothing any more
    assert not (host / "etc").exists()
    assert not list((host / "units").iterdir())


def test_a_host_without_systemd_is_left_as_it_is(host: Path) -> None:
    assert run(host, lasting.keep(6379, "10.77.0.104"), systemd=False) == ""
    assert not (host / "etc").exists()
