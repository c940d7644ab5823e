# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache asks for a password."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector
from ._shared import of_kind


@detector(
    "cache-password",
    "The cache asks for a password",
    severity="critical: the guest would take anybody",
    compares="whether requirepass is set with what the plan may carry",
    remedy="give both passwords by the vault",
    reference="docs/guides/security.md",
    needs=("redis",),
)
def cache_password(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "redis"):
        if host.part("redis").get("password_set"):
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old="requirepass is set",
                new="the plan never holds a secret: the guest would take anybody",
                remedy="Set redis_settings.requirepass in your vault for the guest, give the conductor the old one, then waive this.",
            )


DETECTOR = cache_password
