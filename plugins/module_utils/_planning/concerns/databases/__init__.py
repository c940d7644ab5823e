# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, caches and queues: versions, modes, what replication cannot carry, who writes past a fence."""

from __future__ import annotations

from . import (
    authentication_plugin,
    cache_password,
    cache_version,
    collation,
    database_version,
    missing_primary_key,
    privileged_writers,
    scheduled_events,
    sql_mode,
    table_engine,
)

DETECTORS = (
    authentication_plugin.DETECTOR,
    cache_password.DETECTOR,
    cache_version.DETECTOR,
    collation.DETECTOR,
    database_version.DETECTOR,
    missing_primary_key.DETECTOR,
    privileged_writers.DETECTOR,
    scheduled_events.DETECTOR,
    sql_mode.DETECTOR,
    table_engine.DETECTOR,
)
