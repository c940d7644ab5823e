# SPDX-License-Identifier: GPL-3.0-or-later
"""Spellings of values in a guest's configuration: canonical form for comparison, wire form for writing."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Hashable, Iterable, Mapping
from ipaddress import ip_address, ip_interface
from typing import Any

GIB = 1024**3
UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off", ""})
SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)")
ADDRESSES = frozenset({"ip", "ip6", "gw", "gw6"})
MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", re.IGNORECASE)
NIC_MODELS = frozenset({"virtio", "e1000", "e1000e", "rtl8139", "vmxnet3", "ne2k_pci", "i82551", "i82557b", "i82559er", "pcnet"})


def size_bytes(text: str) -> int:
    """``4G``, ``2048M``, ``1.5T``, ``1024`` (bytes) -> bytes. Raises ValueError."""
    match = SIZE.fullmatch(str(text).strip().upper())
    if match is None:
        raise ValueError(f"not a size: {text!r}")
    return int(float(match[1]) * UNITS[match[2]])


def size_text(size: int) -> str:
    """Bytes in the largest unit that needs no fraction: ``2147483648`` -> ``2G``."""
    unit = next((unit for unit in "TGMK" if size and size % UNITS[unit] == 0), "")
    return f"{size // UNITS[unit]}{unit}"


def boolean(value: object) -> bool:
    """Any spelling of a boolean. Raises ValueError."""
    text = str(value).strip().lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ValueError(f"not a boolean: {value!r}")


def properties(text: str, default_key: str = "") -> dict[str, str]:
    """``virtio=BC:…,bridge=vmbr0`` -> dictionary in the order of the text; a part without a key gets ``default_key``."""
    found: dict[str, str] = {}
    for part in str(text).split(","):
        key, equals, value = part.strip().partition("=")
        if equals:
            found[key.strip()] = value.strip()
        elif key:
            found[default_key] = key
    return found


def property_string(parts: Mapping[str, str], default_key: str = "") -> str:
    """The inverse of ``properties``; a value under ``default_key`` is written without its key, and first."""
    first = [parts[default_key]] if default_key in parts else []
    return ",".join([*first, *(f"{key}={value}" for key, value in parts.items() if key != default_key)])


def canonical_properties(parts: Mapping[str, str], defaults: Mapping[str, str] | None = None) -> Hashable:
    """Order of keys, case of MAC addresses, spelling of sizes and booleans, and stated defaults do not matter."""
    plain = {(key, _canonical_part(key, value)) for key, value in (defaults or {}).items()}
    return frozenset(part for part in ((key, _canonical_part(key, value)) for key, value in parts.items()) if part not in plain)


def _canonical_part(key: str, value: str) -> Hashable:
    if MAC.fullmatch(value):
        return value.lower()
    if key == "size" and SIZE.fullmatch(value.upper()):
        return size_bytes(value)
    if key == "flags":
        return frozenset(value.split(";"))
    if key in ADDRESSES:
        return address_text(value)
    lowered = value.lower()
    if lowered in {"on", "yes", "true"}:
        return "1"
    if lowered in {"off", "no", "false"}:
        return "0"
    return value


def address_text(value: str) -> str:
    """An address, with prefix length or without, as it is usually written; a word such as dhcp stays."""
    try:
        return str(ip_interface(value)) if "/" in value else str(ip_address(value))
    except ValueError:
        return value.lower()


def cpu_set(value: object) -> tuple[int, ...]:
    """``0-2,5`` -> (0, 1, 2, 5). Raises ValueError."""
    found: set[int] = set()
    for part in words(value):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def number_text(value: object) -> str:
    """``2.0`` -> ``2``, ``0.50`` -> ``0.5``. Raises ValueError."""
    return f"{float(str(value)):.10f}".rstrip("0").rstrip(".")


def release_of(text: str) -> tuple[int, int]:
    """``8.4.1`` -> (8, 4); (0, 0) when there is no number."""
    found = re.search(r"(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2] or 0)) if found else (0, 0)


def natural(key: str) -> tuple[str, int]:
    """Sorts scsi2 before scsi10."""
    name = key.rstrip("0123456789")
    return name, int(key[len(name) :] or 0)


def words(value: object) -> tuple[str, ...]:
    """A list, or a text separated by spaces, commas or semicolons."""
    if isinstance(value, str):
        return tuple(word for word in re.split(r"[\s,;]+", value) if word)
    if isinstance(value, Iterable):
        return tuple(str(word) for word in value)
    return (str(value),)


def key_lines(value: object) -> tuple[str, ...]:
    """Public keys from the API's URL-encoded text, or as an operator gives them; order and blank lines do not matter."""
    text = value if isinstance(value, str) else "\n".join(words(value) if not isinstance(value, Iterable) else [str(key) for key in value])
    if "%0A" in text or "%20" in text:
        text = urllib.parse.unquote(text)
    return tuple(sorted({" ".join(line.split()) for line in text.splitlines() if line.strip()}))


def megabytes(value: object) -> int:
    """``1024``, ``"1024"`` and the newer ``current=1024`` -> MiB."""
    return int(properties(str(value), "current")["current"])


def addresses_in(config: Mapping[str, Any]) -> list[str]:
    """The static addresses that cloud-init gives a guest, without prefix."""
    found = []
    for key, value in sorted(config.items()):
        if key.startswith("ipconfig"):
            parts = properties(str(value))
            for name in ("ip", "ip6"):
                try:
                    found.append(str(ip_interface(parts.get(name, "")).ip))
                except ValueError:
                    continue  # dhcp, auto, or not set
    return found
