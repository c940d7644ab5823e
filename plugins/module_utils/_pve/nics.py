# SPDX-License-Identifier: GPL-3.0-or-later
"""Network cards, and the addresses that cloud-init gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_interface
from typing import Any

from .fields import DECIMAL, FLAG, MAC_ADDRESS, NETWORK, NUMBER, TEXT, TRUNKS, Field, Wire, as_row, checked, differences
from .values import MAC, NIC_MODELS, properties, property_string

NIC = re.compile(r"net\d+")
IPCONFIG = re.compile(r"ipconfig\d+")
NIC_FIELDS: tuple[Field, ...] = (
    Field("model", "model", TEXT),
    Field("mac", "macaddr", MAC_ADDRESS),
    Field("bridge", "bridge", TEXT),
    Field("vlan", "tag", NUMBER, none=0),
    Field("mtu", "mtu", NUMBER, none=0),
    Field("rate", "rate", DECIMAL, none=0),
    Field("firewall", "firewall", FLAG, 0, none=0),
    Field("link_down", "link_down", FLAG, 0, none=0),
    Field("queues", "queues", NUMBER, none=0),
    Field("trunks", "trunks", TRUNKS, none=""),
)
ADDRESS_OPTIONS = ("address", "gateway", "address6", "gateway6")


def nic_parts(text: str) -> dict[str, str]:
    """``virtio=BC:…,bridge=vmbr0`` and the long spelling -> ``{"model", "macaddr", "bridge", …}``"""
    parts = properties(text)
    for model in NIC_MODELS:
        if model in parts:
            mac = parts.pop(model)
            parts = {"model": model, **({"macaddr": mac} if MAC.fullmatch(mac) else {}), **parts}
    if parts.get("") in NIC_MODELS:  # a model without its address, before the API has chosen one
        parts = {"model": parts.pop(""), **parts}
    return parts


def nic_text(parts: Mapping[str, str]) -> str:
    """The inverse, in the API's own spelling."""
    rest = {key: value for key, value in parts.items() if key not in ("model", "macaddr")}
    head = {parts["model"]: parts["macaddr"]} if "macaddr" in parts else {"model": parts["model"]}
    return property_string({**head, **rest})


def nic_changes(observed: str | None, stated: Mapping[str, Any]) -> dict[str, Wire | None]:
    """What changes in the card's property string, by key. Raises ValueError for a new card without a bridge."""
    if observed is None and not stated.get("bridge"):
        raise ValueError("does not exist yet and names no bridge")
    before = {} if observed is None else nic_parts(observed)
    return differences(NIC_FIELDS, before, stated if observed else {"model": "virtio", **stated})


def merged_nic(observed: str | None, changes: Mapping[str, Wire | None]) -> str:
    """The card's new property string: the changes over what is there, so that its MAC address and all that is not stated stay."""
    parts = {**({} if observed is None else nic_parts(observed)), **{key: "" if value is None else str(value) for key, value in changes.items()}}
    return nic_text({key: value for key, value in parts.items() if value != ""})


def stated_nic(key: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A card's options without its addresses. Raises ValueError."""
    if not NIC.fullmatch(key):
        raise ValueError(f"nic {key!r}: expected a name such as net0")
    unknown = sorted(set(given) - {field.option for field in NIC_FIELDS} - {*ADDRESS_OPTIONS, "state"})
    if unknown:
        raise ValueError(f"nic {key}: unknown option {', '.join(unknown)}")
    if given.get("mac") is not None and not MAC.fullmatch(str(given["mac"]).strip()):
        raise ValueError(f"nic {key}: {given['mac']!r} is not a MAC address")
    return checked(NIC_FIELDS, given)


def stated_network(given: Mapping[str, Any]) -> dict[str, str]:
    """``{"ip", "gw", "ip6", "gw6"}`` as far as stated; an empty text removes one. Raises ValueError.

    ``address`` and ``gateway`` may be of either family; ``address6`` and ``gateway6`` name the second.
    """
    found: dict[str, str] = {}
    for option in ADDRESS_OPTIONS:
        value = given.get(option)
        if value is None:
            continue
        text = str(value).strip().lower()
        six = option.endswith("6") or ":" in text
        key = ("gw" if option.startswith("gateway") else "ip") + ("6" if six else "")
        if key in found:
            raise ValueError(f"{option} {value} and another {option.removesuffix('6')} of its family are both stated")
        found[key] = "" if text == "none" else _address(option, text)
    return found


def _address(option: str, text: str) -> str:
    if text in ("", "dhcp") or (text == "auto" and option == "address6"):
        if text and option.startswith("gateway"):
            raise ValueError(f"{option} {text!r} is not an address")
        return text
    if option.startswith("gateway"):
        return str(ip_address(text))
    interface = ip_interface(text)
    if "/" not in text:
        raise ValueError(f"address {text} has no prefix length")
    return str(interface)


def merged_network(observed: Any, stated: Mapping[str, str]) -> str:
    """The new ipconfigN: what is stated over what is there. A family that is not static any more, or is gone, has no gateway."""
    parts = {**properties(str(observed or "")), **stated}
    for ip, gate in (("ip", "gw"), ("ip6", "gw6")):
        if "/" not in parts.get(ip, ""):
            parts.pop(gate, None)
    return property_string({key: value for key, value in parts.items() if value})


def same_network(observed: Any, wanted: str) -> bool:
    return NETWORK.canonical(str(observed or "")) == NETWORK.canonical(wanted)


def nic_row(text: str, network: Any) -> dict[str, Any]:
    """A live card as an operator would write it, with its addresses."""
    parts = properties(str(network or ""))
    pairs = zip(ADDRESS_OPTIONS, ("ip", "gw", "ip6", "gw6"), strict=True)
    return {**as_row(NIC_FIELDS, nic_parts(text)), **{option: parts[key] for option, key in pairs if key in parts}}
