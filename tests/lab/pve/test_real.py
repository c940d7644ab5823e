# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is a real machine, from clone to deletion, in a lab of its own. Needs root and the lab's images.

Run it with ``pytest -m lab tests/lab/pve/test_real.py``.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import network
from tests.lab.lab import Lab
from tests.lab.machine import Machines
from tests.lab.pve import start, stop
from tests.lab.pve.daemon import HOST, PORT, token_secret

pytestmark = pytest.mark.lab
ADDRESS = "10.77.0.101"


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (met := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return met


def done(api: Any, upid: str) -> str:
    node = api.nodes(upid.split(":")[1])
    until(lambda: node.tasks(upid).status.get()["status"] == "stopped")
    return str(node.tasks(upid).status.get()["exitstatus"])


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab with a network and the API and nothing else; this process is inside its network."""
    made = Lab("pvetest")
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    monkeypatch.delenv("LOTSE_PVE_TOKEN_SECRET", raising=False)
    machines = Machines(made)
    try:
        network.up(made)
        start(made.name)
        inside = os.open(f"/run/netns/{made.namespace}", os.O_RDONLY)
        os.setns(inside, os.CLONE_NEWNET)
        os.close(inside)
        yield made
    finally:
        os.setns(outside, os.CLONE_NEWNET)
        os.close(outside)
        stop(made.name)
        for name in machines.running():
            machines.remove(name)
        network.down(made)
        subprocess.run(["rm", "-rf", str(made.directory)], check=True)


def client(lab: Lab) -> Any:
    from proxmoxer import ProxmoxAPI

    secret = token_secret(lab.directory)
    ca = str(lab.directory / "pve-ca.pem")
    return ProxmoxAPI(HOST, port=PORT, user="lotse@pve", token_name="ci", token_value=secret, verify_ssl=ca, timeout=60)


def agent_up(vm: Any) -> bool:
    try:
        vm.agent.ping.post()
    except Exception as failure:  # noqa: BLE001 - the client has one exception for every status
        assert "QEMU guest agent is not running" in str(failure), failure
        return False
    return True


def test_a_guest_is_a_machine(lab: Lab, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    api, machines = client(lab), Machines(lab)
    template = api.nodes("pve1").qemu(9000)
    assert done(api, template.clone.post(newid=101, name="web-01", pool="community", full=1, target="pve2")) == "OK"
    vm = api.nodes("pve2").qemu(101)
    public = key.with_suffix(".pub").read_text().strip()
    vm.config.put(ipconfig0=f"ip={ADDRESS}/24,gw=10.77.0.1", sshkeys=urllib.parse.quote(public, safe=""), memory=512)
    assert machines.running() == {}
    assert done(api, vm.status.start.post()) == "OK"
    assert list(machines.running()) == ["web-01"]
    until(lambda: agent_up(vm))

    assert vm.agent("get-host-name").get()["result"]["host-name"] == "web-01"
    assert vm.agent("get-osinfo").get()["result"]["version-id"] == "13"

    def addresses() -> list[str]:
        rows = vm.agent("network-get-interfaces").get()["result"]
        return [entry["ip-address"] for row in rows for entry in row["ip-addresses"]]

    until(lambda: ADDRESS in addresses())
    cards = [row["hardware-address"].upper() for row in vm.agent("network-get-interfaces").get()["result"]]
    assert any(card in vm.config.get()["net0"] for card in cards)
    host_key = vm.agent("file-read").get(file="/etc/ssh/ssh_host_ed25519_key.pub")["content"]
    known = tmp_path / "known_hosts"
    known.write_text(f"{ADDRESS} {' '.join(host_key.split()[:2])}\n")
    options = ["-i", str(key), "-o", f"UserKnownHostsFile={known}", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"]
    vm.agent("file-write").post(file="/etc/motd", content="ahoy\n")
    shown = subprocess.run(["ssh", *options, f"root@{ADDRESS}", "cat /etc/motd"], capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout) == (0, "ahoy\n"), shown.stderr

    pid = vm.agent.exec.post(command=["systemctl", "is-active", "ssh.service"])["pid"]
    ended = until(lambda: (status := vm.agent("exec-status").get(pid=pid))["exited"] and status)
    assert (ended["exitcode"], ended["out-data"]) == (0, "active\n")

    stop(lab.name)  # the API goes, the guest stays
    assert list(machines.running()) == ["web-01"]
    start(lab.name)
    assert vm.status.current.get()["status"] == "running"
    assert agent_up(vm)

    assert done(api, vm.status.shutdown.post()) == "OK"
    assert machines.running() == {}
    assert vm.status.current.get()["status"] == "stopped"
    assert done(api, vm.status.start.post()) == "OK"
    until(lambda: agent_up(vm))
    assert vm.agent("file-read").get(file="/etc/motd")["content"] == "ahoy\n"  # the disk outlived the power
    subprocess.run(["ssh", *options, f"root@{ADDRESS}", "poweroff"], capture_output=True, check=False)
    until(lambda: vm.status.current.get()["status"] == "stopped")
    assert done(api, vm.delete(purge=1)) == "OK"
    assert not machines.root("web-01").exists()
