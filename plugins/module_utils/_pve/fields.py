# SPDX-License-Identifier: GPL-3.0-or-later
"""The field table: how each option of a guest is called in the API, compared, written and read back."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .values import (
    boolean,
    canonical_properties,
    cpu_set,
    key_lines,
    megabytes,
    number_text,
    properties,
    property_string,
    words,
)

Wire = str | int
PINNED = re.compile(r"pc-(q35|i440fx)-.+")


@dataclass(frozen=True)
class Kind:
    """``canonical`` makes two spellings of one value equal, ``wire`` is what the API is sent, ``row`` what an operator would write.

    Each takes the API's spelling as well as an operator's, and raises ValueError for what is neither.
    """

    canonical: Callable[[Any], Hashable]
    wire: Callable[[Any], Wire]
    row: Callable[[Any], Any]


def _text(value: Any) -> str:
    return str(value).strip()


def _flag(value: Any) -> int:
    return int(boolean(value))


def _number(value: Any) -> int:
    return int(str(value))


def _decimal(value: Any) -> float:
    text = number_text(value)
    return float(text) if "." in text else int(text)


def _encoded_keys(value: Any) -> str:
    return urllib.parse.quote("\n".join(key_lines(value)) + "\n", safe="")


def _tags(value: Any) -> list[str]:
    return sorted({word.lower() for word in words(value)})


def _trunks(value: Any) -> list[str]:
    return sorted({str(int(part)) if part.isdecimal() else part for part in words(value)})


def _discard(value: Any) -> str:
    text = str(value).strip().lower()
    return "ignore" if text == "ignore" else ("on" if boolean(text) else "ignore")


def _version(value: Any) -> str:
    text = str(value).strip().lower()
    return text if text.startswith("v") else f"v{text}"


def property_kind(default_key: str = "", defaults: Mapping[str, str] | None = None) -> Kind:
    """A property string, or the same as a dictionary; a key that has its default may as well be missing."""

    def parts(value: Any) -> dict[str, str]:
        if isinstance(value, Mapping):
            return {str(key): _plain(item) for key, item in value.items() if item is not None}
        return properties(str(value), default_key)

    return Kind(
        lambda value: canonical_properties(parts(value), defaults),
        lambda value: property_string(parts(value), default_key),
        lambda value: property_string(parts(value), default_key),
    )


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _boot(value: Any) -> str:
    """``order=scsi0;net0`` from a list of devices or a text of either form; the order counts. Nothing at all is no order."""
    if isinstance(value, str):
        parts = properties(value, "legacy")
        devices = parts.get("order", "").split(";") if "order" in parts else []
        return f"order={';'.join(device for device in devices if device)}" if any(devices) else parts.get("legacy", "")
    return f"order={';'.join(str(device) for device in value)}" if value else ""


def boot_devices(value: Any) -> list[str]:
    """The devices of a boot order, in order; none of the older form."""
    order = _boot(value or "")
    return order.removeprefix("order=").split(";") if order.startswith("order=") else []


TEXT = Kind(_text, _text, _text)
NUMBER = Kind(_number, _number, _number)
DECIMAL = Kind(_decimal, number_text, _decimal)
FLAG = Kind(_flag, _flag, boolean)
MEMORY = Kind(megabytes, megabytes, megabytes)
WORDS = Kind(words, lambda value: " ".join(words(value)), lambda value: " ".join(words(value)))
TAGS = Kind(lambda value: tuple(_tags(value)), lambda value: ";".join(_tags(value)), _tags)
KEYS = Kind(key_lines, _encoded_keys, lambda value: list(key_lines(value)))
CPUS = Kind(cpu_set, lambda value: ",".join(words(value)), _text)
BOOT = Kind(_boot, _boot, lambda value: boot_devices(value) or _boot(value))
MAC_ADDRESS = Kind(lambda value: _text(value).upper(), lambda value: _text(value).upper(), lambda value: _text(value).upper())
TRUNKS = Kind(lambda value: tuple(_trunks(value)), lambda value: ";".join(_trunks(value)), _trunks)
DISCARD = Kind(_discard, _discard, lambda value: _discard(value) == "on")
VERSION = Kind(_version, _version, _version)
CPU = property_kind("cputype")
VGA = property_kind("type")
MACHINE = property_kind("type")
STARTUP = property_kind("order")
SNIPPETS = property_kind()
NETWORK = property_kind()
AGENT = property_kind("enabled", {"enabled": "0", "type": "virtio", "fstrim_cloned_disks": "0", "freeze-fs-on-backup": "1"})


def _stated(_: Any, stated: Any) -> Any:
    return stated


def over_parts(default_key: str = "") -> Callable[[Any, Any], Any]:
    """A dictionary states some keys and leaves the others alone (an empty text removes one); a text, or nothing at all, states everything."""

    def merged(observed: Any, stated: Any) -> Any:
        if not isinstance(stated, Mapping) or not stated:
            return "" if isinstance(stated, Mapping) else stated
        parts = {**properties(str(observed or ""), default_key), **{str(key): _plain(item) for key, item in stated.items() if item is not None}}
        return {key: value for key, value in parts.items() if value != ""}

    return merged


def _agent(observed: Any, stated: Any) -> Any:
    """A boolean states whether the agent is used; its other settings are left alone."""
    text = str(stated).strip().lower()
    if isinstance(stated, bool) or text in ("true", "false", "yes", "no", "on", "off"):
        return {**properties(str(observed or ""), "enabled"), "enabled": str(_flag(stated))}
    return stated


def _machine(observed: Any, stated: Any) -> Any:
    """``q35`` and ``pc`` are satisfied by a pinned version of theirs: the API pins the machine of Windows guests."""
    old, new = properties(str(observed or ""), "type"), properties(str(stated), "type")
    pinned = PINNED.fullmatch(old.get("type", ""))
    if pinned and new.get("type", "pc") == {"q35": "q35", "i440fx": "pc"}[pinned[1]]:
        return {**new, "type": old["type"]}
    return stated


@dataclass(frozen=True)
class Field:
    """One option: its name here and its key in the API.

    default: what a missing key means (None: nothing known). none: the value that is written by deleting the key.
    complete: makes a value that states only a part whole: (observed, stated) -> value.
    """

    option: str
    api: str
    kind: Kind
    default: Any = None
    none: Any = None
    complete: Callable[[Any, Any], Any] = _stated

    def same(self, observed: Any, wanted: Any) -> bool:
        if observed is None and self.is_none(wanted):
            return True
        observed = self.default if observed is None else observed
        if observed is None:
            return False
        try:
            return self.kind.canonical(observed) == self.kind.canonical(wanted)
        except (ValueError, KeyError):
            return False  # a value that cannot be read is not equal

    def is_none(self, wanted: Any) -> bool:
        return self.none is not None and self.kind.canonical(wanted) == self.kind.canonical(self.none)


def differences(fields: Iterable[Field], observed: Mapping[str, Any], stated: Mapping[str, Any]) -> dict[str, Wire | None]:
    """What has to be written by API key; None: delete it."""
    found: dict[str, Wire | None] = {}
    for field in fields:
        if stated.get(field.option) is None:
            continue
        old = observed.get(field.api)
        wanted = field.complete(old, stated[field.option])
        if not field.same(old, wanted):
            found[field.api] = None if field.is_none(wanted) else field.kind.wire(wanted)
    return found


def as_row(fields: Iterable[Field], observed: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse: options as an operator would write them; what is not set is left out."""
    return {field.option: field.kind.row(observed[field.api]) for field in fields if observed.get(field.api) is not None}


def checked(fields: Iterable[Field], stated: Mapping[str, Any]) -> dict[str, Any]:
    """The stated options of a table. Raises ValueError, naming the option, for a value that cannot be read."""
    found = {field.option: stated[field.option] for field in fields if stated.get(field.option) is not None}
    for field in fields:
        if field.option in found:
            try:
                field.kind.canonical(field.complete(None, found[field.option]))
            except (ValueError, TypeError, AttributeError) as failure:
                raise ValueError(f"{field.option}: {failure}") from None
    return found


FIELDS: tuple[Field, ...] = (
    Field("name", "name", TEXT),
    Field("cores", "cores", NUMBER, 1),
    Field("sockets", "sockets", NUMBER, 1),
    Field("cpu", "cpu", CPU, "kvm64"),
    Field("cpu_limit", "cpulimit", DECIMAL, 0, none=0),
    Field("cpu_units", "cpuunits", NUMBER, none=0),
    Field("affinity", "affinity", CPUS, none=""),
    Field("numa", "numa", FLAG, 0),
    Field("memory_mib", "memory", MEMORY, 512),
    Field("balloon_mib", "balloon", NUMBER),
    Field("machine", "machine", MACHINE, "pc", none="", complete=_machine),
    Field("bios", "bios", TEXT, "seabios"),
    Field("os_type", "ostype", TEXT, "other"),
    Field("scsi_controller", "scsihw", TEXT, "lsi"),
    Field("vga", "vga", VGA, "std", none=""),
    Field("serial", "serial0", TEXT, none=""),
    Field("agent", "agent", AGENT, "0", complete=_agent),
    Field("boot", "boot", BOOT, none=""),
    Field("onboot", "onboot", FLAG, 0),
    Field("startup", "startup", STARTUP, none="", complete=over_parts("order")),
    Field("protection", "protection", FLAG, 0),
    Field("tags", "tags", TAGS, ""),
    Field("ci_user", "ciuser", TEXT, none=""),
    Field("ssh_keys", "sshkeys", KEYS, none=()),
    Field("nameserver", "nameserver", WORDS, none=""),
    Field("search_domain", "searchdomain", WORDS, none=""),
    Field("ci_upgrade", "ciupgrade", FLAG, 1),
    Field("snippets", "cicustom", SNIPPETS, none="", complete=over_parts()),
)
