# SPDX-License-Identifier: GPL-3.0-or-later
"""The front door: balancers, virtual addresses, TLS and its certificates."""

from __future__ import annotations

from . import (
    no_edge,
    proxy_vhost,
    public_address,
    several_edges,
    several_servers,
    tls_vhost,
)

DETECTORS = (
    no_edge.DETECTOR,
    proxy_vhost.DETECTOR,
    public_address.DETECTOR,
    several_edges.DETECTOR,
    several_servers.DETECTOR,
    tls_vhost.DETECTOR,
)
