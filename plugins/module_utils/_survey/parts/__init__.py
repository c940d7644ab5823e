# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part of the survey that stands by itself, one file each. How to add one: docs/guides/survey.md."""

from __future__ import annotations

from ..part import Part
from .agents import PART as AGENTS
from .apache import PART as APACHE
from .binaries import PART as BINARIES
from .boot import PART as BOOT
from .clock import PART as CLOCK
from .counters import PART as COUNTERS
from .docker import PART as DOCKER
from .files import PART as FILES
from .firewall import PART as FIREWALL
from .installed import PART as INSTALLED
from .interfaces import PART as INTERFACES
from .jobs import PART as JOBS
from .keepalived import PART as KEEPALIVED
from .kernel import PART as KERNEL
from .libc import PART as LIBC
from .limits import PART as LIMITS
from .machine import PART as MACHINE
from .mail import PART as MAIL
from .memcached import PART as MEMCACHED
from .nfs import PART as NFS
from .nodejs import PART as NODEJS
from .openssl import PART as OPENSSL
from .path_mtu import PART as PATH_MTU
from .pm2 import PART as PM2
from .postgresql import PART as POSTGRESQL
from .power import PART as POWER
from .rabbitmq import PART as RABBITMQ
from .resolver import PART as RESOLVER
from .routes import PART as ROUTES
from .storage import PART as STORAGE
from .sysstat import PART as SYSSTAT
from .tls import PART as TLS
from .usb import PART as USB

PARTS: tuple[Part, ...] = (
    AGENTS,
    APACHE,
    BINARIES,
    BOOT,
    CLOCK,
    COUNTERS,
    DOCKER,
    FILES,
    FIREWALL,
    INSTALLED,
    INTERFACES,
    JOBS,
    KEEPALIVED,
    KERNEL,
    LIBC,
    LIMITS,
    MACHINE,
    MAIL,
    MEMCACHED,
    NFS,
    NODEJS,
    OPENSSL,
    PATH_MTU,
    PM2,
    POSTGRESQL,
    POWER,
    RABBITMQ,
    RESOLVER,
    ROUTES,
    STORAGE,
    SYSSTAT,
    TLS,
    USB,
)
