# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as it is desired and as it is observed: two types on purpose."""

from __future__ import annotations

import re
import uuid as uuids
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_interface
from typing import Any

from .disks import DRIVE, UNUSED, Disk, check_key, stated_disk
from .errors import RefusedError
from .fields import FIELDS, boot_devices, checked
from .firmware import FIRMWARE
from .nics import ADDRESS_OPTIONS, IPCONFIG, NIC, stated_network, stated_nic
from .values import megabytes, natural, words

OWNER_TAG = "lotse"
NAMES = uuids.UUID("6f1d1f0e-6c1a-5b0e-9d6c-3d6f3c1f8a55")  # a guest without a stated identity has one that follows from its name
MARK = re.compile(r"^lotse-guest: ([0-9a-f-]{36})$", re.MULTILINE)
HOST_KEY_MARK = re.compile(r"^lotse-host-key: (SHA256:[A-Za-z0-9+/]+)$", re.MULTILINE)
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE)
HA_STATES = ("started", "stopped", "ignored", "disabled")
CLOUD_INIT = ("ci_user", "ci_password", "ssh_keys", "nameserver", "search_domain", "ci_upgrade", "snippets")
NOT_OPTIONS = frozenset({"vmid", "node", "digest", "delete", "revert", "force", "skiplock", "lock", "template", "cipassword", "description"})


class State(StrEnum):
    """What shall be true of a guest."""

    PRESENT = "present"
    STARTED = "started"
    STOPPED = "stopped"
    TEMPLATE = "template"
    ABSENT = "absent"


@dataclass(frozen=True)
class DesiredGuest:
    """What a guest shall be. None, or what is missing: not stated, leave it alone.

    node: "" until somebody places it. adopt: VMID of a guest without our mark to take over. disks: in the order of their keys.
    nics, networks: by card (net0): options of the card, and what cloud-init gives it. absent: disks and cards that must not be there.
    options: the stated options of the field table (``fields.py``) by name. ha: False: not managed. efi, tpm: ``firmware.py``.
    """

    name: str
    uuid: str
    node: str = ""
    state: State | None = None
    adopt: int | None = None
    template: str | int | None = None
    full_clone: bool = True
    pool: str | None = None
    tags: tuple[str, ...] = (OWNER_TAG,)
    description: str | None = None
    disks: tuple[Disk, ...] = ()
    nics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()
    firmware: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    api_options: Mapping[str, Any] = field(default_factory=dict)
    password: str | None = field(default=None, repr=False)
    cloud_init: bool = False
    ci_storage: str | None = None
    ha: Mapping[str, Any] | bool | None = None

    @property
    def address(self) -> str | None:
        """The static address of net0 with its prefix, of IPv4 where both are stated."""
        network = self.networks.get("net0", {})
        return next((network[key] for key in ("ip", "ip6") if "/" in network.get(key, "")), None)

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

    @property
    def protected(self) -> bool:
        """Neither it nor its disks may be removed."""
        return str(self.config.get("protection", "0")) == "1"

    @property
    def is_template(self) -> bool:
        return str(self.config.get("template", "0")) == "1"


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


def uuid_of(name: str) -> str:
    """The identity of a guest that states none."""
    return str(uuids.uuid5(NAMES, name.lower()))


def desired_guests(rows: Sequence[Mapping[str, Any]], ssh_keys: Sequence[str] = (), user: str | None = None) -> list[DesiredGuest]:
    """From dictionaries in the shape of the plan's ``guests``. Raises RefusedError with every problem found."""
    problems: list[str] = []
    guests: list[DesiredGuest] = []
    for row in rows:
        try:
            guests.append(_desired(row, ssh_keys, user))
        except (ValueError, KeyError, TypeError, AttributeError) as failure:
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
    row = {key: value for key, value in row.items() if value is not None}
    name = str(row["name"])
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid host name")
    if "template" in row and "image" in row:
        raise ValueError("template and image are both stated: a guest is made from one of them")
    options = checked([entry for entry in FIELDS if entry.option not in ("name", "tags")], row)
    if ssh_keys:
        options.setdefault("ssh_keys", list(ssh_keys))
    if user:
        options.setdefault("ci_user", user)
    options.setdefault("agent", True)
    cards = {str(key): dict(given or {}) for key, given in (row.get("nics") or {}).items()}
    networks = _networks(row, cards)
    gone = frozenset(_gone(row.get("disks") or {}) + _gone(cards))
    _check_together(options, gone)
    return DesiredGuest(
        name=name,
        uuid=str(uuids.UUID(str(row["uuid"]))) if row.get("uuid") else uuid_of(name),
        node=str(row.get("node") or ""),
        state=State(row["state"]) if "state" in row else None,
        adopt=int(row["adopt"]) if "adopt" in row else None,
        template=row.get("template"),
        full_clone=bool(row.get("full_clone", True)),
        pool=row.get("pool") or None,
        tags=tuple(sorted({OWNER_TAG, *(tag.lower() for tag in words(row.get("tags") or ()))})),
        description=None if "description" not in row else str(row["description"]).strip(),
        disks=_disks(row, gone),
        nics={key: stated_nic(key, cards[key]) for key in sorted(cards, key=natural) if key not in gone},
        networks=networks,
        absent=gone,
        firmware={kind.key: kind.stated(row[kind.option]) for kind in FIRMWARE if kind.option in row},
        options=options,
        api_options=_api_options(row.get("api_options") or {}),
        password=str(row["ci_password"]) if row.get("ci_password") else None,
        cloud_init=bool(networks) or any(row.get(option) for option in CLOUD_INIT),
        ci_storage=row.get("ci_storage"),
        ha=_ha(row.get("ha")),
    )


def _check_together(options: Mapping[str, Any], gone: frozenset[str]) -> None:
    """Raises ValueError for what the API will not take together."""
    if both := sorted(gone & set(boot_devices(options.get("boot")))):
        raise ValueError(f"boot names {', '.join(both)}, which shall be absent")
    memory, balloon = options.get("memory_mib"), options.get("balloon_mib")
    if memory is not None and balloon is not None and int(balloon) > megabytes(memory):
        raise ValueError(f"balloon_mib {balloon} is more than memory_mib {memory}")


def _gone(given: Mapping[str, Any]) -> list[str]:
    """Keys whose state is absent. Raises ValueError for another state than present and absent."""
    states = {str(key): (value or {}).get("state") or "present" for key, value in given.items()}
    for key, state in states.items():
        if state not in ("present", "absent"):
            raise ValueError(f"{key}: its state is {state!r}, expected present or absent")
        if not NIC.fullmatch(key):
            check_key(key)
    return [key for key, state in states.items() if state == "absent"]


def _disks(row: Mapping[str, Any], gone: frozenset[str]) -> tuple[Disk, ...]:
    """The image goes to the first disk that the row names."""
    given = {str(key): value or {} for key, value in (row.get("disks") or {}).items() if str(key) not in gone}
    image, first = row.get("image"), next(iter(given), None)
    if image is not None and first is None:
        raise ValueError("its image needs a disk: name one with its storage")
    made = [stated_disk(key, value, str(image) if image is not None and key == first else None) for key, value in given.items()]
    return tuple(sorted(made, key=lambda disk: natural(disk.key)))


def _networks(row: Mapping[str, Any], cards: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """What is stated at the guest itself is of net0."""
    stated: dict[str, dict[str, Any]] = {key: {option: card.get(option) for option in ADDRESS_OPTIONS} for key, card in cards.items()}
    first = stated.setdefault("net0", {})
    for option in ADDRESS_OPTIONS:
        if row.get(option) is None:
            continue
        if first.get(option) is not None:
            raise ValueError(f"{option} is stated at the guest and at its nic net0")
        first[option] = row[option]
    networks = {key: stated_network(values) for key, values in sorted(stated.items(), key=lambda item: natural(item[0]))}
    return {key: network for key, network in networks.items() if network}


def _ha(given: Any) -> Mapping[str, Any] | bool | None:
    """``{"state", "max_restart", "max_relocate", "nodes": {"pve1": 2}, "strict"}`` as far as stated, or False. Raises ValueError."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        text = str(given).lower()
        if text not in ("true", "false", "yes", "no"):
            raise ValueError(f"ha: expected a dictionary or false, not {given!r}")
        return {} if text in ("true", "yes") else False
    stated = {key: value for key, value in given.items() if value is not None}
    if unknown := sorted(set(stated) - {"state", "max_restart", "max_relocate", "nodes", "strict"}):
        raise ValueError(f"ha: unknown option {', '.join(unknown)}")
    if stated.get("state", "started") not in HA_STATES:
        raise ValueError(f"ha: its state is {stated['state']!r}, expected one of {', '.join(HA_STATES)}")
    if "strict" in stated and not stated.get("nodes"):
        raise ValueError("ha: strict says that the guest runs on its nodes only, and nodes are not stated")
    if "nodes" in stated:
        ranks = stated["nodes"] if isinstance(stated["nodes"], Mapping) else dict.fromkeys(words(stated["nodes"]))
        stated["nodes"] = {str(node): int(rank or 0) for node, rank in ranks.items()}
    return stated


def _api_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """What has no option of its own. Raises ValueError for a key that has one, or that is no option at all."""
    own = {entry.api: entry.option for entry in FIELDS}
    for key, value in given.items():
        if key in own:
            raise ValueError(f"api_options: {key} is stated by the option {own[key]}")
        drive = DRIVE.fullmatch(key) and "media=cdrom" not in str(value)
        if key in NOT_OPTIONS or drive or any(pattern.fullmatch(key) for pattern in (NIC, IPCONFIG, UNUSED)):
            raise ValueError(f"api_options: {key} is not set this way")
    return {str(key): value for key, value in given.items() if value is not None}
