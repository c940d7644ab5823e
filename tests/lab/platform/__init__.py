# SPDX-License-Identifier: GPL-3.0-or-later
"""The community: what runs on the legacy hosts before anybody moves it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from ..lab import LabError
from ..machine import Machines

HERE = Path(__file__).parent


def lay(host: str, upper: Path) -> None:
    """Puts a legacy host's files onto its disk before its first boot."""
    for source in sorted((HERE / host).rglob("*")):
        target = upper / source.relative_to(HERE / host)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif source.name != "setup.sh":
            shutil.copy(source, target)


def settle(machines: Machines, host: str, values: Mapping[str, str]) -> None:
    """Users, data and services of a legacy host, after its first boot. ``values`` replaces words like PASSWORD."""
    lines = [f"{name}={value}" for name, value in values.items()]
    script = "\n".join(["set -eu", *lines, (HERE / host / "setup.sh").read_text(encoding="utf-8")])
    done = machines.run(host, ["sh", "-s"], input=script.encode(), timeout=120)
    if done.returncode != 0:
        raise LabError(f"the platform on {host} did not settle: {done.stderr.decode(errors='replace')[-1500:]}")
