# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that runs in another language or character set."""

from __future__ import annotations

from collections.abc import Iterator

from ... import debian13
from ...model import Draft, Finding
from ..detector import detector, listed
from ._shared import processes_of

# Sorting, numbers and messages are the same in these; C.UTF-8 reads more characters.
PLAIN = {"", "C", "POSIX", "C.UTF-8", "C.utf8"}


@detector(
    "service-locale", "A service in another locale",
    severity="warning",
    compares="LANG and LC_* in /proc/PID/environ of the service with those that systemd gives on Debian 13",
    remedy="Generate the locale on the guest (package locales) and give the unit Environment=LANG=… in a drop-in.",
    reference="locale(7); systemd.exec(5), Environment=; setlocale falls back to C without an error where the locale is not generated",
    surprise=(16,), needs=("limits",),
)  # fmt: skip
def service_locale(draft: Draft) -> Iterator[Finding]:
    for service in draft.services:
        found = set()
        for row in processes_of(draft.hosts[service.host], service.kind):
            words = {name: str(value) for name, value in row["environment"].items() if name != "TZ"}
            deciding = [words["LC_ALL"]] if words.get("LC_ALL") else list(words.values())
            if any(value not in PLAIN for value in deciding):
                found.add(" ".join(f"{name}={value}" for name, value in sorted(words.items())))
        if found:
            yield Finding(
                host=service.host,
                severity="warning",
                service=service.id,
                old=listed(sorted(found)),
                new=f"LANG={debian13.LANG}: other sorting, decimal signs and names of months in what asks for the locale",
                remedy="Generate the locale on the guest and name it in a drop-in of the unit, or see that nothing depends on it.",
            )


DETECTOR = service_locale
