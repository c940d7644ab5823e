# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure: the generations of a golden template. Which one is to be the newest, what the others are called, and which may go.

A generation is a template that we made. Its description names the template, its ordinal and the fingerprint of what it was made of; its SMBIOS
UUID is our mark, which a clone never inherits. The newest generation bears the template's name, older ones ``NAME-gN``, so that whoever clones
by name gets the newest.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid as uuids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .diff import NO_UNDO, Change, Do, Step
from .errors import RefusedError
from .guest import NAME, ObservedGuest
from .values import properties

TEMPLATE_TAG = "lotse-template"
LINE = re.compile(r"^lotse-template: (\S+) g([1-9]\d*) ([0-9a-f]{16})$", re.MULTILINE)
NAMESPACE = uuids.UUID("c1f6ae0c-4a3b-5c0e-9b0f-6f7d3c5f0a11")
DIGITS = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
SUFFIXES = (".qcow2", ".raw", ".vmdk")
HARDWARE = frozenset({
    "cores", "sockets", "cpu", "cpu_limit", "cpu_units", "numa", "memory_mib", "balloon_mib", "machine", "bios", "efi", "tpm", "os_type",
    "scsi_controller", "vga", "serial", "agent", "boot", "nics", "api_options",
})  # fmt: skip
# What cloud images expect, unless it is stated otherwise. Not part of the fingerprint.
CLOUD_HARDWARE = {"agent": True, "os_type": "l26", "scsi_controller": "virtio-scsi-single", "serial": "socket"}
VOLUME = re.compile(r"[a-z][\w.-]*:\S+", re.IGNORECASE)
FILE_NAME = re.compile(r"[\w.+=-]+")


@dataclass(frozen=True)
class Image:
    """A disk image: a volume that a storage has already, or a URL with its checksum."""

    volume: str | None = None
    url: str | None = None
    checksum: str = ""
    algorithm: str = "sha256"
    file_name: str | None = None
    verify_certificates: bool = True

    @property
    def identity(self) -> str:
        """What makes another image of it; the same file from another mirror is the same image."""
        return f"volume:{self.volume}" if self.volume else f"{self.algorithm}:{self.checksum.lower()}"

    @property
    def source(self) -> str:
        """Where it comes from, without what may be secret in a URL."""
        return self.volume or re.sub(r"//[^/@]*@", "//", (self.url or "").partition("?")[0])

    @property
    def stored_name(self) -> str:
        """The file's name on a storage, with the start of its checksum: two images never meet in one file."""
        name = self.file_name or self.source.rstrip("/").rpartition("/")[2]
        stem, dot, suffix = name.rpartition(".")
        return f"{stem}-{self.checksum[:12].lower()}{dot}{suffix}"

    def problems(self) -> list[str]:
        if self.volume:
            wrong = not VOLUME.fullmatch(self.volume)
            return [f"image.volume {self.volume!r} is not a volume such as local:import/debian-13.qcow2"] if wrong else []
        found = []
        if not re.match(r"https?://.", self.url or ""):
            found.append(f"image.url {self.url!r} is not an http or https URL")
        if len(self.checksum) != DIGITS[self.algorithm] or not re.fullmatch(r"[0-9a-fA-F]*", self.checksum):
            found.append(f"image.checksum is not a {self.algorithm} checksum ({DIGITS[self.algorithm]} hexadecimal digits)")
        if not self.stored_name.endswith(SUFFIXES) or not FILE_NAME.fullmatch(self.stored_name):
            found.append(
                f"an image is stored under a name that ends in {', '.join(SUFFIXES)} and has no spaces, {self.stored_name!r} does not:"
                " give image.file_name (a file called .img is mostly a qcow2 image: call it .qcow2 then; compressed ones cannot be imported)"
            )
        return found


@dataclass(frozen=True)
class Recipe:
    """What a template shall be made of. hardware: options of a guest (``cores``, ``nics``, …); disk: those of its first disk, and its ``key``."""

    name: str
    node: str
    image: Image
    storage: str
    import_storage: str
    disk: Mapping[str, Any]
    hardware: Mapping[str, Any]
    pool: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Of image and hardware as stated. What is not stated does not count, so that a new option changes nothing."""
        made_of = {"image": self.image.identity, "storage": self.storage, "disk": self.disk, "hardware": self.hardware}
        return hashlib.sha256(json.dumps(_canonical(made_of), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def volume(self) -> str:
        """Volume id that the first disk is imported from."""
        return self.image.volume or f"{self.import_storage}:import/{self.image.stored_name}"

    def problems(self) -> list[str]:
        longest = self.name_of(9999)
        wrong = [] if NAME.fullmatch(longest) else [f"name {self.name!r} is not a host name, or too long with an ordinal behind it"]
        unknown = ", ".join(sorted(set(self.hardware) - HARDWARE))
        return wrong + self.image.problems() + ([f"hardware: unknown option {unknown}"] if unknown else [])

    def name_of(self, ordinal: int) -> str:
        """What a generation is called that is not, or not yet, the newest one."""
        return f"{self.name}-g{ordinal}"

    def mark(self, ordinal: int) -> str:
        return str(uuids.uuid5(NAMESPACE, f"{self.name} {self.node} g{ordinal} {self.fingerprint}"))

    def row(self, ordinal: int) -> dict[str, Any]:
        """The generation as a guest, in the shape of the option ``guests``."""
        mark = self.mark(ordinal)
        text = f"Generation {ordinal} of the golden template {self.name}, made from {self.image.source}\n\n"
        disk = {"storage": self.storage, **_stated(self.disk)}
        key = str(disk.pop("key", "scsi0"))
        hardware = {**CLOUD_HARDWARE, "boot": [key], **_stated(self.hardware)}
        hardware |= {kind: {"storage": self.storage, **hardware[kind]} for kind in ("efi", "tpm") if kind in hardware}
        return {
            "name": self.name_of(ordinal), "uuid": mark, "node": self.node, "pool": self.pool, "image": self.volume, "state": "template",
            "tags": sorted({TEMPLATE_TAG, *self.tags}), "ci_storage": self.storage, **hardware,
            "description": f"{text}lotse-template: {self.name} g{ordinal} {self.fingerprint}",
            "disks": {key: disk},
            "api_options": {**hardware.get("api_options", {}), "smbios1": f"uuid={mark}"},
        }  # fmt: skip


def _stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not stated."""
    return {key: value for key, value in options.items() if value is not None}


def _canonical(value: Any) -> Any:
    """The same for every spelling of numbers and booleans, without what is not stated."""
    if isinstance(value, Mapping):
        parts = {str(key): _canonical(part) for key, part in value.items() if part is not None}
        return {key: part for key, part in parts.items() if part != {}}
    if isinstance(value, list | tuple):
        return [_canonical(part) for part in value]
    text = str(value).strip()
    return {"true": "1", "yes": "1", "on": "1", "false": "0", "no": "0", "off": "0"}.get(text.lower(), text)


@dataclass(frozen=True)
class Generation:
    """One generation as it is. ``finished``: it is a template, else it is half-made."""

    template: str
    ordinal: int
    fingerprint: str
    guest: ObservedGuest

    @property
    def vmid(self) -> int:
        return self.guest.vmid

    @property
    def finished(self) -> bool:
        return str(self.guest.config.get("template", "0")) == "1"

    @property
    def where(self) -> str:
        return f"generation {self.ordinal} of {self.template} (VM {self.vmid} on {self.guest.node})"


def generation_of(guest: ObservedGuest) -> Generation | None:
    """None for whatever we did not make, and for clones of what we made: they inherit the description, but not the SMBIOS UUID."""
    line = LINE.search(str(guest.config.get("description", "")))
    smbios = properties(str(guest.config.get("smbios1", ""))).get("uuid", "").lower()
    if line is None or guest.mark is None or guest.mark != smbios:
        return None
    return Generation(line[1], int(line[2]), line[3], guest)


@dataclass(frozen=True)
class Rotation:
    """What is to become of the generations. ``newest`` is None while the newest one is still to be made."""

    ordinal: int
    newest: Generation | None
    names: tuple[tuple[Generation, str], ...]  # generations that are called otherwise than they should be
    extra: tuple[Generation, ...]  # those that may go, in the order in which they go: half-made ones, then the oldest

    @property
    def complete(self) -> bool:
        return self.newest is not None and self.newest.finished


def rotation(recipe: Recipe, found: Sequence[Generation], keep: int) -> Rotation:
    """found: the template's generations on all nodes; those on the recipe's node are rotated. The newest ``keep`` finished ones stay.

    Generations are numbered through for all nodes, because names must not meet.
    """
    ranked = sorted((one for one in found if one.guest.node == recipe.node), key=lambda one: (-one.ordinal, one.vmid))
    newest = ranked[0] if ranked and ranked[0].fingerprint == recipe.fingerprint else None
    ordinal = newest.ordinal if newest else max((one.ordinal for one in found), default=0) + 1
    others = [one for one in ranked if one is not newest]
    older = [one for one in others if one.finished]
    half_made = [one for one in others if not one.finished]
    wanted = [(newest, recipe.name)] if newest is not None and newest.finished else []
    wanted += [(one, recipe.name_of(one.ordinal)) for one in older]
    names = tuple((one, name) for one, name in wanted if one.guest.name != name)
    return Rotation(ordinal, newest, names, (*half_made, *reversed(older[keep - 1 :])))


@dataclass(frozen=True)
class Removal:
    """A generation that goes, or stays because of ``kept``."""

    generation: Generation
    kept: str | None = None


def removals(extra: Sequence[Generation], held: Mapping[int, str], max_destroys: int) -> list[Removal]:
    """held: why a generation must stay, by VMID. At most ``max_destroys`` go."""
    found: list[Removal] = []
    for one in extra:
        why = held.get(one.vmid)
        if why is None and one.guest.lock:
            why = f"it is locked ({one.guest.lock})"
        if why is None and one.guest.protected:
            why = "it is protected"
        if why is None and sum(removal.kept is None for removal in found) >= max_destroys:
            why = f"max_destroys is {max_destroys}"
        found.append(Removal(one, why))
    return found


# ---------------------------------------------------------------- linked clones


def base_volumes(guest: ObservedGuest) -> tuple[str, ...]:
    """Volume ids of a template that linked clones can be based on."""
    volumes = (str(value).partition(",")[0] for value in guest.config.values())
    return tuple(sorted({volume for volume in volumes if re.search(r":(?:.*/)?base-\d+-", volume)}))


def based_on(volume: str, bases: Sequence[str]) -> bool:
    """Whether a volume is a linked clone: its id starts with that of its base."""
    return any(volume.startswith(f"{base}/") for base in bases)


def linked_volumes(guest: ObservedGuest, bases: Sequence[str]) -> list[str]:
    """Volumes of a guest that are linked clones of these bases, also those that it keeps as unused ones."""
    return sorted(volume for volume in (str(value).partition(",")[0] for value in guest.config.values()) if based_on(volume, bases))


# ------------------------------------------------------------------------ steps


def download_step(recipe: Recipe) -> Step:
    """The API proves the checksum, also that of a file that is there already."""
    image = recipe.image
    values = {
        "node": recipe.node, "storage": recipe.import_storage, "content": "import", "filename": image.stored_name, "url": image.url,
        "checksum": image.checksum.lower(), "checksum-algorithm": image.algorithm, "verify-certificates": int(image.verify_certificates),
    }  # fmt: skip
    text = f"have {recipe.volume} with {image.algorithm} {image.checksum.lower()[:12]}…, from {image.source}"
    return Step(Do.DOWNLOAD, text, f"remove {recipe.volume}", values)


def name_step(ordinal: int, before: str, after: str) -> Step:
    change = (Change("name", before, after),)
    return Step(Do.CONFIG, f"call generation {ordinal} {after}", f"call it {before} again", {"set": {"name": after}, "delete": ()}, change)


def destroy_step(generation: Generation) -> Step:
    half = "" if generation.finished else ", which is half-made"
    return Step(Do.DESTROY, f"destroy {generation.where} with its disks{half}", NO_UNDO)


def refuse(problems: Sequence[str]) -> None:
    if problems:
        raise RefusedError(problems)
