# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part of the survey that stands by itself, one file each. How to add one: docs/guides/survey.md."""

from __future__ import annotations

from ..part import Part
from .agents import PART as AGENTS
from .binaries import PART as BINARIES
from .boot import PART as BOOT
from .clock import PART as CLOCK
from .counters import PART as COUNTERS
from .files import PART as FILES
from .firewall import PART as FIREWALL
from .interfaces import PART as INTERFACES
from .jobs import PART as JOBS
from .kernel import PART as KERNEL
from .libc import PART as LIBC
from .limits import PART as LIMITS
from .machine import PART as MACHINE
from .mail import PART as MAIL
from .memcached import PART as MEMCACHED
from .nfs import PART as NFS
from .path_mtu import PART as PATH_MTU
from .postgresql import PART as POSTGRESQL
from .power import PART as POWER
from .rabbitmq import PART as RABBITMQ
from .resolver import PART as RESOLVER
from .routes import PART as ROUTES
from .storage import PART as STORAGE
from .sysstat import PART as SYSSTAT
from .usb import PART as USB

PARTS: tuple[Part, ...] = (
    AGENTS,
    BINARIES,
    BOOT,
    CLOCK,
    COUNTERS,
    FILES,
    FIREWALL,
    INTERFACES,
    JOBS,
    KERNEL,
    LIBC,
    LIMITS,
    MACHINE,
    MAIL,
    MEMCACHED,
    NFS,
    PATH_MTU,
    POSTGRESQL,
    POWER,
    RABBITMQ,
    RESOLVER,
    ROUTES,
    STORAGE,
    SYSSTAT,
    USB,
)
