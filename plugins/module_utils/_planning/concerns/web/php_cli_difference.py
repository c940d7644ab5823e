# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP's command line would behave differently."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...carried.php import differences
from ...model import Draft, Finding
from ..detector import detector, listed


@detector(
    "php-cli-difference",
    "PHP's command line would behave differently",
    severity="warning",
    compares="what PHP's command line reports with PHP 8.4's values on Debian 13",
    remedy="the worker gets them (cron_worker_ini)",
    reference="php.net: differences of the CLI to other SAPIs",
    surprise=(11,),
    needs=("php",),
)
def php_cli_difference(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        wanted = differences(draft.hosts[service.host].part("php").get("cli_ini") or {}, debian13.PHP_CLI) if service.kind == "cron" else {}
        if wanted:
            yield Finding(
                host=service.host,
                severity="warning",
                service=service.id,
                old=listed([f"{name} = {value}" for name, value in wanted.items()], 20),
                new=listed([f"{name} = {debian13.PHP_CLI[name] or 'nothing'}" for name in wanted], 20),
                remedy="The worker gets them.",
                applied=set(wanted) <= set(draft.settings_of(service.id).get("cron_worker_ini", {})),
            )


DETECTOR = php_cli_difference
