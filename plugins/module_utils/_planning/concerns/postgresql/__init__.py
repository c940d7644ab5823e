# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL: order of text, versions, what logical replication does not carry."""

from __future__ import annotations

from . import (
    collation_version,
    not_replicated,
    postgresql_removed,
    postgresql_transaction,
    postgresql_version,
    replica_identity,
)

DETECTORS = (
    collation_version.DETECTOR,
    not_replicated.DETECTOR,
    postgresql_removed.DETECTOR,
    postgresql_transaction.DETECTOR,
    postgresql_version.DETECTOR,
    replica_identity.DETECTOR,
)
