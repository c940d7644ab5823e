# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that the next boot would not mount."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "loose-mount", "A file system that the next boot would not mount",
    severity="warning",
    compares="/proc/self/mounts with /etc/fstab and systemd's mount units",
    remedy="Write it into /etc/fstab on the old host, and see whether the guest needs it.",
    reference="fstab(5), systemd.mount(5)",
    surprise=(48,), needs=("boot",),
)  # fmt: skip
def loose_mount(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        found = list(host.part("boot").get("mounts_not_configured") or ())
        if found:
            yield Finding(
                host=host.name,
                severity="warning",
                old=f"{listed(found)}: mounted, and in no file",
                new="not there after a reboot of the old host; the guest mounts nothing by itself",
                remedy="Write it into /etc/fstab, and see which service needs what is below it.",
            )


DETECTOR = loose_mount
