# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP would behave differently with the guest's own php.ini."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...carried.php import differences
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import web_hosts


@detector(
    "php-ini-difference",
    "PHP would behave differently with the guest's own php.ini",
    severity="critical unless the pool on the guest gets the values",
    compares="what PHP-FPM reports for each pool with PHP 8.4's values on Debian 13",
    remedy="the pool on the guest gets them (web_php_pools)",
    reference="php.net: list of php.ini directives",
    surprise=(11, 12),
    needs=("php",),
)
def php_ini_difference(draft: Draft) -> Iterator[Finding]:
    for service, host in web_hosts(draft):
        if service.kind != "http":
            continue
        php = host.part("php")
        carried = {row["name"]: row["ini"] for row in draft.settings_of(service.id).get("web_php_pools", ())}
        for pool in php.get("pools") or ():
            wanted = differences({**(php.get("ini") or {}), **(pool.get("ini") or {})}, debian13.PHP_INI)
            if wanted:
                yield Finding(
                    host=host.name,
                    severity="critical",
                    service=service.id,
                    title=f"Pool {pool['name']} has PHP settings that Debian 13 does not have",
                    old=listed([f"{name} = {value}" for name, value in wanted.items()], 20),
                    new=listed([f"{name} = {debian13.PHP_INI[name] or 'nothing'}" for name in wanted], 20),
                    remedy="The pool on the guest gets them.",
                    applied=set(wanted) <= set(carried.get(str(pool["name"]), {})),
                )


DETECTOR = php_ini_difference
