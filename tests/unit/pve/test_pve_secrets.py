# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is in anything that a run prints, returns or leaves behind: marked ones are looked for after real runs of ansible-playbook -vvvv."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.lab.pve.fixture import MemoryPve

from .conversation import plan_row

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - lotse.estate.pve_preflight: {api: "{{ pve_api }}", guests: "{{ guests }}", probe_addresses: false}
      register: proof
      ignore_errors: true
    - lotse.estate.pve_fleet:
        api: "{{ pve_api }}"
        guests: "{{ guests }}"
        ssh: {known_hosts: "{{ folder }}/known_hosts"}
        wait_for: agent
      register: done
      ignore_errors: true
    - lotse.estate.pve_guest:
        api: "{{ pve_api }}"
        name: db-01
        uuid: "{{ guests[0].uuid }}"
        node: pve2
        ci_password: "{{ guests[0].ci_password }}"
        description: changed
        ssh: {known_hosts: "{{ folder }}/known_hosts"}
        wait_for: none
      register: one
      ignore_errors: true
    - lotse.estate.pve_info: {api: "{{ pve_api }}"}
      register: info
      ignore_errors: true
    - ansible.builtin.debug: {msg: "RESULTS {{ [proof, done, one, info] | to_json | b64encode }}"}
- hosts: web-01
  gather_facts: false
  tasks:
    - ansible.builtin.raw: hostname
      ignore_unreachable: true
      ignore_errors: true
"""


@dataclass
class Controller:
    """A home of its own, ansible's logs and temporary files, and everything that it ever printed."""

    pve: MemoryPve
    home: Path
    secret: str
    said: list[str] = field(default_factory=list)

    def api(self, **changes: Any) -> dict[str, Any]:
        """The secret is looked up when it is used, as the guides say: it is in no file of ours."""
        full = {
            "hosts": [self.pve.host], "port": self.pve.port, "token_id": self.pve.token_id, "ca_file": str(self.pve.ca_file),
            "token_secret": "{{ lookup('ansible.builtin.env', 'CANARY') }}", **changes,
        }  # fmt: skip
        return {name: value for name, value in full.items() if value is not None}

    def play(self, *options: str, guests: list[dict[str, Any]], **api: Any) -> list[dict[str, Any]]:
        """Runs the play; returns the results of its modules."""
        hosts = {"web-01": {"ansible_connection": "lotse.estate.pve_agent", "pve_vmid": 100, "pve_node": "pve3"}}
        variables = {"folder": str(self.home), "pve_api": self.api(**api), "guests": guests}
        (self.home / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        (self.home / "play.yml").write_text(PLAY)
        said = self.run("ansible-playbook", "-vvvv", "--diff", "-i", str(self.home / "hosts.json"), str(self.home / "play.yml"), *options)
        found = re.search(r"RESULTS (\S+?)\"", said)
        assert found, said + self.said[-1]
        results: list[dict[str, Any]] = json.loads(base64.b64decode(found[1]))
        (self.home / f"results-{len(self.said)}.json").write_text(json.dumps(results))
        return results

    def inventory(self, **api: Any) -> str:
        (self.home / "lotse.pve.yml").write_text(json.dumps({"plugin": "lotse.estate.pve", **self.api(**api)}))
        return self.run("ansible-inventory", "-vvvv", "--list", "-i", str(self.home / "lotse.pve.yml"))

    def run(self, program: str, *arguments: str) -> str:
        env = {
            **os.environ, "HOME": str(self.home), "XDG_CACHE_HOME": str(self.home / "cache"), "ANSIBLE_HOME": str(self.home / ".ansible"),
            "ANSIBLE_LOG_PATH": str(self.home / "ansible.log"), "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "CANARY": self.secret, "CANARY_PASSWORD": PASSWORD,
            "TMPDIR": str(self.home / "tmp"), "ANSIBLE_INJECT_INVOCATION": "true",
        }  # fmt: skip
        done = subprocess.run([str(BIN / program), *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=300)
        self.said += [done.stdout, done.stderr]
        return done.stdout

    def leaks(self, *secrets: str) -> list[str]:
        """Where one of these secrets is, in any spelling that a tool may give it."""
        texts = {f"output {number}": text for number, text in enumerate(self.said)}
        texts |= {str(path): path.read_text(errors="replace") for path in self.home.rglob("*") if path.is_file()}
        assert "ansible.log" in " ".join(texts)
        return [f"{spelling} in {where}" for secret in secrets for spelling in spellings(secret) for where, text in texts.items() if spelling in text]


def spellings(secret: str) -> set[str]:
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode(), json.dumps(secret)[1:-1]}


@pytest.fixture
def controller(memory_pve: MemoryPve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    home = tmp_path_factory.mktemp("c")  # short: Ansible puts a socket into its temporary folder
    (home / "tmp").mkdir()
    yield Controller(memory_pve, home, memory_pve.secret)
    memory_pve.faults()


def private_keys(pve: MemoryPve) -> list[str]:
    """The lines of the private host keys that the guests got, read from the guests themselves."""
    found = []
    for guest in pve.state()["guests"]:
        if guest["status"] == "running":
            agent = pve.proxmoxer().nodes(guest["node"]).qemu(guest["vmid"]).agent
            key = str(agent("file-read").get(file="/etc/ssh/ssh_host_ed25519_key")["content"])
            assert "PRIVATE KEY" in key
            found += [line for line in key.splitlines() if len(line) > 40]
    assert found
    return found


PASSWORD = "Kanarienvogel/+=ümlaut\"quote"
HIDDEN = "{{ lookup('ansible.builtin.env', 'CANARY_PASSWORD') }}"
GUESTS = [plan_row("db-01", ci_user="operator", ci_password=HIDDEN), plan_row("web-01", node="pve3")]


def test_a_run_that_succeeds(controller: Controller) -> None:
    told = controller.play("--check", guests=GUESTS)
    proof, done, one, info = controller.play(guests=GUESTS)
    assert told[1]["changed"]
    assert done["changed"]
    assert not done.get("failed")
    assert not proof.get("failed")
    assert not info.get("failed")
    assert not one.get("failed"), one["msg"]
    assert one["changed"]
    assert "db-01" in controller.inventory()
    assert proof["invocation"]["module_args"]["api"]["token_secret"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
    assert controller.leaks(controller.secret, PASSWORD, *private_keys(controller.pve), "PRIVATE KEY") == []


def test_a_token_that_is_refused(controller: Controller) -> None:
    controller.secret = "wrong/secret+with=signs-0123456789"
    for result in controller.play(guests=GUESTS):
        assert result["failed"]
        assert "the API refuses the token" in result["msg"]
    assert "db-01" not in controller.inventory()
    assert controller.leaks(controller.secret, PASSWORD) == []


@pytest.mark.parametrize("trust", [{"ca_file": None}, {"ca_file": None, "fingerprint": "ab" * 32}])
def test_a_certificate_that_is_not_trusted(controller: Controller, trust: dict[str, Any]) -> None:
    for result in controller.play(guests=GUESTS, **trust):
        assert result["failed"]
        assert "TLS to" in result["msg"]
    assert controller.leaks(controller.secret, PASSWORD) == []


def test_an_api_that_does_not_answer(controller: Controller) -> None:
    assert all("does not answer" in result["msg"] for result in controller.play(guests=GUESTS, port=9))
    assert controller.leaks(controller.secret, PASSWORD) == []


def test_a_task_that_fails_and_a_configuration_that_is_refused(controller: Controller) -> None:
    controller.pve.faults(
        tasks=[{"type": "qmclone", "message": "no space left on device", "times": 1}],
        calls=[{"method": "PUT", "path": "/nodes/pve3/qemu/.*/config", "status": 400, "message": "Parameter verification failed."}],
    )
    _, done, _, _ = controller.play(guests=GUESTS)
    assert done["failed"]
    assert controller.leaks(controller.secret, PASSWORD, "PRIVATE KEY") == []
