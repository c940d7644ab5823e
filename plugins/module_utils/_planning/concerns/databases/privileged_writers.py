# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts from elsewhere that read_only does not stop."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind


@detector(
    "privileged-writers",
    "Accounts from elsewhere that read_only does not stop",
    severity="warning",
    compares="accounts that pass by read_only, and their hosts",
    remedy="take the privilege away before the wave; the gate looks for their sessions",
    reference="mariadb.com: read_only",
    surprise=(8,),
    needs=("mariadb",),
)
def privileged_writers(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "mariadb"):
        accounts = [str(name) for name in host.part("mariadb").get("privileged_accounts") or ()]
        remote = sorted(name for name in accounts if name.rsplit("@", 1)[-1] not in {"localhost", "127.0.0.1", "::1"})
        if remote:
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=listed(remote),
                new="they may write on the old side after the fence",
                remedy="Take READ ONLY ADMIN (SUPER) from them; the conductor's gate looks for their sessions.",
            )


DETECTOR = privileged_writers
