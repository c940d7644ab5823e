# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part of the survey that stands by itself, one file each. How to add one: docs/guides/survey.md."""

from __future__ import annotations

from ..part import Part
from .binaries import PART as BINARIES
from .boot import PART as BOOT
from .clock import PART as CLOCK
from .counters import PART as COUNTERS
from .interfaces import PART as INTERFACES
from .kernel import PART as KERNEL
from .limits import PART as LIMITS
from .machine import PART as MACHINE
from .path_mtu import PART as PATH_MTU
from .power import PART as POWER
from .routes import PART as ROUTES
from .storage import PART as STORAGE
from .usb import PART as USB

PARTS: tuple[Part, ...] = (
    BINARIES,
    BOOT,
    CLOCK,
    COUNTERS,
    INTERFACES,
    KERNEL,
    LIMITS,
    MACHINE,
    PATH_MTU,
    POWER,
    ROUTES,
    STORAGE,
    USB,
)
