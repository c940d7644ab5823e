# SPDX-License-Identifier: GPL-3.0-or-later
"""A running program that is not its package's own any more."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector


@detector(
    "modified-binary", "A running program that was replaced",
    severity="critical",
    compares="checksums of running programs with those that their packages brought",
    remedy="Find out who built it and why, or whether somebody broke in; then bring that build to the guest, or take the package's.",
    reference="debsums(1), rpm(8) --verify",
    surprise=(47,), needs=("binaries",),
)  # fmt: skip
def modified_binary(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        for row in host.part("binaries").get("modified") or ():
            yield Finding(
                host=host.name,
                severity="critical",
                title=f"{row['exe']} is not what package {row['package']} brought",
                old=f"{row['exe']} runs with another checksum than {row['package']} lists",
                new=f"the package's own program, without whatever was changed in {row['exe']}",
                remedy="Find out who changed it: a patch that the service needs, or an intruder. Waive this once that is known.",
            )


DETECTOR = modified_binary
