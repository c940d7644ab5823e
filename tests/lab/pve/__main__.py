# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the lab's API: ``python -m tests.lab.pve serve --dir DIR [--memory] [--host H] [--port N] [--time-scale S]``.

The token's secret comes from the environment (LOTSE_PVE_TOKEN_SECRET). ``--port 0`` takes a free port. Once the API answers, one line
of JSON on standard output says where: ``{"url": …, "ca": …}``. DIR holds the certificate, the state, the faults and the calls.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path

from tests.lab.lab import Lab
from tests.lab.machine import Machines, MachineSpec
from tests.lab.vm import Vms

from . import pki
from .cluster import VM_TEMPLATE_DISK, LabPve
from .driver import GuestDriver
from .faults import Faults
from .memory import MemoryDriver
from .nspawn import NspawnDriver
from .qemu import Drivers, QemuDriver
from .state import StateFile
from .volumes import QemuVolumes

SECRET_VARIABLE = "LOTSE_PVE_TOKEN_SECRET"


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.pve", description="The lab's Proxmox VE API.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve")
    serve.add_argument("--dir", type=Path, required=True, help="state, certificate, faults and calls")
    serve.add_argument("--lab", help="the lab whose machines are the guests")
    serve.add_argument("--memory", action="store_true", help="guests in memory, no machines")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8006)
    serve.add_argument("--time-scale", type=float, help="real seconds for one of PVE's (default 0 with --memory, else 1)")
    serve.add_argument("--task-seconds", type=float, default=0.0, help="PVE seconds that every task takes (needs a time scale)")
    serve.add_argument("--record", action="store_true", help="write each call to DIR/pve-calls.jsonl")
    chosen = parser.parse_args(argv)
    if bool(chosen.lab) == chosen.memory:
        parser.error("give either --memory or --lab NAME")
    return chosen


def _reset(pve: LabPve, state: StateFile) -> None:
    pve.reset()
    state.save()


def guest_driver(chosen: argparse.Namespace) -> GuestDriver:
    if chosen.memory:
        return MemoryDriver()
    lab = Lab(chosen.lab)
    return Drivers(QemuDriver(Vms(lab), volumes(lab)), NspawnDriver(Machines(lab), MachineSpec))


def volumes(lab: Lab) -> QemuVolumes:
    return QemuVolumes(lab, f"shared:{VM_TEMPLATE_DISK}")


async def serve(chosen: argparse.Namespace, secret: str) -> None:
    directory: Path = chosen.dir
    made = pki.ensure(directory, tuple(dict.fromkeys(("127.0.0.1", chosen.host))))
    pve = LabPve(guest_driver(chosen), Faults(directory / "pve-faults.json"), chosen.host, chosen.port)
    pve.admit(secret)
    pve.time_scale = chosen.time_scale if chosen.time_scale is not None else (0.0 if chosen.memory else 1.0)
    if pve.time_scale:
        pve.io_secs = 0.3
    pve.task_secs = chosen.task_seconds
    if chosen.record:
        pve.calls_log = directory / "pve-calls.jsonl"
    state = StateFile(directory / "pve-state.json", pve)
    state.load()
    if chosen.memory:
        pve.boot_known()
    else:
        pve.volumes = volumes(Lab(chosen.lab))
        pve.add_vm_template()
    pve.on_change = state.save
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, _reset, pve, state)
    await pve.follow_machines()
    watcher = asyncio.create_task(pve.watch())
    await pve.start(str(made.cert), str(made.key))
    print(json.dumps({"url": pve.url, "ca": str(made.ca)}), flush=True)
    await stopped.wait()
    watcher.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watcher
    with contextlib.suppress(TimeoutError):  # clients that keep a connection open are not waited for
        async with asyncio.timeout(1):
            await pve.stop()
    state.save()


def main() -> int:
    chosen = arguments(sys.argv[1:])
    secret = os.environ.get(SECRET_VARIABLE, "")
    if len(secret) < 16:
        print(f"{SECRET_VARIABLE} must hold the token's secret (16 characters or more)", file=sys.stderr)
        return 2
    chosen.dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(serve(chosen, secret))
    return 0


if __name__ == "__main__":
    sys.exit(main())
