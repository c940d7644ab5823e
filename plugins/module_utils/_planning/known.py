# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is meant by an address, a name, a port, a process or a file: what the dependency map looks things up in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import trees
from .model import LegacyHost, Service
from .services import kind_of

# Configuration folders, and whose they are.
CONFIGURED = {
    "/etc/haproxy/": "edge", "/etc/nginx/": "http", "/etc/php/": "http", "/etc/mysql/": "mariadb", "/etc/redis/": "redis",
    "/etc/cron": "cron", "/var/spool/cron/": "cron", "/etc/apache2/": "apache", "/etc/httpd/": "apache", "/etc/postgresql/": "postgresql",
    "/etc/rabbitmq/": "rabbitmq", "/etc/exim4/": "mail", "/etc/postfix/": "mail",
}  # fmt: skip


class Known:
    """Services by host and port, hosts by address and by name."""

    def __init__(self, hosts: Mapping[str, LegacyHost], services: Sequence[Service]) -> None:
        self.hosts = hosts
        self.services = {(service.kind, service.host): service for service in services}
        self.by_address = {address: host.name for host in hosts.values() for address in host.addresses}
        self.by_port = {(service.host, service.port): service for service in services if service.port}
        self.of_host: dict[str, list[Service]] = {}
        for service in services:
            self.of_host.setdefault(service.host, []).append(service)
        self.by_name = _names(hosts)
        self.readers: dict[tuple[str, str], list[Service]] = {}
        self.trees: dict[str, list[str]] = {}

    def service(self, kind: str | None, host: str) -> Service | None:
        return self.services.get((kind or "", host))

    def host_of(self, address: str, asker: LegacyHost | None = None) -> str | None:
        """The legacy host that an address or a name means, the asker's own hosts file first."""
        own = _own_names(asker).get(address.lower()) if asker else None
        return self.by_address.get(own or address) or self.by_name.get(address.lower())

    def at(self, address: str, port: int, asker: LegacyHost | None = None) -> Service | None:
        return self.by_port.get((self.host_of(address, asker) or "", port))

    def listening_at(self, address: str) -> list[Service]:
        """The services that an address or a name without a port may mean."""
        host = self.host_of(address)
        return [service for service in self.of_host.get(host or "", ()) if service.port]

    def user_of(self, process: str, unit: str | None, host: str) -> list[Service]:
        """Who opened a socket on a host: the service of its process; of a socket without a process the host's most likely caller."""
        kind = kind_of(process, unit)
        if kind:
            return [found] if (found := self.service(kind, host)) else []
        return [] if process else self.callers(host)

    def callers(self, host: str) -> list[Service]:
        """Who on a host probably opened a connection, when only the server's side was seen."""
        for kind in ("http", "apache", "nodejs", "edge", "cron"):
            if found := self.service(kind, host):
                return [found]
        return []

    def users_of(self, host: LegacyHost, file: str) -> list[Service]:
        """The services of a host that read a file."""
        if (host.name, file) not in self.readers:
            self.readers[host.name, file] = self._users_of(host, file)
        return self.readers[host.name, file]

    def _users_of(self, host: LegacyHost, file: str) -> list[Service]:
        for folder, kind in CONFIGURED.items():
            if file.startswith(folder):
                return [found] if (found := self.service(kind, host.name)) else []
        if host.name not in self.trees:
            self.trees[host.name] = trees.of(host)
        readers = []
        if any(trees.inside(file, tree) for tree in self.trees[host.name]):
            readers.append(self.service("http", host.name))
        jobs = [str(row.get("command") or "") for row in host.rows("cron") if row.get("spool")]
        if any(trees.inside(file, path) for command in jobs for path in trees.code_paths(host, command)):
            readers.append(self.service("cron", host.name))
        return [reader for reader in readers if reader]


def _names(hosts: Mapping[str, LegacyHost]) -> dict[str, str]:
    """Legacy hosts by the names that they have in the inventory and of themselves. A name of two hosts means neither."""
    owners: dict[str, set[str]] = {}
    for host in hosts.values():
        for name in {host.name, str(host.part("os").get("hostname") or "")} - {"", "localhost"}:
            for form in {name.lower(), name.lower().split(".")[0]}:
                owners.setdefault(form, set()).add(host.name)
    return {name: next(iter(of)) for name, of in owners.items() if len(of) == 1}


def _own_names(host: LegacyHost) -> dict[str, str]:
    """Addresses by the names in a host's own hosts file."""
    rows = host.part("resolver").get("hosts") or ()
    return {str(name).lower(): str(row["address"]) for row in rows for name in row.get("names") or ()}
