# SPDX-License-Identifier: GPL-3.0-or-later
"""An old host that was short of random numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector

LITTLE = 200  # bits; /dev/random of kernels before 5.6 makes readers wait


@detector(
    "entropy", "Random numbers that somebody had to provide for",
    severity="info",
    compares="entropy_avail, rngd or haveged on the old host with Debian 13's kernel, which never lets readers wait after boot",
    remedy="No daemon on the guest. Give the virtual machine rng0 (virtio-rng) if it is to have them before its first service starts.",
    reference="random(4), Linux 5.6: /dev/random no longer blocks; qm.conf(5), rng0",
    surprise=(38,), needs=("kernel",),
)  # fmt: skip
def entropy(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        kernel = host.part("kernel")
        available, daemon = kernel.get("entropy_avail"), kernel.get("entropy_daemon")
        if daemon or (available is not None and int(available) < LITTLE):
            yield Finding(
                host=host.name,
                severity="info",
                old=f"{available} bits available" + (f", {daemon} runs" if daemon else ", and no daemon that adds any"),
                new="kernel 6.12: enough from the processor; no such daemon",
                remedy="Nothing to do; rng0 (virtio-rng) helps the first seconds after boot.",
            )


DETECTOR = entropy
