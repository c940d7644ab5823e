# SPDX-License-Identifier: GPL-3.0-or-later
"""The front door: balancers, virtual addresses, TLS and its certificates."""

from __future__ import annotations

from . import (
    authority_missing,
    certificate_expiry,
    certificate_stays,
    dns_pinned,
    edge_not_http,
    edge_timeouts,
    edge_tls,
    ipfilter_drops_address,
    no_edge,
    proxy_vhost,
    public_address,
    several_edges,
    several_servers,
    stale_arp,
    sticky_sessions,
    tls_too_old,
    tls_vhost,
    virtual_address_kept,
    vrrp_filtered,
    vrrp_id_twice,
    weak_certificate,
)

DETECTORS = (
    authority_missing.DETECTOR,
    certificate_expiry.DETECTOR,
    certificate_stays.DETECTOR,
    dns_pinned.DETECTOR,
    edge_not_http.DETECTOR,
    edge_timeouts.DETECTOR,
    edge_tls.DETECTOR,
    ipfilter_drops_address.DETECTOR,
    no_edge.DETECTOR,
    proxy_vhost.DETECTOR,
    public_address.DETECTOR,
    several_edges.DETECTOR,
    several_servers.DETECTOR,
    stale_arp.DETECTOR,
    sticky_sessions.DETECTOR,
    tls_too_old.DETECTOR,
    tls_vhost.DETECTOR,
    virtual_address_kept.DETECTOR,
    vrrp_filtered.DETECTOR,
    vrrp_id_twice.DETECTOR,
    weak_certificate.DETECTOR,
)
