# SPDX-License-Identifier: GPL-3.0-or-later
"""When public security support of an operating system ends: the last day, as its makers announced it.

Debian: end of LTS (wiki.debian.org/LTS); Ubuntu: end of standard support (ubuntu.com/about/release-cycle), ESM is by contract; CentOS: centos.org;
AlmaLinux and Rocky Linux: end of security support; Alpine: alpinelinux.org/releases. Read in November 2026.
"""

from __future__ import annotations

from datetime import date

_ENDS = """
debian-7=2018-05-31 debian-8=2020-06-30 debian-9=2022-06-30 debian-10=2024-06-30 debian-11=2026-08-31 debian-12=2028-06-30 debian-13=2030-06-30
ubuntu-12.04=2017-04-28 ubuntu-14.04=2019-04-25 ubuntu-16.04=2021-04-30 ubuntu-18.04=2023-05-31 ubuntu-20.04=2025-05-31
centos-6=2020-11-30 centos-7=2024-06-30 centos-8=2021-12-31 rhel-6=2020-11-30 rhel-7=2024-06-30 rhel-8=2029-05-31 rhel-9=2032-05-31
almalinux-8=2029-03-01 almalinux-9=2032-05-31 rocky-8=2029-05-31 rocky-9=2032-05-31
alpine-3.16=2024-05-23 alpine-3.17=2024-11-22 alpine-3.18=2025-05-09 alpine-3.19=2025-11-01 alpine-3.20=2026-04-01 alpine-3.21=2026-11-01
"""
ENDS: dict[str, date] = {name: date.fromisoformat(day) for name, day in (entry.split("=") for entry in _ENDS.split())}


def ended(system: str, today: date) -> date | None:
    """The last day of support of ``debian 11`` or ``alpine 3.19``, where it has passed; None where it has not, or is not known here."""
    name, _, number = system.lower().partition(" ")
    last = ENDS.get(f"{name}-{number}") or ENDS.get(f"{name}-{'.'.join(number.split('.')[:2])}")
    return last if last and last < today else None
