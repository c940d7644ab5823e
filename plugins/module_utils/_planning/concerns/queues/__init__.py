# SPDX-License-Identifier: GPL-3.0-or-later
"""Message queues: versions and types on both sides."""

from __future__ import annotations

from . import (
    queue_exchange,
    queue_mirrored,
    queue_version,
)

DETECTORS = (
    queue_exchange.DETECTOR,
    queue_mirrored.DETECTOR,
    queue_version.DETECTOR,
)
