# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: what the API will check when a guest's steps are carried out: the schema's rules for the calls, and what it checks in its code.

The latter is not in the schema. It was read in the sources of qemu-server 7.4 to 9.2: the privilege for each key of a configuration, the
space on storages, the bridges (from 8.0), who may move a guest into a pool.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .diff import Do, Step
from .disks import DRIVE, volume_disks
from .nics import NIC
from .permissions import Check, Demand
from .schema import AGENT, VMS, ApiSchema
from .values import properties

KEYS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"cores|cpu|cpulimit|cpuunits|numa\d*|sockets|vcpus", ("VM.Config.CPU",)),
    (r"memory|balloon|shares|allow-ksm", ("VM.Config.Memory",)),
    (r"acpi|audio0|hostpci\d+|hotplug|kvm|machine|rng0|scsihw|serial\d+|smbios1|tablet|usb\d+|vga|watchdog", ("VM.Config.HWType",)),
    (r"agent|autostart|bios|description|keyboard|localtime|name|onboot|ostype|protection|reboot|startdate|startup|tags|tdf|template",
     ("VM.Config.Options",)),
    (r"boot|bootdisk|vmstatestorage|unused\d+|virtiofs\d+", ("VM.Config.Disk",)),
    (r"net\d+", ("VM.Config.Network",)),
    (r"cicustom|cipassword|citype|ciupgrade|ciuser|ipconfig\d+|nameserver|searchdomain|sshkeys", ("VM.Config.Cloudinit", "VM.Config.Network")),
    (r"freeze", ("VM.PowerMgmt",)),
)  # fmt: skip
CALLS: Mapping[Do, tuple[tuple[str, str], ...]] = {
    Do.CLONE: (("POST", f"{VMS}/clone"),),
    Do.CREATE: (("POST", "/nodes/{node}/qemu"),),
    Do.POOL: (("PUT", "/pools/{poolid}"),),
    Do.CONFIG: (("PUT", f"{VMS}/config"),),
    Do.DETACH: (("PUT", f"{VMS}/config"),),
    Do.PURGE: (("PUT", f"{VMS}/config"),),
    Do.MOVE_DISK: (("POST", f"{VMS}/move_disk"),),
    Do.RESIZE: (("PUT", f"{VMS}/resize"),),
    Do.MIGRATE: (("POST", f"{VMS}/migrate"),),
    Do.HA: (("GET", "/cluster/ha/resources"), ("POST", "/cluster/ha/resources")),
    Do.START: (("POST", f"{VMS}/status/start"),),
    Do.SHUTDOWN: (("POST", f"{VMS}/status/shutdown"),),
    Do.REBOOT: (("POST", f"{VMS}/status/reboot"),),
    Do.STOP: (("POST", f"{VMS}/status/stop"),),
    Do.TEMPLATE: (("POST", f"{VMS}/template"),),
    Do.DESTROY: (("DELETE", VMS),),
    Do.HOST_KEY: (
        ("GET", f"{AGENT}/file-read"), ("POST", f"{AGENT}/file-write"), ("POST", f"{AGENT}/exec"), ("GET", f"{AGENT}/exec-status"),
    ),
}  # fmt: skip
READING = (("GET", f"{VMS}/pending"), ("GET", f"{VMS}/status/current"))
WAITING = (("POST", f"{AGENT}/ping"), ("GET", f"{AGENT}/network-get-interfaces"), ("GET", f"{AGENT}/file-read"))


@dataclass(frozen=True)
class Subject:
    """A guest whose steps are judged.

    before: its configuration, or that of the template it is cloned from; empty for a new one. storages: where each disk is in the end.
    """

    name: str
    vmid: int
    node: str
    pool: str | None
    fresh: bool
    before: Mapping[str, Any]
    steps: tuple[Step, ...]
    storages: Mapping[str, str]


def demands_of(guest: Subject, schema: ApiSchema, release: int, *, waits: bool) -> Iterator[Demand]:
    """Everything that the steps of one guest need. ``release``: major version of the API; ``waits``: for the guest's agent after a start."""
    if not guest.steps:
        return
    yield from _calls(guest, schema, READING, "observe the guest", {})
    for step in guest.steps:
        purpose = step.text if guest.name in step.text else f"{step.text}, {guest.name}"
        yield from _calls(guest, schema, CALLS[step.do], purpose, _params(guest, step))
        for check in _in_code(guest, step, release):
            yield _demand(guest, check, purpose, {})
    if waits and any(step.do in (Do.START, Do.REBOOT) for step in guest.steps):
        yield from _calls(guest, schema, WAITING, f"wait until {guest.name} is ready", {})


def _demand(guest: Subject, check: Check, purpose: str, params: Mapping[str, str]) -> Demand:
    given = {"vmid": str(guest.vmid), "node": guest.node, **params}
    return Demand(check, purpose, given, guest.vmid, guest.pool, guest.fresh)


def _calls(guest: Subject, schema: ApiSchema, calls: tuple[tuple[str, str], ...], purpose: str, params: Mapping[str, str]) -> Iterator[Demand]:
    for method, path in calls:
        rule = schema.rule(method, path)
        if rule is None or rule.get("check"):
            yield _demand(guest, rule["check"] if rule else ["root", f"call {method} {path}"], purpose, params)


def _params(guest: Subject, step: Step) -> dict[str, str]:
    """The parameters of the step's call that its rule may name."""
    pool = {"pool": guest.pool, "poolid": guest.pool} if guest.pool else {}
    return {**pool, **({"vmid": str(step.values["template"]), "newid": str(guest.vmid)} if step.do is Do.CLONE else {})}


# ------------------------------------------------------------------- checked in the API's code


def _in_code(guest: Subject, step: Step, release: int) -> Iterator[Check]:
    values = step.values
    match step.do:
        case Do.CLONE:
            yield from _clone(guest.before, values.get("storage"), release)
        case Do.CREATE:
            yield _guest("VM.Allocate")
            yield from _keys(values["config"], guest.before, release, new=True)
        case Do.CONFIG | Do.DETACH | Do.PURGE:
            yield from _config(values, guest.before, release)
        case Do.MOVE_DISK:
            yield _space(str(values["storage"]))
        case Do.RESIZE:
            yield _space(guest.storages[str(values["disk"])])
        case Do.POOL:
            yield ["perm", "/vms/{vmid}", ["VM.Allocate", "Permissions.Modify"], "any", 1]


def _config(values: Mapping[str, Any], before: Mapping[str, Any], release: int) -> Iterator[Check]:
    yield from _keys(values.get("set", {}), before, release)
    for key in (*values.get("delete", ()), *values.get("keys", ())):
        yield _privilege(key, str(before.get(key, "")))
    for volume in values.get("volumes", ()):
        yield _guest("VM.Config.Disk")
        yield _space(str(volume).split(":", 1)[0])


def _at(path: str, *privileges: str) -> Check:
    return ["perm", path, list(privileges), *(("any", 1) if len(privileges) > 1 else ())]


def _guest(*privileges: str) -> Check:
    return _at("/vms/{vmid}", *privileges)


def _space(storage: str) -> Check:
    return _at(f"/storage/{storage}", "Datastore.AllocateSpace")


def _bridge(value: str, release: int) -> Iterator[Check]:
    parts = properties(value)
    if release >= 8 and parts.get("bridge"):
        yield _at(f"/sdn/zones/localnetwork/{parts['bridge']}" + (f"/{parts['tag']}" if parts.get("tag") else ""), "SDN.Use")


def _clone(template: Mapping[str, Any], storage: str | None, release: int) -> Iterator[Check]:
    disks = volume_disks(template)
    for key, value in template.items():
        if NIC.fullmatch(key):
            yield from _bridge(str(value), release)
        elif key in disks:
            yield _space(storage or str(value).split(":", 1)[0])


def _keys(values: Mapping[str, Any], before: Mapping[str, Any], release: int, *, new: bool = False) -> Iterator[Check]:
    for key, value in values.items():
        yield from _key(key, str(value), str(before.get(key, "")), release, new=new)


def _key(key: str, value: str, before: str, release: int, *, new: bool) -> Iterator[Check]:
    """One key of a configuration that is set."""
    if not DRIVE.fullmatch(key):
        yield _privilege(key, value)
        if key == "startup":
            yield _at("/", "Sys.Modify")  # it changes how the host behaves
        if NIC.fullmatch(key):
            yield from _bridge(value, release)
        return
    if not new:  # who may make a guest may give it drives
        yield _privilege(key, value or before)
    drive = properties(value, "file")
    storage, _, volume = drive.get("file", "").partition(":")
    if re.fullmatch(r"\d+(?:\.\d+)?", volume):
        yield _space(storage)
    if drive.get("import-from"):
        yield _at(f"/storage/{drive['import-from'].split(':', 1)[0]}", "Datastore.AllocateSpace", "Datastore.Audit", "Datastore.Allocate")


def _privilege(key: str, value: str) -> Check:
    if DRIVE.fullmatch(key):
        if "cloudinit" in value:
            return ["and", _guest("VM.Config.Cloudinit"), _guest("VM.Config.CDROM")]
        return _guest("VM.Config.CDROM" if "media=cdrom" in value else "VM.Config.Disk")
    for pattern, privileges in KEYS:
        if re.fullmatch(pattern, key):
            return _guest(*privileges)
    return ["root", f"set {key}"]
