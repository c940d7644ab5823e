# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules and files through the guest agent of a real machine that nothing else is asked of. Needs root and the lab's images.

Run it with ``pytest -m lab tests/lab/pve/test_connection.py``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.pve.daemon import HOST, token_secret

from .test_real import ADDRESS, agent_up, client, done, lab, until

__all__ = ["lab"]
pytestmark = pytest.mark.lab
ROOT = Path(__file__).resolve().parents[3]
PLAY = """
- hosts: guest
  gather_facts: true
  tasks:
    - ansible.builtin.assert: {that: [ansible_facts.hostname == "ag-01"]}
    - ansible.builtin.raw: "echo out; echo err >&2; exit 3"
      register: raw
      failed_when: raw.rc != 3 or raw.stdout != "out\\n" or raw.stderr != "err\\n"
    - ansible.builtin.shell: {cmd: cat, stdin: "grün über stdin"}
      register: said
      failed_when: said.stdout != "grün über stdin"
    - ansible.builtin.copy: {src: "{{ big }}", dest: "/root/a big file", mode: "0600"}
    - ansible.builtin.copy: {src: "{{ big }}", dest: "/root/a big file", mode: "0600"}
      register: again
      failed_when: again is changed
    - ansible.builtin.fetch: {src: "/root/a big file", dest: "{{ back }}", flat: true}
    - ansible.builtin.command: id -un
      become: true
      become_method: su
      become_user: www-data
      become_flags: -s /bin/sh
      register: who
      failed_when: who.stdout != "www-data"
"""


def test_a_play_over_the_agent(lab: Lab, tmp_path: Path) -> None:
    api = client(lab)
    assert done(api, api.nodes("pve1").qemu(9000).clone.post(newid=101, name="ag-01", pool="community", full=1, target="pve2")) == "OK"
    vm = api.nodes("pve2").qemu(101)
    vm.config.put(ipconfig0=f"ip={ADDRESS}/24,gw=10.77.0.1")
    assert done(api, vm.status.start.post()) == "OK"
    until(lambda: agent_up(vm))
    big, back = tmp_path / "big", tmp_path / "back"
    big.write_bytes(os.urandom(300_000))
    connect = {
        "hosts": [HOST], "token_id": "lotse@pve!ci", "token_secret": token_secret(lab.directory), "ca_file": str(lab.directory / "pve-ca.pem"),
    }  # fmt: skip
    host = {
        "ansible_connection": "lotse.estate.pve_agent", "ansible_python_interpreter": "/usr/bin/python3", "pve_api": connect,
        "pve_vmid": 101, "pve_node": "pve1", "big": str(big), "back": str(back),
    }  # fmt: skip - the node is the wrong one: the guest is followed to where it is
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": {"guest": host}}}))
    (tmp_path / "play.yml").write_text(PLAY)
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.json"), str(tmp_path / "play.yml")]
    run = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "REQUESTS_CA_BUNDLE": "/nonexistent", "HTTPS_PROXY": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert back.read_bytes() == big.read_bytes()
