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

from . import cgroups, images, leftovers, network, platform, pve, vm_image
from .lab import LEGACY, PUBLIC_ADDRESS, Lab, LabError, run
from .machine import Machines, MachineSpec
from .pve import daemon
from .vm import Vms

SPACE_GIB, MEMORY_MIB = 8, 3500
PROGRAMS = {
    "systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap", "dpkg-scanpackages": "dpkg-dev", "ip": "iproute2",
    "nsenter": "util-linux", "mount": "mount", "ssh-keygen": "openssh-client", "curl": "curl",
}  # fmt: skip
PROXIES = {"http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"}
KEPT = {"load", "estate", ".lock"}  # of a lab that is down: records and reports, for reading


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
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            raise LabError(f"{program} is missing: run make setup (package {package})")
    for path in (lab.directory, lab.cache):
        if set(str(path)) & set(":,\\"):
            raise LabError(f"an overlay cannot have a colon, comma or backslash in its path: {path} (LOTSE_CACHE moves the cache)")
    lab.cache.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(lab.cache).free // 2**30
    if free < SPACE_GIB:
        raise LabError(f"{lab.cache} has {free} GiB free, the lab needs {SPACE_GIB}; set LOTSE_CACHE to a larger place")
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    if memory < MEMORY_MIB:
        raise LabError(f"this machine has {memory} MiB of memory, the lab needs {MEMORY_MIB}")


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
    """Starts the lab. Nothing happens when it is up; when it fails or is interrupted, nothing is left."""
    if is_up(lab, Machines(lab)):
        say(f"'{lab.name}' is up already")
        return
    preflight(lab)
    if leftovers.find(lab) or lab.machines.is_dir():
        say(f"'{lab.name}' was up before, and is not whole (a reboot, a killed start?): starting afresh")
        down(lab)
    try:
        _start(lab)
    except BaseException:
        say("cleaning up")
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        down(lab)
        raise


def _start(lab: Lab) -> None:
    began = time.monotonic()
    shutil.rmtree(lab.estate, ignore_errors=True)
    images.ensure_all(lab.cache, say)
    for name in [name for name in os.environ if name.lower() in PROXIES]:  # nothing in the lab is behind a proxy
        del os.environ[name]
    machines, key, password = Machines(lab), keys(lab), secrets.token_urlsafe(18)
    network.up(lab)
    say("starting the legacy hosts " + ", ".join(LEGACY) + " and the Proxmox API")
    with ThreadPoolExecutor(len(LEGACY) + 1) as pool:
        api = pool.submit(pve.start, lab.name)
        lines = list(pool.map(lambda host: boot_legacy(machines, host, key, password), LEGACY))
        api.result()
    lab.known_hosts.write_text("\n".join(sorted(lines)) + "\n", encoding="utf-8")
    wait_for_users(lab)
    (lab.directory / "state.json").write_text(json.dumps({"schema": "lotse/lab/1", "legacy": LEGACY}, indent=1) + "\n", encoding="utf-8")
    command = "tests/lab/enter bash" if lab.name == "lab" else f"LOTSE_LAB={lab.name} tests/lab/enter bash"
    say(f"'{lab.name}' is up after {time.monotonic() - began:.0f} s; enter it with: {command}")


def down(lab: Lab) -> None:
    """Ends everything of the lab and removes its state; the cache of images, and the estate with its reports, stay for reading.

    Raises LabError with what is left, if anything is.
    """
    machines = Machines(lab)
    pve.stop(lab.name)
    if lab.machines.is_dir():
        names = sorted(path.name for path in lab.machines.iterdir())
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(machines.remove, names))
    vms = Vms(lab)
    for name in vms.known():
        vms.remove(name)
    leftovers.end_processes(lab)
    leftovers.unmount(lab.directory)
    network.down(lab)
    cgroups.remove_lab(lab.name)
    images.tidy(lab.cache)
    if found := leftovers.find(lab):
        raise LabError(f"'{lab.name}' is not quite down, this is left: {', '.join(found)}")
    for path in lab.directory.iterdir() if lab.directory.is_dir() else []:
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def status(lab: Lab) -> None:
    """Prints what runs, a line for each."""
    machines = Machines(lab)
    whole = is_up(lab, machines)
    print(f"lab '{lab.name}' is {'up' if whole else 'not whole' if leftovers.find(lab) else 'down'}")
    for name, pid in machines.running().items():
        kind = LEGACY[name].split("/")[0] if name in LEGACY else "guest"
        print(f"  {name:12} {kind:16} pid {pid}")
    for name, pid in Vms(lab).running().items():
        print(f"  {name:12} {'VM':16} pid {pid}")
    if whole:
        print(f"  {'Proxmox API':12} {daemon.HOST}:{daemon.PORT}")


def _interrupted(number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="The practice lab; LOTSE_LAB names another one beside it.")
    parser.add_argument("command", choices=["up", "down", "status", "vm-image"])
    command = parser.parse_args().command
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        lab = Lab()
        if command == "status":
            status(lab)
            return 0
        if command == "vm-image":
            vm_image.ensure(lab.cache, say)
            return 0
        with locked(lab):
            {"up": up, "down": down}[command](lab)
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
