# SPDX-License-Identifier: GPL-3.0-or-later
"""A PHP extension without a known package."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import web_hosts


@detector(
    "php-extension",
    "A PHP extension without a known package",
    severity="critical",
    compares="loaded extensions with the packages of Debian 13",
    remedy="see that the application does not need it and waive this, or bring a package",
    reference="packages.debian.org: php8.4-*",
    surprise=(11,),
    needs=("php",),
)
def php_extension(draft: Draft) -> Iterator[Finding]:
    for service, host in web_hosts(draft):
        lost = sorted(str(name) for name in host.part("php").get("extensions") or () if str(name).lower() not in debian13.PHP_EXTENSIONS)
        if lost:
            yield Finding(
                host=host.name,
                severity="critical",
                service=service.id,
                old=f"loaded: {listed(lost)}",
                new="no package of Debian 13 is known for it",
                remedy="See that the application does not need it and waive this, or bring a package of your own.",
            )


DETECTOR = php_extension
