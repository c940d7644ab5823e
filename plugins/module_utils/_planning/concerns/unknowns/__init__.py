# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan does not know. ``not_assessed`` stands apart: it has to know all others."""

from __future__ import annotations

from . import no_mover, nothing_to_move, unknown_service, unpackaged_binary

DETECTORS = (
    no_mover.DETECTOR,
    nothing_to_move.DETECTOR,
    unknown_service.DETECTOR,
    unpackaged_binary.DETECTOR,
)
