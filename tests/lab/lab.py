# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a lab keeps its things, and its names."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTROLLER = "10.77.0.1/24"
PUBLIC_ADDRESS = "10.77.0.10/24"
LEGACY = {"edge1": "10.77.0.11/24", "web1": "10.77.0.12/24", "db1": "10.77.0.13/24", "cache1": "10.77.0.14/24"}


class LabError(Exception):
    """Something in the lab did not work; the message says what and where."""


def run(argv: Sequence[str], **options: object) -> subprocess.CompletedProcess[str]:
    """Runs a program of the lab; its last words become the error."""
    done: subprocess.CompletedProcess[str] = subprocess.run(list(argv), text=True, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise LabError(f"{' '.join(argv[:6])}… failed ({done.returncode}): {(done.stderr or done.stdout).strip()[-1500:]}")
    return done


@dataclass(frozen=True)
class Lab:
    """One lab by its name; several can run side by side, each in its own network namespace."""

    name: str = field(default_factory=lambda: os.environ.get("LOTSE_LAB") or "lab")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_]{1,16}", self.name):  # a dash stands between the names of a lab and of its machines
            raise LabError(f"'{self.name}' is no name for a lab: up to 16 of a-z, 0-9 and _ (LOTSE_LAB)")

    @property
    def directory(self) -> Path:
        return ROOT / ".lab" / self.name

    @property
    def machines(self) -> Path:
        return self.directory / "machines"

    @property
    def vms(self) -> Path:
        return self.directory / "vms"

    @property
    def volumes(self) -> Path:
        """Disks of real VMs."""
        return self.directory / "volumes"

    @property
    def cache(self) -> Path:
        return Path(os.environ.get("LOTSE_CACHE") or Path.home() / ".cache" / "lotse")

    @property
    def namespace(self) -> str:
        return f"lotse-{self.name}"

    def machine_namespace(self, machine: str) -> str:
        return f"lotse-{self.name}-{machine}"

    @property
    def key(self) -> Path:
        return self.directory / "ssh" / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.directory / "ssh" / "known_hosts"

    @property
    def secrets(self) -> Path:
        return self.directory / "secrets.env"

    @property
    def estate(self) -> Path:
        return ROOT / "estate" / "lab" if self.name == "lab" else self.directory / "estate"

    def environment(self) -> Mapping[str, str]:
        """What commands inside the lab see, without its secrets."""
        return {"LOTSE_LAB": self.name, "LOTSE_LAB_DIR": str(self.directory), "LOTSE_ESTATE_DIR": str(self.estate), "LOTSE_SSH_KEY": str(self.key)}
