# SPDX-License-Identifier: GPL-3.0-or-later
"""A small, pure model of what the API makes of steps: allocation, hotplug, pending changes, unused disks, power, HA."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import Do, Step
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import ObservedGuest

NEVER_LIVE = ("cores", "sockets", "cpu", "machine", "bios", "numa", "memory", "vga", "serial0", "scsihw", "ostype", "affinity", "boot",
              "agent", "efidisk0", "tpmstate0", "acpi", "tablet", "hotplug")  # fmt: skip
NEW_DRIVE_PARTS = ("discard", "ssd", "iothread", "cache", "aio", "ro")
HIDDEN = "**********"
IMAGE_GIB = 3


def parts_of(text: str) -> dict[str, str]:
    return {key if found else "": value if found else key for key, found, value in (part.partition("=") for part in text.split(","))}


def is_disk(key: str) -> bool:
    return key.rstrip("0123456789") in ("scsi", "virtio", "sata", "ide", "efidisk", "tpmstate")


@dataclass
class Machine:
    """One VM. ``config`` is what it runs with; ``pending`` (None: delete) waits for its next start."""

    vmid: int
    node: str
    status: str
    config: dict[str, Any]
    pool: str | None = None
    pending: dict[str, Any] = field(default_factory=dict)
    ha: dict[str, Any] | None = None
    key_known: bool = False
    destroyed: set[str] = field(default_factory=set)
    reboots: int = 0
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def seen(self) -> ObservedGuest:
        shown = {**self.config, **{key: value for key, value in self.pending.items() if value is not None}}
        shown = {key: value for key, value in shown.items() if key not in self.pending or self.pending[key] is not None}
        active = {key: str(self.config[key]) for key in self.pending if key in self.config}
        pending = {key: None if value is None else str(value) for key, value in self.pending.items()}
        return ObservedGuest(self.vmid, str(shown["name"]), self.node, self.status, self.pool, shown, "d", pending, active)

    @property
    def volumes(self) -> set[str]:
        """Every disk that it has, used, unused or waiting."""
        everything = [*self.config.items(), *((key, value) for key, value in self.pending.items() if value is not None)]
        return {parts_of(str(value))[""] for key, value in everything if is_disk(key) or key.startswith("unused")}

    def take(self, steps: tuple[Step, ...]) -> Machine:
        order = [list(Do).index(step.do) for step in steps]
        assert order == sorted(order), "steps come in the order of their kinds"
        for step in steps:
            getattr(self, f"_{step.do}")(step.values)
        return self

    # ------------------------------------------------------------------ steps

    def _pool(self, values: Mapping[str, Any]) -> None:
        self.pool = values["pool"]

    def _config(self, values: Mapping[str, Any]) -> None:
        assert not set(values["set"]) & set(values["delete"]), "set and deleted at once"
        for key in values["delete"]:
            assert not is_disk(key), "a disk is detached by a step of its own"
            self._put(key, None)
            self._leave_order(key)
        for key, value in values["set"].items():
            self._put(key, self._made(key, value))

    def _detach(self, values: Mapping[str, Any]) -> None:
        for key in values["keys"]:
            self._put(key, None)
            self._leave_order(key)

    def _purge(self, values: Mapping[str, Any]) -> None:
        for volume in values["volumes"]:
            (slot,) = (key for key, value in self.config.items() if key.startswith("unused") and value == volume)
            self.destroyed.add(self.config.pop(slot))

    def _move_disk(self, values: Mapping[str, Any]) -> None:
        key = values["disk"]
        place = self.pending if self.pending.get(key) is not None else self.config
        _, rest = str(place[key]).split(":", 1)
        place[key] = f"{values['storage']}:{rest}"

    def _resize(self, values: Mapping[str, Any]) -> None:
        key = values["disk"]
        place = self.pending if self.pending.get(key) is not None else self.config
        parts = parts_of(str(place[key]))
        assert gib(values["size"]) > gib(parts["size"]), "shrinking disks is not supported"
        place[key] = ",".join([parts.pop(""), *(f"{name}={value}" for name, value in {**parts, "size": values["size"]}.items())])

    def _migrate(self, values: Mapping[str, Any]) -> None:
        self.node = values["target"]

    def _ha(self, values: Mapping[str, Any]) -> None:
        if values["resource"] is None:
            self.ha = None
            return
        nodes = (self.ha or {}).get("nodes") if values["nodes"] is None else values["nodes"]
        self.ha = {**values["resource"], **({"nodes": dict(nodes), "strict": values["strict"]} if nodes else {})}

    def _start(self, _: Mapping[str, Any]) -> None:
        self._apply_pending()
        self.status = "running"

    def _shutdown(self, _: Mapping[str, Any]) -> None:
        self.status = "stopped"

    def _reboot(self, _: Mapping[str, Any]) -> None:
        assert self.pending, "a reboot for nothing"
        self.reboots += 1
        self._apply_pending()

    def _template(self, _: Mapping[str, Any]) -> None:
        assert self.status == "stopped", "a running guest cannot become a template"
        self.config["template"] = 1

    def _host_key(self, _: Mapping[str, Any]) -> None:
        self.key_known = True

    # ---------------------------------------------------------------- details

    def _put(self, key: str, value: Any) -> None:
        if self.status == "running" and self._waits(key, value):
            self.pending[key] = value
            if str(value) == str(self.config.get(key)):
                del self.pending[key]
            return
        self.pending.pop(key, None)
        self._replace(key, value)

    def _leave_order(self, key: str) -> None:
        devices = str(self.pending.get("boot") or self.config.get("boot", "")).removeprefix("order=").split(";")
        if key in devices:
            place = self.pending if self.status == "running" else self.config
            place["boot"] = "order=" + ";".join(device for device in devices if device != key)

    def _replace(self, key: str, value: Any) -> None:
        old = self.config.pop(key, None)
        if old is not None and is_disk(key) and "media=cdrom" not in str(old):
            volume = parts_of(str(old))[""]
            if value is None or parts_of(str(value))[""] != volume:
                self.config[f"unused{next(self._numbers)}"] = volume
        if value is not None:
            self.config[key] = value

    def _apply_pending(self) -> None:
        for key, value in list(self.pending.items()):
            self._replace(key, value)
        self.pending.clear()

    def _waits(self, key: str, value: Any) -> bool:
        old = self.config.get(key)
        if key in NEVER_LIVE:
            return True
        if key == "balloon":
            return (old is None or int(old) > 0) != (value is None or int(value) > 0)
        if is_disk(key):
            if old is not None and value is not None and parts_of(str(old))[""] == parts_of(str(value))[""]:
                return any(parts_of(str(old)).get(part) != parts_of(str(value)).get(part) for part in NEW_DRIVE_PARTS)
            return key.startswith(("ide", "sata"))
        return False

    def _made(self, key: str, value: Any) -> Any:
        if key == "cipassword":
            return HIDDEN
        if key.startswith("net"):
            return re.sub(r"^model=(\w+)", lambda model: f"{model[1]}={mac(self._numbers)}", str(value))
        if not is_disk(key):
            return value
        parts = parts_of(str(value))
        storage, _, asked = parts.pop("").partition(":")
        if asked == "cloudinit":
            return f"{storage}:vm-{self.vmid}-cloudinit,media=cdrom"
        if not asked.replace(".", "", 1).isdecimal():
            return value
        size = f"{IMAGE_GIB}G" if parts.pop("import-from", None) else f"{round(float(asked) * 1024)}M"
        parts.pop("format", None)
        rest = "".join(f",{name}={text}" for name, text in parts.items())
        return f"{storage}:vm-{self.vmid}-disk-{next(self._numbers)}{rest},size={size}"


def created(vmid: int, step: Step) -> Machine:
    """What a create step makes."""
    machine = Machine(vmid, step.values["node"], "stopped", {}, step.values.get("pool"))
    machine.config = {key: machine._made(key, value) for key, value in step.values["config"].items()}
    return machine


def cloned(vmid: int, step: Step, template: Mapping[str, Any], name: str, description: str) -> Machine:
    """What a clone step makes: everything of the template, other MAC addresses, other volumes."""
    machine = Machine(vmid, step.values["node"], "stopped", {}, step.values.get("pool"))
    for key, value in template.items():
        text = str(value)
        if is_disk(key) and "storage" in step.values:
            text = f"{step.values['storage']}:{text.split(':', 1)[1]}"
        if key.startswith("net"):
            model, _, rest = text.partition("=")
            text = f"{model}={mac(machine._numbers)}{rest[17:]}"
        if key not in ("template", "digest"):
            machine.config[key] = text if is_disk(key) or key.startswith("net") else value
    machine.config |= {"name": name, "description": description}
    return machine


def mac(numbers: Any) -> str:
    return f"BC:24:11:99:00:{next(numbers):02X}"


def gib(text: str) -> float:
    return float(text[:-1]) * {"K": 2**-20, "M": 2**-10, "G": 1, "T": 2**10}[text[-1]]
