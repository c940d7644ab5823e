# SPDX-License-Identifier: GPL-3.0-or-later
"""An old host whose clock is wrong."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector

NOTICED_MS, JUMP_MS = 200.0, 5000.0


@detector(
    "clock-offset", "The old host's clock is wrong",
    severity="critical from five seconds on, warning from 200 ms on or where nothing keeps the time",
    compares="offset and state of chronyd, ntpd or systemd-timesyncd with the guest's clock, which is right",
    remedy="Correct the old clock slowly (chronyc makestep would jump) days before the move.",
    reference="chronyc(1) tracking, ntpq(8); times that databases and sessions stored would lie in the future",
    surprise=(37,), needs=("clock", "machine"),
)  # fmt: skip
def clock_offset(draft: Draft) -> Iterator[Finding]:
    for host in draft.hosts.values():
        clock = host.part("clock")
        offset, state = clock.get("offset_ms"), clock.get("synchronised")
        daemon = clock.get("daemon") or "no daemon"
        physical = host.part("machine").get("virtual") == "none"
        wrong = abs(float(offset)) if isinstance(offset, (int, float)) else 0.0
        # Where there is no daemon, a guest or container has its machine's clock, which is another host's matter.
        adrift = (state is False and (physical or bool(clock.get("daemon")))) or (state is None and physical and not clock.get("daemon"))
        if wrong < NOTICED_MS and not adrift:
            continue
        told = f"{wrong / 1000:g} s {'ahead' if float(offset or 0) > 0 else 'behind'}" if wrong >= NOTICED_MS else "not synchronised"
        yield Finding(
            host=host.name,
            severity="critical" if wrong >= JUMP_MS else "warning",
            old=f"{told} ({daemon})",
            new="the guest's clock is right: time would jump at the cutover" + (", backwards" if float(offset or 0) >= NOTICED_MS else ""),
            remedy="Let an NTP daemon on the old host bring its clock to the right time before the move, then survey again.",
        )


DETECTOR = clock_offset
