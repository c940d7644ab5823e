# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases, caches and queues: versions, modes, what replication cannot carry, who writes past a fence."""

from __future__ import annotations

from . import (
    authentication_plugin,
    cache_fork,
    cache_modules,
    cache_password,
    cache_replica,
    cache_version,
    cold_cache,
    collation,
    database_replica,
    database_version,
    long_transaction,
    missing_definer,
    missing_primary_key,
    no_way_back,
    privileged_writers,
    scheduled_events,
    session_sql_mode,
    sql_mode,
    table_engine,
)

DETECTORS = (
    authentication_plugin.DETECTOR,
    cache_fork.DETECTOR,
    cache_modules.DETECTOR,
    cache_password.DETECTOR,
    cache_replica.DETECTOR,
    cache_version.DETECTOR,
    cold_cache.DETECTOR,
    collation.DETECTOR,
    database_replica.DETECTOR,
    database_version.DETECTOR,
    long_transaction.DETECTOR,
    missing_definer.DETECTOR,
    missing_primary_key.DETECTOR,
    no_way_back.DETECTOR,
    privileged_writers.DETECTOR,
    scheduled_events.DETECTOR,
    session_sql_mode.DETECTOR,
    sql_mode.DETECTOR,
    table_engine.DETECTOR,
)
