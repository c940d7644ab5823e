# SPDX-License-Identifier: GPL-3.0-or-later
"""Another major version of PHP."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ...moves import version
from ..detector import detector
from ._shared import web_hosts


@detector(
    "php-version",
    "Another major version of PHP",
    severity="warning",
    compares="PHP of the old host with that of Debian 13",
    remedy="try the application on the guest before its wave",
    reference="php.net: migration guides, one for each version",
    surprise=(11,),
    needs=("php",),
)
def php_version(draft: Draft) -> Iterator[Finding]:
    for service, host in web_hosts(draft):
        old = version(str(host.part("php").get("version") or ""))
        if old and old < version(debian13.VERSIONS["php"]):
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"PHP {host.part('php')['version']}",
                new=f"PHP {debian13.VERSIONS['php']}: stricter comparisons and types, removed functions, warnings that became errors",
                remedy="Smoke-test the application on the guest before its wave: the mover asks each vhost, a person should click.",
            )


DETECTOR = php_version
