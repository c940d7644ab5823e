# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m tests.lab up|down|status`: starts, ends and shows a practice lab."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NoReturn

from ansible_collections.lotse.estate.plugins.module_utils._ansible import ledger

from . import cgroups, images, network, platform, pve
from .lab import LEGACY, PUBLIC_ADDRESS, Lab, LabError, run
from .machine import Machines, MachineSpec

SPACE_GIB, MEMORY_GIB = 8, 4


def say(message: str) -> None:
    print(f"lab: {message}", flush=True)


@contextmanager
def locked(lab: Lab) -> Iterator[None]:
    """One `up` or `down` at a time."""
    lab.directory.mkdir(parents=True, exist_ok=True)
    with (lab.directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def preflight(lab: Lab) -> None:
    """What the machine lacks, said before anything is made."""
    if os.geteuid() != 0:
        raise LabError("network namespaces and containers need root: sudo make lab-up")
    for program, package in (("systemd-nspawn", "systemd-container"), ("mmdebstrap", "mmdebstrap"), ("ip", "iproute2"), ("nsenter", "util-linux")):
        if not shutil.which(program):
            raise LabError(f"{program} is missing: run make setup (package {package})")
    lab.cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(lab.cache).free // 2**30
    if free < SPACE_GIB:
        raise LabError(f"{lab.cache} has {free} GiB free, the lab needs {SPACE_GIB}; set LOTSE_CACHE to a larger place")


def keys(lab: Lab) -> str:
    """The lab's ssh key, made once. Gives the public half."""
    lab.key.parent.mkdir(parents=True, exist_ok=True)
    if not lab.key.exists():
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lotse-{lab.name}", "-f", str(lab.key)])
    return lab.key.with_suffix(".pub").read_text(encoding="utf-8").strip()


def boot_legacy(machines: Machines, host: str, key: str, password: str) -> str:
    """One legacy host with its part of the platform. Gives its line for known_hosts."""
    lab, address = machines.lab, LEGACY[host]
    home = lab.machines / host
    fresh = not (home / "settled").exists()
    if fresh and host not in machines.running():
        shutil.rmtree(home, ignore_errors=True)
        (home / "upper").mkdir(parents=True)
        platform.lay(host, home / "upper")
    extra = (PUBLIC_ADDRESS,) if host == "edge1" else ()
    machines.boot(MachineSpec(host, f"legacy-{host}", address, extra_addresses=extra, authorized_keys=(key,)))
    if fresh:
        platform.settle(machines, host, {"PASSWORD": password})
        (home / "settled").touch()
    public = (machines.root(host) / "etc/ssh/ssh_host_ed25519_key.pub").read_text(encoding="utf-8").split()
    return f"{address.split('/')[0]} {public[0]} {public[1]}"


def wait_for_users(lab: Lab, timeout: float = 60) -> None:
    """Returns when the platform answers its users through the public address: the edge's health checks take a while."""
    probe = ["nsenter", f"--net=/run/netns/{lab.namespace}", "curl", "-sf", "-o", "/dev/null", "-m", "5"]
    url = f"http://{PUBLIC_ADDRESS.split('/')[0]}"
    deadline = time.monotonic() + timeout
    for host, path in (("www", "/healthz"), ("classic", "/")):
        while subprocess.run([*probe, "-H", f"Host: {host}.community.lab", url + path], check=False).returncode != 0:
            if time.monotonic() > deadline:
                raise LabError(f"the platform does not answer on {url} within {timeout:g} s")
            time.sleep(0.2)


def is_up(lab: Lab, machines: Machines) -> bool:
    """Every host runs, but those that the crossing itself has retired."""
    expected = set(LEGACY) - set(ledger.read(lab.estate)["retired"])
    return (lab.directory / "state.json").exists() and expected <= set(machines.running()) and pve.running(lab.name)


def up(lab: Lab) -> None:
    preflight(lab)
    machines = Machines(lab)
    if is_up(lab, machines):
        say(f"'{lab.name}' is up already")
        return
    if (lab.directory / "state.json").exists():
        say(f"'{lab.name}' was up, and parts of it are gone (a reboot?): starting afresh")
        down(lab)
    began = time.monotonic()
    shutil.rmtree(lab.estate, ignore_errors=True)
    images.ensure_all(lab.cache, say)
    key = keys(lab)
    network.up(lab)
    password = secrets.token_urlsafe(18)
    say("starting the legacy hosts " + ", ".join(LEGACY))
    with ThreadPoolExecutor(len(LEGACY)) as pool:
        lines = list(pool.map(lambda host: boot_legacy(machines, host, key, password), LEGACY))
    lab.known_hosts.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    say("starting the Proxmox API")
    pve.start(lab.name)
    wait_for_users(lab)
    (lab.directory / "state.json").write_text(json.dumps({"schema": "lotse/lab/1", "legacy": LEGACY}, indent=1) + "\n", encoding="utf-8")
    say(f"'{lab.name}' is up after {time.monotonic() - began:.0f} s; enter it with: {'' if lab.name == 'lab' else f'LOTSE_LAB={lab.name} '}tests/lab/enter bash")


def down(lab: Lab) -> None:
    """Ends everything of the lab and removes its state; the cache of images, and the estate with its reports, stay for reading."""
    machines = Machines(lab)
    pve.stop(lab.name)
    if lab.machines.is_dir():
        names = sorted(path.name for path in lab.machines.iterdir())
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(machines.remove, names))
    network.down(lab)
    cgroups.remove_lab(lab.name)
    for path in lab.directory.iterdir() if lab.directory.is_dir() else []:
        if path.name in {"load", "estate", ".lock"}:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def status(lab: Lab) -> None:
    for name, pid in Machines(lab).running().items():
        print(f"{name:12} {LEGACY.get(name, 'guest'):16} pid {pid}")


def _interrupted(number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="The practice lab; LOTSE_LAB names another one beside it.")
    parser.add_argument("command", choices=["up", "down", "status"])
    command = parser.parse_args().command
    lab = Lab()
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        if command == "status":
            status(lab)
            return 0
        with locked(lab):
            try:
                {"up": up, "down": down}[command](lab)
            except BaseException:
                if command == "up":
                    say("cleaning up")
                    signal.signal(signal.SIGINT, signal.SIG_IGN)
                    down(lab)
                raise
        if command == "down":
            say(f"'{lab.name}' is down")
    except (LabError, RuntimeError) as error:
        print(f"lab: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; nothing is left", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
