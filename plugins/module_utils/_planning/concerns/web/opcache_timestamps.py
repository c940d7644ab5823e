# SPDX-License-Identifier: GPL-3.0-or-later
"""PHP does not look whether its files changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...model import Draft, Finding
from ..detector import detector
from ._shared import web_hosts

SOON = 60  # seconds after which a changed file is seen soon enough


def _set(ini: Mapping[str, str]) -> dict[str, str]:
    return {name.removeprefix("opcache."): value for name, value in ini.items() if name.startswith("opcache.")}


@detector(
    "opcache-timestamps",
    "PHP does not look whether its files changed",
    severity="warning",
    compares="opcache.validate_timestamps and revalidate_freq of the running PHP with the moment at which files arrive",
    remedy="reload PHP-FPM on the guest after the last copy of the files, and have the next deployment reload the guest",
    reference="php.net: opcache.validate_timestamps, opcache.revalidate_freq",
    surprise=(12,),
    needs=("php",),
)
def opcache_timestamps(draft: Draft) -> Iterator[Finding]:
    for service, host in web_hosts(draft):
        if service.kind != "http":
            continue
        php = host.part("php")
        values = [(php.get("version"), {**_set(php.get("ini") or {}), **(php.get("opcache") or {})})]
        values += [(row.get("version"), row.get("opcache") or {}) for row in php.get("others") or () if row.get("sapi") == "fpm"]
        for release, opcache in values:
            never = str(opcache.get("validate_timestamps", "1")).lower() in {"0", "off", "no", "false"}
            seconds = str(opcache.get("revalidate_freq", "2"))
            rare = seconds.isdigit() and int(seconds) > SOON
            if str(opcache.get("enable", "1")).lower() in {"0", "off", "no", "false"} or not (never or rare):
                continue
            yield Finding(
                host=host.name,
                severity="warning",
                service=service.id,
                old=f"PHP {release}: " + ("opcache.validate_timestamps = Off" if never else f"opcache.revalidate_freq = {seconds}"),
                new="the setting comes along: a script that PHP-FPM compiled on the guest before the last copy of the files is served "
                + ("until a reload" if never else f"up to {seconds} s longer"),
                remedy="Reload PHP-FPM on the guest after the last copy, before requests arrive; deployments to the old host reload that one only.",
            )


DETECTOR = opcache_timestamps
