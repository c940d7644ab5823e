# SPDX-License-Identifier: GPL-3.0-or-later
"""A PHP setting that means nothing any more."""

from __future__ import annotations

from collections.abc import Iterator

from ...carried.php import removed, unknown
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import inis, web_hosts


@detector(
    "php-setting-gone",
    "A PHP setting that means nothing any more",
    severity="warning",
    compares="settings that somebody chose with what PHP 8.4 still knows",
    remedy="see whether the application counts on one of them",
    reference="php.net: migration guides, removed directives",
    surprise=(11,),
    needs=("php",),
)
def php_setting_gone(draft: Draft) -> Iterator[Finding]:
    for service, host in web_hosts(draft):
        gone: dict[str, str] = {}
        strange: set[str] = set()
        for ini in inis(host):
            # What Debian's own old php.ini sets nobody chose, and nobody will miss.
            chosen = {name for name, value in ini.items() if not name.startswith("session.sid_") and str(value) not in {"", "0", "Off"}}
            gone |= {name: why for name, why in removed(ini).items() if name in chosen}
            strange |= {name for name in unknown(ini) if not name.startswith("igbinary.")}
        if gone or strange:
            reasons = [f"{name}: {why}" for name, why in sorted(gone.items())] + [f"{name}: not in the table of PHP 8.4" for name in sorted(strange)]
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=listed(sorted(gone | dict.fromkeys(strange, ""))),
                new=listed(reasons),
                remedy="They are not carried over. See whether the application counts on one of them.",
            )


DETECTOR = php_setting_gone
