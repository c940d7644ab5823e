# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of Ansible's own commands, with what they cost: seconds, calls to the API, module processes, memory."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.lab.pve.fixture import ROOT, Call, MemoryPve

BIN = Path(sys.executable).parent
TIMEOUT = 1200.0
# Stands in for the interpreter of modules: says that one starts, and how much memory it took in the end.
INTERPRETER = """#!{python}
import os, sys
child = os.spawnv(os.P_NOWAIT, {python!r}, [{python!r}, *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
with open({log!r}, "a") as log:
    log.write(f"{{usage.ru_maxrss}}\\n")
sys.exit(os.waitstatus_to_exitcode(status))
"""
OUTCOME = re.compile(r"^(ok|changed|failed|fatal|skipping): \[[^\]]*\](?:: FAILED!)?(?: => \(item=(?P<item>[^)]*)\))?", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run of a command."""

    seconds: float
    calls: tuple[Call, ...]
    module_peaks_mib: tuple[float, ...]  # one for each process that Ansible started for a module
    peak_mib: float  # of the largest process, Ansible's own included
    returncode: int
    output: str

    @property
    def outcomes(self) -> dict[str, int]:
        """How many tasks or items of loops ended in which way: ``{"ok": 4, "changed": 2}``; a loop's own summary line is not counted."""
        found: dict[str, int] = {}
        for match in OUTCOME.finditer(self.output):
            found[match[1]] = found.get(match[1], 0) + 1
        return found

    @property
    def lock_errors(self) -> int:
        return len(re.findall(r"can't lock file|VM is locked", self.output))


class Workplace:
    """A folder with playbooks and inventories for one server."""

    def __init__(self, directory: Path, pve: MemoryPve) -> None:
        self.directory = directory
        self.pve = pve
        self._started = directory / "module-processes"
        self._interpreter = directory / "python"
        directory.mkdir(parents=True, exist_ok=True)
        self._interpreter.write_text(INTERPRETER.format(python=sys.executable, log=str(self._started)))
        self._interpreter.chmod(0o755)

    def write(self, name: str, content: Any) -> Path:
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    def playbook(self, path: Path, *options: str) -> Run:
        variables = {"ansible_python_interpreter": str(self._interpreter), **self.api_variables()}
        return self.run("ansible-playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(variables), *options, str(path))

    def hosts(self, path: Path) -> Run:
        """What every command of Ansible does first: read the inventory; then list its hosts."""
        return self.run("ansible", "all", "-i", str(path), "--list-hosts")

    def inventory(self, path: Path) -> Run:
        """The same, with all variables of all hosts printed as JSON."""
        return self.run("ansible-inventory", "-i", str(path), "--list")

    def api_variables(self) -> dict[str, Any]:
        """What playbooks know about the server; the secret is in the environment."""
        pve = self.pve
        return {"api_host": pve.host, "api_port": pve.port, "api_user": pve.user, "api_token": pve.token_name, "api_ca": str(pve.ca_file)}

    def run(self, command: str, *arguments: str) -> Run:
        self.pve.forget_calls()
        self._started.write_text("")
        begun = time.perf_counter()
        child = subprocess.Popen(
            [str(BIN / command), *arguments], cwd=ROOT, env=self.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        alarm = threading.Timer(TIMEOUT, child.kill)
        alarm.start()
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begun
        alarm.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        peaks = tuple(int(line) / 1024 for line in self._started.read_text().split())
        return Run(seconds, tuple(self.pve.calls()), peaks, usage.ru_maxrss / 1024, child.returncode, output)

    def environment(self) -> dict[str, str]:
        """The project's ansible.cfg for both sides, with Ansible's own output and every inventory plugin."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PROXMOX_", "LOTSE_"))}
        return {
            **kept,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
            "ANSIBLE_INVENTORY_ENABLED": "lotse.estate.pve,community.proxmox.proxmox,ansible.builtin.yaml,ansible.builtin.host_list",
            "ANSIBLE_NOCOLOR": "1",
            "LOTSE_PVE_TOKEN_SECRET": self.pve.secret,
            "REQUESTS_CA_BUNDLE": str(self.pve.ca_file),  # the only way in which the peer's inventory takes a CA
        }


def must_have_worked(run: Run, what: str) -> Run:
    if run.returncode:
        raise RuntimeError(f"{what} ended with {run.returncode}:\n{run.output[-4000:]}")
    return run


def paths(calls: Sequence[Call]) -> dict[str, int]:
    """Calls by method and form of the path, for people who want to know where they went."""
    found: dict[str, int] = {}
    for call in calls:
        form = re.sub(r"UPID:[^/]*", "{upid}", re.sub(r"/(?:pve\d+|\d+)(?=/|$)", "/*", call.path))
        found[f"{call.method} {form}"] = found.get(f"{call.method} {form}", 0) + 1
    return found
