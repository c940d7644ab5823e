# SPDX-License-Identifier: GPL-3.0-or-later
"""Every part of the survey that stands by itself, one file each. How to add one: docs/guides/survey.md."""

from __future__ import annotations

from ..part import Part
from .counters import PART as COUNTERS
from .interfaces import PART as INTERFACES
from .path_mtu import PART as PATH_MTU
from .routes import PART as ROUTES

PARTS: tuple[Part, ...] = (
    COUNTERS,
    INTERFACES,
    PATH_MTU,
    ROUTES,
)
