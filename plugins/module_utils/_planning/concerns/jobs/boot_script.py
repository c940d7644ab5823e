# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that run at boot and belong to nobody."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import leaving, left_behind


@detector(
    "boot-script",
    "Commands that run at boot and belong to nobody",
    severity="critical",
    compares="rc.local and its like with what a guest runs when it boots",
    remedy="give what they start a unit of its own on the guest, then declare the script dropped",
    reference="systemd-rc-local-generator(8)",
    surprise=(34, 48),
    needs=("jobs",),
)
def boot_script(draft: Draft) -> Iterator[Finding]:
    for host in leaving(draft):
        by_file: dict[str, list[str]] = {}
        for row in host.part("jobs").get("boot") or ():
            by_file.setdefault(str(row["file"]), []).append(f"line {row['line']}: {row['command']}")
        for file, lines in sorted(by_file.items()):
            yield left_behind(
                draft, host, file, title=f"{file} runs commands at boot", old=listed(lines), new="no guest runs them",
                first="Give what they start a unit of its own on the guest, then",
            )  # fmt: skip


DETECTOR = boot_script
