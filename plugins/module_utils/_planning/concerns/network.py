# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: those written into files, and those that others may have written down."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from .. import trees
from ..known import CONFIGURED
from ..model import Draft, Finding, LegacyHost, Row
from ..waves import against, rings
from .detector import detector, listed


@detector("hard-coded-address", "An address of a legacy host is written into a file")
def hard_coded_address(draft: Draft) -> Iterator[Finding]:
    owners = {address: host.name for host in draft.hosts.values() for address in host.addresses - {draft.public_address.split("/")[0]}}
    for host in draft.hosts.values():
        by_file: dict[str, list[Row]] = {}
        for row in host.rows("literal_addresses"):
            if str(row["address"]) in owners:
                by_file.setdefault(str(row["file"]), []).append(row)
        for file, rows in sorted(by_file.items()):
            news = {str(row["address"]): _new(draft, host, file, str(row["address"])) for row in rows}
            applied = all(news.values())
            yield Finding(
                host=host.name,
                severity="critical" if applied else "warning",
                service=_reader(draft, host, file),
                title=f"{file} names a legacy host by its address",
                old=listed([f"line {row['line']}: {row['address']} ({owners[str(row['address'])]})" for row in rows]),
                new=listed([f"{old} becomes {new}" if new else f"{old} stays" for old, new in sorted(news.items())]),
                remedy="The plan replaces it where the file or setting arrives; the old address forwards until its host is retired."
                if applied
                else "The old address forwards until its host is retired: name the new one by hand before that.",
                applied=applied,
            )


def _new(draft: Draft, host: LegacyHost, file: str, address: str) -> str | None:
    """What the plan puts in the place of an address in a file: by rewriting it, or in a setting that it carries."""
    for move in draft.moves:
        if move.service.host == host.name:
            for rule in move.parameters.get("rewrite", ()):
                if rule["file"] == file and address in rule["replace"]:
                    return str(rule["replace"][address])
    backends = draft.settings_of(f"edge@{host.name}").get("edge_backends", ())
    if file.startswith("/etc/haproxy/") and any(address == backend["address"] for backend in backends):
        return "an address that the switchboard holds"
    if file.startswith("/etc/php/"):
        return _session_store(draft, host, file, address)
    return None


def _session_store(draft: Draft, host: LegacyHost, file: str, address: str) -> str | None:
    """The new address in the pool's session store, if the old one stood there and nowhere else in the pool's settings."""
    for pool in host.part("php").get("pools") or ():
        named = sorted(name for name, value in (pool.get("ini") or {}).items() if address in str(value))
        if pool.get("file") == file and named == ["session.save_path"]:
            carried = draft.settings_of(f"http@{host.name}").get("web_php_pools", ())
            path = next((str(row["ini"].get("session.save_path", "")) for row in carried if row["name"] == pool["name"]), "")
            return path if path and address not in path else None
    return None


def _reader(draft: Draft, host: LegacyHost, file: str) -> str:
    kind = next((kind for folder, kind in CONFIGURED.items() if file.startswith(folder)), "")
    if not kind:
        files = draft.move(f"files@{host.name}")
        kind = "files" if files and any(trees.inside(file, path) for path in files.parameters["paths"]) else ""
    service = draft.service(kind, host.name)
    return service.id if service else ""


@detector("partner-address", "An address of somebody else is written into a file")
def partner_address(draft: Draft) -> Iterator[Finding]:
    ours = {address for host in draft.hosts.values() for address in host.addresses} | {draft.public_address.split("/")[0]}
    for host in draft.hosts.values():
        rows = [row for row in host.rows("literal_addresses") if str(row["address"]) not in ours and not _special(str(row["address"]))]
        if rows:
            yield Finding(
                host=host.name,
                severity="info",
                old=listed(sorted(f"{row['address']} in {row['file']}:{row['line']}" for row in rows)),
                new=f"connections will come from the guest's address, no longer from {host.address}",
                remedy="Ask the partner whether the old address is allowed by name; try the connection from the guest.",
            )


def _special(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    return parsed.is_loopback or parsed.is_unspecified or parsed.is_multicast or parsed.is_reserved


@detector("dependency-against-order", "A dependency that the movers' order turns round")
def dependency_against_order(draft: Draft) -> Iterator[Finding]:
    services = {service.id: service for service in draft.services}
    for edge in draft.dependencies:
        source, target = services[edge.source], services[edge.target]
        if source.kind != "edge" and against(source, target):
            files = edge.protocol == "file"
            until = "and needs them already" if files else "and reaches it at its old address until then"
            yield Finding(
                host=source.host,
                severity="warning",
                service=source.id,
                old=f"{source.id} needs {target.id}: {edge.evidence}",
                new=f"{source.id} moves before {target.id}, {until}",
                remedy="The mover brings a copy of the files along." if files else "See that the guest may connect to the legacy host.",
                applied=files,
            )


@detector("dependency-ring", "Services that need each other")
def dependency_ring(draft: Draft) -> Iterator[Finding]:
    for ring in rings(draft.services, draft.dependencies):
        yield Finding(
            host=ring[0].split("@")[1],
            severity="warning",
            service=ring[0],
            old=f"{', '.join(ring)} need each other",
            new="they move in one wave, one after the other",
            remedy="See that each works with the other on either side.",
        )


DETECTORS = (hard_coded_address, partner_address, dependency_against_order, dependency_ring)
