# SPDX-License-Identifier: GPL-3.0-or-later
"""Load over time: what was never seen, and what grows."""

from __future__ import annotations

from . import disk_fills, load_unseen, memory_unexplained, month_end_unseen

DETECTORS = (
    disk_fills.DETECTOR,
    load_unseen.DETECTOR,
    memory_unexplained.DETECTOR,
    month_end_unseen.DETECTOR,
)
