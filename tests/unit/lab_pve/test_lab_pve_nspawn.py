# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver's half of a real guest: specs, readiness, files and programs, on machines that are this computer."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.lab.lab import LabError
from tests.lab.pve.driver import GuestError, GuestSpec
from tests.lab.pve.nspawn import NspawnDriver


class ThisComputer:
    """Machines whose inside is this computer's; systemd answers what the test says."""

    def __init__(self) -> None:
        self.booted: dict[str, Any] = {}
        self.state = "starting"
        self.asked = 0

    def boot(self, spec: Any) -> None:
        if spec.name == "broken":
            raise LabError("init did not come up")
        self.booted[spec.name] = spec

    def stop(self, name: str, timeout: float = 20) -> None:
        self.booted.pop(name, None)

    def remove(self, name: str) -> None:
        self.booted.pop(name, None)

    def running(self) -> dict[str, int]:
        return dict.fromkeys(self.booted, 4242)

    def run(self, name: str, argv: Sequence[str], input: bytes | None = None, timeout: float = 30) -> subprocess.CompletedProcess[bytes]:  # noqa: A002
        if argv[0] == "systemctl":
            self.asked += 1
            return subprocess.CompletedProcess(argv, 0, f"{self.state}\n".encode(), b"")
        return subprocess.run(argv, input=input, capture_output=True, timeout=timeout, check=False)


SPEC = GuestSpec("web-01", "web-01", "10.77.0.102/24", "10.77.0.1", ("ssh-ed25519 AAAA lab",), 1024)


@pytest.fixture
def machines() -> ThisComputer:
    return ThisComputer()


@pytest.fixture
def driver(machines: ThisComputer) -> NspawnDriver:
    made = NspawnDriver(machines, SimpleNamespace)
    made.boot(SPEC)
    return made


def test_a_guest_becomes_a_machine(machines: ThisComputer, driver: NspawnDriver) -> None:
    assert vars(machines.booted["web-01"]) == {
        "name": "web-01", "image": "guest", "address": "10.77.0.102/24", "gateway": "10.77.0.1",
        "authorized_keys": ("ssh-ed25519 AAAA lab",), "memory_mib": 1024,
    }  # fmt: skip
    assert driver.running() == {"web-01"}
    with pytest.raises(GuestError, match="start failed: init did not come up"):
        driver.boot(GuestSpec("broken", "broken", "10.77.0.103/24"))
    driver.stop("web-01", 5)
    assert driver.running() == frozenset()


def test_ready_once_the_operating_system_has_booted(machines: ThisComputer, driver: NspawnDriver) -> None:
    assert not driver.ready("web-01")
    machines.state = "degraded"
    assert driver.ready("web-01")
    assert driver.ready("web-01")
    assert machines.asked == 2  # known from then on
    driver.stop("web-01", 5)
    assert not driver.ready("web-01")


def test_files(driver: NspawnDriver, tmp_path: Path) -> None:
    target = tmp_path / "a file; $(with) 'quotes'"
    driver.write_file("web-01", str(target), b"\x00binary\nGr\xc3\xbc\xc3\x9fe")
    assert driver.read_file("web-01", str(target), 0, 100) == b"\x00binary\nGr\xc3\xbc\xc3\x9fe"
    assert driver.read_file("web-01", str(target), 1, 6) == b"binary"
    assert target.stat().st_mode & 0o777 == 0o644
    target.chmod(0o600)
    driver.write_file("web-01", str(target), b"secret")
    assert (target.stat().st_mode & 0o777, target.read_bytes()) == (0o600, b"secret")
    with pytest.raises(GuestError, match="No such file"):
        driver.read_file("web-01", str(tmp_path / "none"), 0, 10)
    with pytest.raises(GuestError, match=r"(?i)no such file|nonexistent"):
        driver.write_file("web-01", str(tmp_path / "none" / "file"), b"")


def test_programs(driver: NspawnDriver) -> None:
    done = driver.execute("web-01", ["sh", "-c", "cat; echo oh >&2; exit 3"], b"in", 10)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"in", b"oh\n")
    with pytest.raises(GuestError, match="did not end within 0 s"):
        driver.execute("web-01", ["sleep", "5"], None, 0.05)
