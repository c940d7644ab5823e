# SPDX-License-Identifier: GPL-3.0-or-later
"""Several versions of PHP on one host."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import web_hosts


@detector(
    "several-php-versions",
    "Several versions of PHP on one host",
    severity="critical where two versions have a pool of the same name, else warning",
    compares="every PHP-FPM that runs, and PHP inside of Apache, with the one version of a guest",
    remedy="move the applications of other versions by hand, or raise them to one version first",
    reference="php.net: migration guides",
    surprise=(11,),
    needs=("php",),
)
def several_php_versions(draft: Draft) -> Iterator[Finding]:
    for service, host in web_hosts(draft):
        php = host.part("php")
        others = [row for row in php.get("others") or () if row.get("version") != php.get("version") or row.get("sapi") == "apache"]
        if not others:
            continue
        names = [str(pool["name"]) for pool in php.get("pools") or ()]
        twice = sorted({name for name in names if names.count(name) > 1})
        pools = [f"{pool['name']} ({pool.get('version') or php.get('version')})" for pool in php.get("pools") or ()]
        also = [f"PHP {row['version']} as {'module of Apache' if row['sapi'] == 'apache' else 'FPM'}" for row in others]
        yield Finding(
            host=host.name,
            severity="critical" if twice else "warning",
            service=service.id,
            old=f"PHP {php.get('version')}, {', '.join(also)}; pools {listed(pools)}",
            new=f"the guest runs every pool with PHP {debian13.VERSIONS['php']}"
            + (f"; there can be one pool called {', '.join(twice)}" if twice else "; settings were compared for the first version only"),
            remedy="Raise the applications to one version first, or move those of the other versions by hand to a guest of their own.",
        )


DETECTOR = several_php_versions
