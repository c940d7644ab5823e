# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as it is desired and as it is observed: two types on purpose."""

from __future__ import annotations

import re
import uuid as uuids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_interface
from typing import Any

from .errors import RefusedError
from .values import GIB, size_bytes

OWNER_TAG = "lotse"
MARK = re.compile(r"^lotse-guest: ([0-9a-f-]{36})$", re.MULTILINE)
HOST_KEY_MARK = re.compile(r"^lotse-host-key: (SHA256:[A-Za-z0-9+/]+)$", re.MULTILINE)
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE)
DISK = re.compile(r"(?:scsi|virtio|sata|ide)\d+")
NIC = re.compile(r"net\d+")


@dataclass(frozen=True)
class Disk:
    """A disk that must exist: at least ``size`` bytes on ``storage`` (None: wherever it is)."""

    key: str
    size: int
    storage: str | None = None


@dataclass(frozen=True)
class DesiredGuest:
    """What a guest shall be. None means: not stated, leave it alone.

    ``options`` holds the stated options of the field table (``fields.py``) by option name.
    """

    name: str
    uuid: str
    node: str
    template: str | int | None = None
    pool: str | None = None
    address: str | None = None  # with prefix: 10.77.0.103/24
    tags: tuple[str, ...] = (OWNER_TAG,)
    disks: tuple[Disk, ...] = ()
    nics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    state: str | None = None  # of this guest; None: as the fleet's
    adopt: int | None = None  # VMID of a guest of this name without a mark that is to be taken over
    ha: Mapping[str, Any] | bool | None = None  # False: not managed

    @property
    def host(self) -> str | None:
        """The address without its prefix."""
        return None if self.address is None else str(ip_interface(self.address).ip)


@dataclass(frozen=True)
class ObservedGuest:
    """What the API says. ``config`` includes pending values (and lacks what is to be deleted), without ``digest``.

    pending: what waits for the next start, None: deleted then. active: what these keys are until then (a key that is not set is missing).
    """

    vmid: int
    name: str
    node: str
    status: str
    pool: str | None
    config: Mapping[str, Any]
    digest: str | None = None
    pending: Mapping[str, str | None] = field(default_factory=dict)
    active: Mapping[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> str | None:
        """Our UUID in the description; None for a stranger."""
        found = MARK.search(str(self.config.get("description", "")))
        return found[1] if found else None

    @property
    def host_key(self) -> str | None:
        """Fingerprint of the ssh host key that we gave it."""
        found = HOST_KEY_MARK.search(str(self.config.get("description", "")))
        return found[1] if found else None

    @property
    def lock(self) -> str | None:
        held = self.config.get("lock")
        return None if held is None else str(held)


@dataclass(frozen=True)
class Template:
    """A template as the cluster lists it."""

    vmid: int
    name: str
    node: str
    config: Mapping[str, Any] = field(default_factory=dict)


def description(mark: str, host_key: str | None = None, text: str = "") -> str:
    """A guest's description that carries our mark."""
    lines = [*text.rstrip().splitlines(), f"lotse-guest: {mark}", *([f"lotse-host-key: {host_key}"] if host_key else [])]
    return "\n".join(lines) + "\n"


def without_marks(text: str) -> str:
    """The part of a description that belongs to the operator."""
    return HOST_KEY_MARK.sub("", MARK.sub("", text)).strip()


def desired_guests(rows: Sequence[Mapping[str, Any]], ssh_keys: Sequence[str] = (), user: str | None = None) -> list[DesiredGuest]:
    """From dictionaries in the shape of the plan's ``guests``. Raises RefusedError with every problem found."""
    problems: list[str] = []
    guests: list[DesiredGuest] = []
    for row in rows:
        try:
            guests.append(_desired(row, ssh_keys, user))
        except (ValueError, KeyError, TypeError) as failure:
            reason = f"{failure.args[0]} is missing" if isinstance(failure, KeyError) else str(failure)
            problems.append(f"guest {row.get('name') or '?'}: {reason}")
    for what, values in (
        ("name", [guest.name.lower() for guest in guests]),
        ("uuid", [guest.uuid for guest in guests]),
        ("address", [guest.host for guest in guests if guest.host]),
    ):
        twice = sorted({str(value) for value in values if values.count(value) > 1})
        problems += [f"two guests have the {what} {value}" for value in twice]
    if not rows:
        problems.append("the list of guests is empty")
    if problems:
        raise RefusedError(problems)
    return guests


def _desired(row: Mapping[str, Any], ssh_keys: Sequence[str], user: str | None) -> DesiredGuest:
    name, node = str(row["name"]), str(row["node"])
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid host name")
    address = row.get("address")
    options: dict[str, Any] = {key: row.get(key) for key in ROW_OPTIONS if row.get(key) is not None}
    if address is not None:
        interface = ip_interface(str(address))
        if "/" not in str(address):
            raise ValueError(f"address {address} has no prefix length")
        key, gate = ("ip", "gw") if interface.version == 4 else ("ip6", "gw6")
        options["network"] = {key: str(address), **({gate: str(row["gateway"])} if row.get("gateway") else {})}
    if ssh_keys:
        options["ssh_keys"] = list(ssh_keys)
    if user and "ci_user" not in options:
        options["ci_user"] = user
    options.setdefault("agent", True)
    return DesiredGuest(
        name=name,
        uuid=str(uuids.UUID(str(row["uuid"]))),
        node=node,
        template=row.get("template"),
        pool=row.get("pool") or None,
        address=None if address is None else str(address),
        tags=tuple(sorted({OWNER_TAG, *(str(tag).lower() for tag in row.get("tags") or ())})),
        disks=tuple(_disk(str(key), disk) for key, disk in sorted((row.get("disks") or {}).items())),
        nics={
            _nic(str(key)): {option: value for option, value in (stated or {}).items() if value is not None}
            for key, stated in sorted((row.get("nics") or {}).items())
        },
        options=options,
        state=row.get("state"),
        adopt=None if row.get("adopt") is None else int(row["adopt"]),
    )


def _nic(key: str) -> str:
    if not NIC.fullmatch(key):
        raise ValueError(f"nic {key!r}: expected a name such as net0")
    return key


def _disk(key: str, given: Mapping[str, Any]) -> Disk:
    if not DISK.fullmatch(key):
        raise ValueError(f"disk {key!r}: expected a name such as scsi0 or virtio1")
    size = size_bytes(str(given["size"])) if "size" in given else int(given["size_gib"]) * GIB
    if size < GIB:
        raise ValueError(f"disk {key}: smaller than 1 GiB")
    return Disk(key, size, given.get("storage"))


ROW_OPTIONS = (
    "cores", "sockets", "cpu", "memory_mib", "balloon_mib", "onboot", "protection", "startup", "agent",
    "ci_user", "nameserver", "search_domain", "description",
)  # fmt: skip
