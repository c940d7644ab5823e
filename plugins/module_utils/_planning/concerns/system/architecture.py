# SPDX-License-Identifier: GPL-3.0-or-later
"""Another processor architecture."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "architecture", "Another processor architecture",
    severity="critical",
    compares="uname -m of the old host with x86_64",
    remedy="See that nothing on the host is compiled for the old processor.",
    reference="Debian wiki, Multiarch: 32-bit programs need 32-bit libraries",
    surprise=(36,), needs=("os",),
)  # fmt: skip
def architecture(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        found = str(host.part("os").get("architecture") or "x86_64")
        if found not in {"x86_64", "amd64"}:
            yield Finding(
                host=host.name,
                severity="critical",
                old=found,
                new="x86_64",
                remedy="See that nothing on the host is compiled for the old processor.",
            )


DETECTOR = architecture
