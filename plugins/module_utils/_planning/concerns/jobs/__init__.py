# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: what runs by itself, and who would run it next."""

from __future__ import annotations

from . import cron_outside_spool, hidden_cron, split_file_tree

DETECTORS = (
    cron_outside_spool.DETECTOR,
    hidden_cron.DETECTOR,
    split_file_tree.DETECTOR,
)
