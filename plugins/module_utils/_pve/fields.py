# SPDX-License-Identifier: GPL-3.0-or-later
"""The field table: how each option of a guest is called in the API, compared and written."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from .values import MAC, NIC_MODELS, boolean, canonical_properties, key_lines, megabytes, properties, property_string, words

Wire = str | int


@dataclass(frozen=True)
class Kind:
    """``canonical`` makes two spellings of one value equal; ``wire`` is what the API is sent."""

    canonical: Callable[[Any], Hashable]
    wire: Callable[[Any], Wire]


def _text(value: Any) -> str:
    return str(value).strip()


def _flag(value: Any) -> int:
    return int(boolean(value))


def _encoded_keys(value: Any) -> str:
    return urllib.parse.quote("\n".join(key_lines(value)) + "\n", safe="")


def _property_kind(default_key: str = "") -> Kind:
    def parts(value: Any) -> dict[str, str]:
        if isinstance(value, Mapping):
            return {str(key): str(item) for key, item in value.items()}
        return properties(str(value), default_key)

    return Kind(lambda value: canonical_properties(parts(value)), lambda value: property_string(parts(value), default_key))


def _agent_parts(value: Any) -> dict[str, str]:
    if isinstance(value, bool):
        return {"enabled": str(int(value))}
    return properties(str(value), "enabled")


TEXT = Kind(_text, _text)
NUMBER = Kind(int, int)
FLAG = Kind(_flag, _flag)
MEMORY = Kind(megabytes, megabytes)
WORDS = Kind(words, lambda value: " ".join(words(value)))
TAGS = Kind(lambda value: frozenset(word.lower() for word in words(value)), lambda value: ";".join(sorted(word.lower() for word in words(value))))
KEYS = Kind(key_lines, _encoded_keys)
CPU = _property_kind("cputype")
NETWORK = _property_kind()
AGENT = Kind(lambda value: canonical_properties(_agent_parts(value)), lambda value: property_string(_agent_parts(value)))


@dataclass(frozen=True)
class Field:
    """One option: its name here, its key in the API, and what a missing key means (None: nothing known)."""

    option: str
    api: str
    kind: Kind
    default: Any = None

    def same(self, observed: Any, desired: Any) -> bool:
        if observed is None:
            observed = self.default
        if observed is None:
            return False
        try:
            return self.kind.canonical(observed) == self.kind.canonical(desired)
        except (ValueError, KeyError):
            return False  # a value that cannot be read is not equal


FIELDS: tuple[Field, ...] = (
    Field("name", "name", TEXT),
    Field("cores", "cores", NUMBER, 1),
    Field("sockets", "sockets", NUMBER, 1),
    Field("cpu", "cpu", CPU),
    Field("memory_mib", "memory", MEMORY, 512),
    Field("balloon_mib", "balloon", NUMBER),
    Field("agent", "agent", AGENT, "0"),
    Field("onboot", "onboot", FLAG, 0),
    Field("protection", "protection", FLAG, 0),
    Field("startup", "startup", NETWORK),
    Field("tags", "tags", TAGS, ""),
    Field("ci_user", "ciuser", TEXT),
    Field("ssh_keys", "sshkeys", KEYS, ""),
    Field("network", "ipconfig0", NETWORK),
    Field("nameserver", "nameserver", WORDS, ""),
    Field("search_domain", "searchdomain", WORDS, ""),
)


def nic_model(parts: Mapping[str, str]) -> str | None:
    """The key of a NIC's property string that names its model (``model=`` is the long spelling)."""
    if "model" in parts:
        return parts["model"]
    return next((key for key in parts if key in NIC_MODELS), None)


def merged_nic(observed: str | None, stated: Mapping[str, Any]) -> str:
    """The NIC's new property string: what is stated, over what is there. A MAC that is there is kept unless one is stated.

    stated: bridge, model, mac, vlan, mtu, firewall, rate
    """
    parts = properties(observed or "")
    model = str(stated.get("model") or nic_model(parts) or "virtio")
    old = next((parts[key] for key in (*NIC_MODELS, "macaddr") if MAC.fullmatch(parts.get(key, ""))), None)
    mac = stated.get("mac") or old
    rest = {key: value for key, value in parts.items() if key not in NIC_MODELS and key not in ("model", "macaddr")}
    for option, key in (("bridge", "bridge"), ("vlan", "tag"), ("mtu", "mtu"), ("rate", "rate")):
        if option in stated:
            rest[key] = str(stated[option])
    if "firewall" in stated:
        rest["firewall"] = str(_flag(stated["firewall"]))
    head = {model: str(mac).upper()} if mac else {"model": model}
    return property_string({**head, **rest})


def same_nic(one: str | None, other: str) -> bool:
    """Whether two spellings mean the same card; ``firewall=0`` is the default."""

    def shape(text: str) -> Hashable:
        parts = properties(text)
        if parts.get("firewall") == "0":
            del parts["firewall"]
        model = nic_model(parts)
        mac = parts.pop("macaddr", None) or parts.pop(model or "", None)
        parts.pop("model", None)
        return (model, (mac or "").lower(), canonical_properties(parts))

    return one is not None and shape(one) == shape(other)
