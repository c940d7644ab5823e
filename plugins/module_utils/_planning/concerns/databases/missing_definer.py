# SPDX-License-Identifier: GPL-3.0-or-later
"""Views and routines whose definer does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind


@detector(
    "missing-definer",
    "Views and routines whose definer does not exist",
    severity="warning",
    compares="definers of views, routines, triggers and events with the accounts",
    remedy="give them a definer that exists before the wave",
    reference="mariadb.com: stored object access control, error 1449",
    needs=("mariadb",),
)
def missing_definer(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        gone = [str(name) for name in host.part("mariadb").get("missing_definers") or ()]
        if gone:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"no such account: {listed(gone)}",
                new="what they define fails with error 1449, on either side; a newer server checks it more often",
                remedy="Give these objects a definer that exists.",
            )


DETECTOR = missing_definer
