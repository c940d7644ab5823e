# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis becomes Valkey."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ...moves import version
from ..detector import detector
from ._shared import of_kind


@detector(
    "cache-version",
    "Redis becomes Valkey",
    severity="critical from Redis 8, which Valkey cannot follow; else warning",
    compares="version of the old cache with Valkey of the guest",
    remedy="the mover's way back copies keys one by one",
    reference="valkey.io: migration from Redis; measured: a Redis 6 attached to a Valkey 8 flushes and then fails",
    surprise=(43,),
    needs=("redis",),
)
def cache_version(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "redis"):
        newer = version(service.version) >= (8,)
        yield Finding(
            host=host.name,
            severity="critical" if newer else "warning",
            service=service.id,
            old=f"Redis {service.version}",
            new=f"{debian13.VERSIONS['redis']}" + (" cannot follow a Redis 8" if newer else " follows the old side; the old side never follows it"),
            remedy="Move by hand." if newer else "The way back copies keys one by one: replication back would flush the old side and then fail.",
            applied=not newer,
        )


DETECTOR = cache_version
