# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, names, routes, firewalls: what the network knows of a host."""

from __future__ import annotations

from . import (
    address_by_hand,
    conntrack_full,
    dependency_against_order,
    dependency_ring,
    egress_address,
    extra_address,
    firewall_left_behind,
    hard_coded_address,
    hosts_file_name,
    interface_name,
    mail_queue,
    mail_relay,
    mail_sender,
    partner_address,
    path_mtu,
    resolver_difference,
    route_left_behind,
)

DETECTORS = (
    address_by_hand.DETECTOR,
    conntrack_full.DETECTOR,
    dependency_against_order.DETECTOR,
    dependency_ring.DETECTOR,
    egress_address.DETECTOR,
    extra_address.DETECTOR,
    firewall_left_behind.DETECTOR,
    hard_coded_address.DETECTOR,
    hosts_file_name.DETECTOR,
    interface_name.DETECTOR,
    mail_queue.DETECTOR,
    mail_relay.DETECTOR,
    mail_sender.DETECTOR,
    partner_address.DETECTOR,
    path_mtu.DETECTOR,
    resolver_difference.DETECTOR,
    route_left_behind.DETECTOR,
)
