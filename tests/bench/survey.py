# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey of fifty hosts costs the controller, against Ansible's own modules that gather facts.

Five real machines of the lab with ten addresses each stand for fifty hosts. Both sides use the same connection, settings and forks, in the same
run. They are Debian 13, because package_facts needs python3-apt on the host. Processor time is that of ansible-playbook and all its
processes, with the ssh masters that stay behind.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import images, network
from tests.lab.__main__ import keys, preflight
from tests.lab.lab import ROOT, Lab
from tests.lab.machine import Machines, MachineSpec

from . import report

MACHINES, ADDRESSES = 5, 10
TICKS = os.sysconf("SC_CLK_TCK")
TIMES = 5.0
PEER = """\
- hosts: legacy
  gather_facts: false
  tasks:
    - ansible.builtin.setup:
    - ansible.builtin.service_facts:
    - ansible.builtin.package_facts:
"""
KEEP = """\
    - ansible.builtin.copy:
        content: "{{ ansible_facts | to_json }}"
        dest: "{{ estate_dir }}/facts.json"
        mode: "0600"
      delegate_to: localhost
      connection: local
"""
COUNTING = '#!/bin/sh\necho call >> "$LOTSE_CALLS"\nexec ssh "$@"\n'


@dataclass(frozen=True)
class Hosts:
    """The machines that run, and the files of this bench."""

    lab: Lab
    folder: Path
    addresses: dict[str, str]

    def inventory(self, count: int) -> Path:
        path = self.folder / f"hosts-{count}.json"
        names = list(self.addresses)[:count]
        hosts = {name: {"ansible_host": self.addresses[name], "ansible_python_interpreter": "/usr/bin/python3"} for name in names}
        shared = {"ansible_user": "root", "ansible_ssh_private_key_file": str(self.lab.key), "estate_dir": str(self.folder / "estate")}
        path.write_text(json.dumps({"all": {"children": {"legacy": {"hosts": hosts}}, "vars": shared}}), encoding="utf-8")
        return path

    def play(self, book: str, count: int, **more: str) -> float:
        """Runs a playbook on so many hosts; gives the processor seconds of all that it started. Raises when it fails."""
        control = self.folder / "cp"
        control.mkdir(exist_ok=True)
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control), **more}
        environment |= {"ANSIBLE_HOST_KEY_CHECKING": "false", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
        argv = ["nsenter", f"--net=/run/netns/{self.lab.namespace}", "--", str(Path(sys.executable).parent / "ansible-playbook")]
        before = _spent()
        done = subprocess.run([*argv, book, "-i", str(self.inventory(count))], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        seconds = _spent() - before
        masters = _masters(str(control))
        seconds += sum(masters.values())
        for pid in masters:
            os.kill(pid, 15)
        if done.returncode != 0:
            raise SystemExit(f"{book} failed: {done.stdout[-2000:]}{done.stderr[-500:]}")
        return seconds


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _masters(control: str) -> dict[int, float]:
    """The ssh masters of a folder of control sockets, with the processor seconds that each has used."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().decode(errors="replace")
            fields = (path / "stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        except OSError:
            continue
        if command.startswith("ssh: ") and control in command:
            found[int(path.name)] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def leaves(value: Any) -> int:
    """How many single facts there are in it: numbers, texts, flags and nulls."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else 1


@contextmanager
def hosts(say: Callable[[str], None]) -> Iterator[Hosts]:
    lab = Lab("benchsurvey")
    preflight(lab)
    images.ensure_all(lab.cache, say)
    machines = Machines(lab)
    folder = lab.directory / "bench"
    names = [f"host{number}" for number in range(MACHINES)]
    try:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "estate").mkdir(parents=True)
        network.up(lab)
        addresses = {f"{name}-{place}": f"10.77.0.{150 + MACHINES * place + at}" for at, name in enumerate(names) for place in range(ADDRESSES)}
        specs = [
            MachineSpec(name, "guest", mine[0], extra_addresses=tuple(mine[1:]), authorized_keys=(keys(lab),))
            for name in names
            for mine in [[f"{address}/24" for host, address in addresses.items() if host.startswith(f"{name}-")]]
        ]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(machines.boot, specs))
        say(f"{MACHINES} machines with {len(addresses)} addresses run")
        yield Hosts(lab, folder, addresses)
    finally:
        for name in names:
            machines.remove(name)
        network.down(lab)
        shutil.rmtree(folder, ignore_errors=True)


def survey(say: Callable[[str], None], runs: int = 3) -> list[report.Row]:
    """The rows of the survey."""
    count = MACHINES * ADDRESSES
    with hosts(say) as bench:
        theirs = bench.folder / "peer.yml"
        theirs.write_text(PEER, encoding="utf-8")
        ours, peer = [], []
        for number in range(runs):
            shutil.rmtree(bench.folder / "estate", ignore_errors=True)
            (bench.folder / "estate").mkdir()
            ours.append(bench.play("playbooks/survey.yml", count) / count)
            peer.append(bench.play(str(theirs), count) / count)
            say(f"run {number + 1}: {ours[-1]:.3f} against {peer[-1]:.3f} processor seconds a host")
        found = leaves(json.loads((bench.folder / "estate" / "survey" / "host0-0.json").read_text(encoding="utf-8")))
        calls, client = bench.folder / "calls", bench.folder / "ssh"
        client.write_text(COUNTING, encoding="utf-8")
        client.chmod(0o755)
        counting = {"ANSIBLE_SSH_EXECUTABLE": str(client), "LOTSE_CALLS": str(calls)}
        bench.play("playbooks/survey.yml", count, **counting)
        trips = len(calls.read_text(encoding="utf-8").split()) / count
        calls.unlink()
        kept = bench.folder / "keep.yml"
        kept.write_text(PEER, encoding="utf-8")
        bench.play(str(kept), 1, **counting)
        peer_trips = len(calls.read_text(encoding="utf-8").split())
        kept.write_text(PEER + KEEP, encoding="utf-8")
        bench.play(str(kept), 1)
        peer_found = leaves(json.loads((bench.folder / "estate" / "facts.json").read_text(encoding="utf-8")))
    say(f"{trips:g} round trips a host against {peer_trips}; {found} facts against {peer_found}")
    cost = report.faster(
        f"survey: controller's processor time for one of {count} hosts", "s", statistics.median(ours), statistics.median(peer), times=TIMES
    )
    return [
        cost,
        report.at_most("survey: round trips a host", "calls", trips, 1, peer=peer_trips, floor=1),
        report.Row("survey: facts of a host", "facts", found, peer_found, None, round(found / peer_found, 3), "more than peer", found > peer_found),
    ]
