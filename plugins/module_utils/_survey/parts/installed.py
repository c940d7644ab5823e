# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed packages and their versions."""

from __future__ import annotations

from typing import Any

from ..part import TEXT, VALUES, Limits, Part, record
from ..wire import Section, UnseenError

MANAGERS = ("dpkg", "rpm", "apk")


def parse(section: Section) -> dict[str, Any]:
    """``manager``, and ``packages``: version by name. One of several architectures or versions is told with its own after a colon."""
    manager = next((name for name in MANAGERS if f"manager {name}" in section.marks), None)
    if manager is None:
        raise UnseenError(section.unseen[0] if section.unseen else "the host did not say which packages it has")
    rows = [words for line in section.lines("packages") if len(words := line.split("\t")) == 3 and words[0] and words[1]]
    if not rows:
        raise UnseenError(f"{manager} listed no package")
    names = [words[0] for words in rows]
    several = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    packages = {f"{name}:{arch or version}" if name in several else name: version for name, version, arch in sorted(rows)}
    return {"manager": manager, "packages": packages}


PART = Part(
    name="installed",
    limits=Limits(20, 1_000_000),
    parse=parse,
    shape=record(manager=TEXT, packages=VALUES),
    empty={"manager": "dpkg", "packages": {}},
)
