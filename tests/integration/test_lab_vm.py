# SPDX-License-Identifier: GPL-3.0-or-later
"""A real VM through pve_fleet: QEMU, a kernel, cloud-init and the guest agent, from the clone to the end. Emulated where KVM does not work."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import leftovers, network, pve, vm_image
from tests.lab.__main__ import down, keys, locked
from tests.lab.crossing import ENTER, ROOT
from tests.lab.lab import Lab
from tests.lab.vm import Vms, start_time

pytestmark = pytest.mark.lab
NAME, ADDRESS = "vm-01", "10.77.0.150"
GIB = 1024**3
PLAY = """
- hosts: localhost
  gather_facts: false
  connection: local
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  tasks:
    - lotse.estate.pve_fleet:
        api:
          hosts: [10.77.0.2]
          token_id: lotse@pve!ci
          token_secret: "{{ lookup('ansible.builtin.env', 'LOTSE_PVE_TOKEN_SECRET') }}"
          ca_file: "{{ lookup('ansible.builtin.env', 'LOTSE_LAB_DIR') }}/pve-ca.pem"
        guests: "{{ guests }}"
        state: "{{ state }}"
        allow_reboot: "{{ allow_reboot | default(omit) }}"
        max_destroys: "{{ max_destroys | default(0) }}"
        ready_timeout: 600
        wait_for: "{{ wait_for | default('ssh') }}"
        ssh:
          key_file: "{{ lookup('ansible.builtin.env', 'LOTSE_SSH_KEY') }}"
          public_keys: ["{{ lookup('ansible.builtin.file', lookup('ansible.builtin.env', 'LOTSE_SSH_KEY') ~ '.pub') }}"]
          known_hosts: "{{ omit if wait_for | default('') == 'none' else lookup('ansible.builtin.env', 'LOTSE_ESTATE_DIR') ~ '/known_hosts' }}"
"""
GUEST: dict[str, Any] = {
    "name": NAME, "uuid": "5e0b3c3e-4a54-4bd6-9d5c-0f2f4d1c0150", "node": "pve2", "template": "debian-13-vm", "memory_mib": 256,
    "disks": {"scsi0": {"storage": "shared", "size": "3G"}}, "nics": {"net0": {"bridge": "vmbr0"}}, "address": f"{ADDRESS}/24",
    "gateway": "10.77.0.1", "pool": "community",
}  # fmt: skip
LOOK = """
import json, os, subprocess
run = lambda *argv: subprocess.run(argv, capture_output=True, text=True).stdout
print(json.dumps({
    "name": os.uname().nodename,
    "addresses": [a["local"] for i in json.loads(run("ip", "-j", "addr")) for a in i["addr_info"]],
    "cloud_init": json.load(open("/run/cloud-init/result.json"))["v1"],
    "disks": [int(d["size"]) for d in json.loads(run("lsblk", "-Jbd", "-o", "SIZE,TYPE"))["blockdevices"] if d["type"] == "disk"],
    "root": os.statvfs("/").f_blocks * os.statvfs("/").f_frsize,
    "memory": int(open("/proc/meminfo").readline().split()[1]) // 1024,
    "boot": open("/proc/sys/kernel/random/boot_id").read(),
    "virt": run("systemd-detect-virt").strip(),
}))
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab with a network and the API and nothing else. Its end is the lab's own, and fails if anything is left."""
    made = Lab("vm")
    with locked(made):
        down(made)
        vm_image.ensure(made.cache, print)
        try:
            keys(made)
            made.estate.mkdir(parents=True, exist_ok=True)
            (made.estate / "known_hosts").unlink(missing_ok=True)
            network.up(made)
            pve.start(made.name)
            yield made
        finally:
            down(made)


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("vm") / "play.yml"
    made.write_text(PLAY, encoding="utf-8")
    return made


def inside(lab: Lab, *argv: str, data: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LOTSE_LAB": lab.name, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
    return subprocess.run([str(ENTER), *argv], cwd=ROOT, env=environment, input=data, text=True, capture_output=True, check=False, timeout=900)


def fleet(lab: Lab, play: Path, *options: str, state: str = "started", **changes: Any) -> dict[str, Any]:
    """Converges the guest with the changed values; gives its part of the result."""
    given = {"guests": [{**GUEST, **changes}], "state": state}
    done = inside(lab, "ansible-playbook", "-i", "localhost,", str(play), "-e", json.dumps(given), *options)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    result = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
    assert result["changed"] == result["guests"][0]["changed"]
    guest: dict[str, Any] = result["guests"][0]
    return guest


def steps(guest: dict[str, Any]) -> list[str]:
    return [step["do"] for step in guest["steps"]]


def look(lab: Lab) -> dict[str, Any]:
    """What the system inside says of itself, over ssh with the host key that the module wrote down and no other."""
    options = ("BatchMode=yes", "StrictHostKeyChecking=yes", f"UserKnownHostsFile={lab.estate}/known_hosts", "GlobalKnownHostsFile=/dev/null")
    argv = ["ssh", "-i", str(lab.key), *(word for option in options for word in ("-o", option)), f"root@{ADDRESS}", "python3", "-"]
    done = inside(lab, *argv, data=LOOK)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def test_the_life_of_a_vm(lab: Lab, play: Path) -> None:
    vms, began = Vms(lab), time.monotonic()

    def passed(what: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {what}")

    told = fleet(lab, play, "--check")
    made = fleet(lab, play)
    passed(f"made and started: {made['seconds']}")
    assert steps(made) == steps(told)
    assert {"clone", "config", "resize", "start"} <= set(steps(made))
    assert list(vms.running()) == [NAME]
    first = look(lab)
    passed("ssh")
    assert first["name"] == NAME
    assert ADDRESS in first["addresses"]
    assert first["cloud_init"]["errors"] == []
    assert "NoCloud" in first["cloud_init"]["datasource"]
    assert first["disks"] == [3 * GIB]
    assert first["root"] > 2.7 * GIB, "cloud-init grew the root file system"
    assert 190 < first["memory"] <= 256
    assert first["virt"] in ("qemu", "kvm")

    assert not fleet(lab, play)["changed"], "a second run does nothing"
    passed("second run")

    grown: dict[str, Any] = {"disks": {"scsi0": {"storage": "shared", "size": "4G"}}}
    assert steps(fleet(lab, play, **grown)) == ["resize"]
    seen = look(lab)
    assert (seen["boot"], seen["disks"]) == (first["boot"], [4 * GIB]), "the running system sees the disk grow"
    passed("grown")

    waiting = fleet(lab, play, **grown, memory_mib=320)
    assert (steps(waiting), waiting["pending"]) == (["config"], ["memory"])
    applied = fleet(lab, play, "-e", "allow_reboot=true", **grown, memory_mib=320)
    assert (steps(applied), applied["pending"]) == (["reboot"], [])
    passed(f"rebooted: {applied['seconds']}")
    second = look(lab)
    assert second["boot"] != first["boot"]
    assert 256 < second["memory"] <= 320
    assert second["root"] > 3.6 * GIB, "cloud-init grew the root file system at the boot"
    assert second["cloud_init"]["errors"] == []

    console = vms.home(NAME) / "console.log"
    assert steps(fleet(lab, play, state="stopped", **grown, memory_mib=320)) == ["shutdown"]
    assert vms.running() == {}
    assert "Power down" in console.read_text(errors="replace"), "the system inside ended by itself"
    passed("stopped")

    disks = list(lab.volumes.rglob("*.qcow2"))
    assert len(disks) == 1
    fleet(lab, play, "-e", "max_destroys=1", state="absent")
    assert not vms.home(NAME).exists()
    assert [list(lab.volumes.rglob("*.qcow2")), network.taps(lab)] == [[], []]
    assert not [found for found in leftovers.find(lab) if "qemu-system" in found or NAME in found]
    passed("absent")


def test_a_lab_that_ends_takes_its_vms_along(lab: Lab, play: Path) -> None:
    """The system inside has no time to come up, and is not asked."""
    made = fleet(lab, play, "-e", "wait_for=none", disks={})
    assert made["changed"]
    (pid,) = Vms(lab).running().values()
    assert network.taps(lab)
    down(lab)
    assert start_time(pid) is None
    assert not lab.vms.exists()
    assert not lab.volumes.exists()
