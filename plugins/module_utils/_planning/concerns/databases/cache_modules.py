# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that Valkey does not have."""

from __future__ import annotations

from collections.abc import Iterator

from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import of_kind


@detector(
    "cache-modules",
    "Modules that Valkey does not have",
    severity="critical: keys of a module's type cannot be loaded",
    compares="modules that the old server has loaded with those of Debian's Valkey",
    remedy="move what needs them by hand",
    reference="valkey.io: modules; Debian's package has none",
    surprise=(43,),
    needs=("redis",),
)
def cache_modules(draft: Draft) -> Iterator[Finding]:
    for service, host in of_kind(draft, "redis"):
        modules = [str(name) for name in host.part("redis").get("modules") or ()]
        if modules:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=f"modules: {listed(modules)}",
                new="Valkey of Debian 13 has none of them: it cannot load their keys, and the full synchronisation fails",
                remedy="Move this cache by hand to a server with these modules.",
            )


DETECTOR = cache_modules
