# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's network: a namespace with a bridge, and a namespace of its own for each machine. Nothing leads out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from .lab import CONTROLLER, Lab, run

BRIDGE = "br0"


def exists(namespace: str) -> bool:
    return Path("/run/netns", namespace).exists()


def up(lab: Lab) -> None:
    if exists(lab.namespace):
        return
    run(["ip", "netns", "add", lab.namespace])
    for words in (
        ("link", "set", "lo", "up"),
        ("link", "add", BRIDGE, "type", "bridge", "forward_delay", "0"),
        ("address", "add", CONTROLLER, "dev", BRIDGE),
        ("link", "set", BRIDGE, "up"),
    ):
        run(["ip", "-n", lab.namespace, *words])


def plug(lab: Lab, machine: str) -> str:
    """A namespace for the machine, with `host0` in it and a port on the bridge. Gives the namespace's path."""
    namespace = lab.machine_namespace(machine)
    if not exists(namespace):
        digest = hashlib.sha256(machine.encode()).hexdigest()[:10]
        port, card = f"v{digest}", ":".join(["02", *(digest[at : at + 2] for at in range(0, 10, 2))])
        run(["ip", "netns", "add", namespace])
        # A card keeps its address when its machine is switched off and on, as a real one does: neighbours remember it.
        run(["ip", "-n", lab.namespace, "link", "add", port, "type", "veth", "peer", "name", "host0", "address", card, "netns", namespace])
        run(["ip", "-n", lab.namespace, "link", "set", port, "master", BRIDGE, "up"])
        run(["ip", "-n", namespace, "link", "set", "lo", "up"])
    return f"/run/netns/{namespace}"


def unplug(lab: Lab, machine: str) -> None:
    if exists(lab.machine_namespace(machine)):
        run(["ip", "netns", "delete", lab.machine_namespace(machine)])


def plug_tap(lab: Lab, machine: str, card: str) -> str:
    """A tap on the bridge for a VM's card such as ``net0``, inside the lab's namespace. Gives its name."""
    tap = _tap(machine) + card.removeprefix("net")
    run(["ip", "-n", lab.namespace, "tuntap", "add", "dev", tap, "mode", "tap"])
    run(["ip", "-n", lab.namespace, "link", "set", tap, "master", BRIDGE, "up"])
    return tap


def unplug_taps(lab: Lab, machine: str) -> None:
    for tap in taps(lab):
        if tap.startswith(_tap(machine)):
            run(["ip", "-n", lab.namespace, "link", "delete", tap])


def taps(lab: Lab) -> list[str]:
    """Names of the taps in the lab's namespace; it takes them along when it goes."""
    if not exists(lab.namespace):
        return []
    return [line.split(":")[0] for line in run(["ip", "-n", lab.namespace, "tuntap", "show"]).stdout.splitlines()]


def _tap(machine: str) -> str:
    return f"t{hashlib.sha256(machine.encode()).hexdigest()[:10]}n"


def down(lab: Lab) -> None:
    prefix = lab.machine_namespace("")
    for path in sorted(Path("/run/netns").glob(f"{prefix}*")) if Path("/run/netns").is_dir() else []:
        run(["ip", "netns", "delete", path.name])
    if exists(lab.namespace):
        run(["ip", "netns", "delete", lab.namespace])
