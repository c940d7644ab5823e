# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, names, routes, firewalls: what the network knows of a host."""

from __future__ import annotations

from . import dependency_against_order, dependency_ring, hard_coded_address, partner_address

DETECTORS = (
    dependency_against_order.DETECTOR,
    dependency_ring.DETECTOR,
    hard_coded_address.DETECTOR,
    partner_address.DETECTOR,
)
