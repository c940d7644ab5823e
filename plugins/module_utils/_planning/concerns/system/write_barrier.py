# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that was told not to wait for the disk."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed

UNSAFE = {"nobarrier", "barrier=0", "barrier=none", "data=writeback", "nobh"}


@detector(
    "write-barrier", "A file system without write barriers",
    severity="warning",
    compares="mount options of the old file systems with the guest's, which waits for its disk",
    remedy="Do not carry the option over: commits become slower and safe. Measure them in the rehearsal.",
    reference="ext4(5), xfs(5): nobarrier is safe only with a cache that survives a power failure",
    surprise=(39,), needs=("storage",),
)  # fmt: skip
def write_barrier(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        rows = [(row, sorted(UNSAFE & set(row["options"]))) for row in host.part("storage").get("mounts") or ()]
        found = [f"{row['target']} ({row['type']}): {', '.join(options)}" for row, options in rows if options]
        if found:
            yield Finding(
                host=host.name,
                severity="warning",
                old=listed(found),
                new="barriers, data=ordered: each commit waits for the disk",
                remedy="Leave it so on the guest, and measure commits in the rehearsal: they were fast because nobody waited.",
            )


DETECTOR = write_barrier
