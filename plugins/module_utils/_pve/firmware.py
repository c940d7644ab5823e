# SPDX-License-Identifier: GPL-3.0-or-later
"""The small disks of a guest's firmware: UEFI variables and TPM state. They are made once and never made anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .disks import drive_parts
from .fields import FLAG, TEXT, VERSION, Field, as_row, checked, differences
from .values import property_string


@dataclass(frozen=True)
class Firmware:
    """One of them: the option of a row, its key in the API, its fields, and what a new one gets where nothing is stated."""

    option: str
    key: str
    what: str
    fields: tuple[Field, ...]
    fresh: Mapping[str, Any]

    def stated(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Raises ValueError."""
        known = {"storage", *(field.option for field in self.fields)}
        if unknown := sorted(set(given) - known):
            raise ValueError(f"{self.option}: unknown option {', '.join(unknown)}")
        storage = {} if given.get("storage") is None else {"storage": str(given["storage"])}
        return {**storage, **checked(self.fields, given)}

    def new(self, stated: Mapping[str, Any]) -> str:
        """The text that makes the API allocate it. Raises ValueError without a storage."""
        if not stated.get("storage"):
            raise ValueError(f"its {self.what} does not exist yet and names no storage")
        made = differences(self.fields, {}, {**self.fresh, **stated})
        return property_string({"file": f"{stated['storage']}:1", **{key: str(value) for key, value in made.items() if value is not None}}, "file")

    def check(self, observed: str, stated: Mapping[str, Any]) -> None:
        """Raises ValueError where the one that exists is another than stated: it cannot be changed."""
        other = differences(self.fields, drive_parts(observed), stated)
        if other:
            wanted = ", ".join(f"{key}={value}" for key, value in other.items())
            raise ValueError(
                f"its {self.what} ({observed}) was made otherwise than stated ({wanted}), and cannot be changed:"
                " correct what is stated, or remove it by hand while the guest is off"
            )

    def row(self, observed: str) -> dict[str, Any]:
        parts = drive_parts(observed)
        return {"storage": parts["file"].split(":", 1)[0], **as_row(self.fields, parts)}


FIRMWARE = (
    Firmware(
        "efi", "efidisk0", "EFI disk",
        (Field("type", "efitype", TEXT, "2m"), Field("pre_enrolled_keys", "pre-enrolled-keys", FLAG, 0)),
        {"type": "4m"},
    ),
    Firmware("tpm", "tpmstate0", "TPM state", (Field("version", "version", VERSION, "v1.2"),), {"version": "v2.0"}),
)  # fmt: skip
