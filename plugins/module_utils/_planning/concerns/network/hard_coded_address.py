# SPDX-License-Identifier: GPL-3.0-or-later
"""An address of a legacy host is written into a file."""

from __future__ import annotations

from collections.abc import Iterator

from ... import trees
from ...known import CONFIGURED
from ...model import Draft, Finding, LegacyHost, Row
from ..detector import detector, listed


@detector(
    "hard-coded-address",
    "An address of a legacy host is written into a file",
    severity="critical where the plan replaces the address, else warning: the old address forwards until its host is retired",
    compares="addresses in code and configuration with those of legacy hosts",
    remedy="the plan rewrites files that move and settings that it carries; the rest is named by hand before the host is retired",
    reference="rewriting of files: docs/guides/plan.md",
    surprise=(24,),
    needs=("literal_addresses", "addresses"),
)
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


DETECTOR = hard_coded_address
