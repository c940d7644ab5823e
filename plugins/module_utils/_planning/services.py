# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services a legacy host has: those that a mover can move, those that were declared dropped, and those that nobody knows."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._domain.errors import LotseError
from . import debian13, trees
from .model import BY_HAND, Dropped, LegacyHost, Row, Service
from .policy import Policy

# Which program belongs to which kind of service.
PROGRAMS = {
    "edge": re.compile(r"haproxy"),
    "http": re.compile(r"nginx|php-fpm.*|php\d.*-fpm"),
    "mariadb": re.compile(r"mariadbd|mysqld|mariadb|mysql"),
    "redis": re.compile(r"redis-server|valkey-server|redis"),
    "cron": re.compile(r"cron|crond|php\d*(\.\d+)?"),
    "postgresql": re.compile(r"postgres|postmaster|postgresql(@.*|-\d.*)?"),
    "memcached": re.compile(r"memcached(@.*)?"),
    "rabbitmq": re.compile(r"beam(\.smp)?|rabbitmq-server|epmd"),
    "nfs": re.compile(r"nfs-server|nfs-kernel-server|nfsd|rpc\.mountd|nfs-mountd"),
    "apache": re.compile(r"apache2|httpd"),
    "nodejs": re.compile(r"node|nodejs|pm2.*|PM2.*"),
    "docker": re.compile(r"dockerd|docker|containerd.*|docker-proxy|podman|conmon"),
    "mail": re.compile(r"exim4?|master|postfix(@.*)?|sendmail|opensmtpd|smtpd"),
}
# Ports by which people and programs name what a mover does not move. One that listens elsewhere is told by its own port.
USUAL_PORT = {"postgresql": 5432, "memcached": 11211, "rabbitmq": 5672, "nfs": 2049, "apache": 80, "nodejs": 3000, "docker": None, "mail": 25}
TITLES = {
    "postgresql": "PostgreSQL", "memcached": "memcached", "rabbitmq": "RabbitMQ", "nfs": "NFS server", "apache": "Apache", "nodejs": "Node.js",
    "docker": "Containers", "mail": "Mail server",
}  # fmt: skip
LOOPBACK = re.compile(r"127\..*|::1")
# What a guest brings itself. Listening or not, it needs no move.
SYSTEM = re.compile(
    r"ssh|sshd|dbus.*|rsyslogd?|cron|crond|chronyd?|ntpd?|ntpsec|systemd.*|networking|ifup.*|udev|systemd-.*|getty.*|serial-getty.*|console-getty.*"
    r"|user|polkit|unattended-upgrades|qemu-guest-agent|dhclient|init|atd|acpid|irqbalance|smartd|smartmontools|mdadm|lvm2.*|e2scrub.*|apt-daily.*"
)


def discover(hosts: Mapping[str, LegacyHost], policy: Policy) -> tuple[list[Service], list[Dropped]]:
    """Services with a move, and dropped ones, both sorted. Raises LotseError for a declaration that fits nothing that was surveyed."""
    found = {service.id: service for host in hosts.values() for service in _services(host)}
    dropped = []
    for name, row in sorted(policy.dropped.items()):
        program, host = name.split("@")
        if host not in hosts:
            raise LotseError(f"{name} is declared dropped, but no legacy host is called {host}", "plan_dropped_services", "correct the name")
        if name not in found and program not in _names(hosts[host]):
            raise LotseError(f"{name} is declared dropped, but {host} has no such service", "plan_dropped_services", "correct or remove the entry")
        found.pop(name, None)
        dropped.append(Dropped(name, host, row["reason"], row["approver"]))
    return [found[name] for name in sorted(found)], dropped


def _services(host: LegacyHost) -> Iterable[Service]:
    haproxy, nginx, mariadb, redis = (host.part(name) for name in ("haproxy", "nginx", "mariadb", "redis"))
    if haproxy.get("frontends"):
        yield Service("edge", host.name, f"HAProxy {haproxy.get('version') or ''}".strip(), edge_port(haproxy), str(haproxy.get("version") or ""))
    if nginx.get("vhosts"):
        php = host.part("php")
        name = f"nginx {nginx.get('version') or ''}".strip() + (f" with PHP {php['version']}" if php.get("version") else "")
        yield Service("http", host.name, name, http_port(host), str(php.get("version") or ""))
        if moved := trees.of(host):
            yield Service("files", host.name, f"Files below {', '.join(moved)}")
    if mariadb:
        port = int((mariadb.get("variables") or {}).get("port") or 3306)
        yield Service("mariadb", host.name, f"MariaDB {mariadb.get('version')}", port, str(mariadb.get("version") or ""))
    if redis:
        yield Service("redis", host.name, f"Redis {redis.get('version')}", redis_port(redis), str(redis.get("version") or ""))
    if jobs := [row for row in jobs_of(host) if row.get("spool")]:
        users = sorted({str(row["user"]) for row in jobs})
        yield Service("cron", host.name, f"{len(jobs)} cron job{'s' if len(jobs) > 1 else ''} of {', '.join(users)}")
    yield from (service for kind in BY_HAND if (service := _by_hand(kind, host)))


def _by_hand(kind: str, host: LegacyHost) -> Service | None:
    """A service that people move: it listens for others or for its host, or its unit runs."""
    ports = sorted({int(row["port"]) for row in listening(host, kind)})
    units = [row for row in host.rows("services") if row.get("state") == "running" and kind_of("", str(row["name"])) == kind]
    if not ports and (not units or kind == "mail"):
        return None
    version = str(host.part(kind).get("version") or next((row["version"] for row in units if row.get("version")), ""))
    usual = USUAL_PORT[kind]
    port = usual if usual in ports else ports[0] if ports else None
    return Service(kind, host.name, f"{TITLES[kind]} {version}".strip(), port, version)


def listening(host: LegacyHost, kind: str) -> list[Row]:
    """Sockets on which a kind of service listens. A mail program that serves only its own host is part of every system."""
    rows = [row for row in host.rows("listening") if kind_of(str(row.get("process") or ""), row.get("unit")) == kind]
    return [row for row in rows if kind != "mail" or not LOOPBACK.fullmatch(str(row["address"]))]


def jobs_of(host: LegacyHost) -> list[Row]:
    """Cron jobs that people made. Those of Debian's packages come with the packages."""
    return [row for row in host.rows("cron") if row.get("spool") or not _packaged(row)]


def _packaged(row: Row) -> bool:
    source = str(row.get("source") or "")
    if posixpath.dirname(source) == "/etc/cron.d":
        return posixpath.basename(source) in debian13.PACKAGED_CRON
    return source == "/etc/crontab" and ("run-parts" in str(row.get("command")) or "anacron" in str(row.get("command")))


def redis_port(redis: Mapping[str, Row]) -> int:
    return int(str((redis.get("config") or {}).get("port") or 6379))


def edge_port(haproxy: Mapping[str, Sequence[Row]]) -> int:
    """The first port that a frontend with a backend binds."""
    for frontend in haproxy.get("frontends") or ():
        for bind in frontend.get("binds") or ():
            if frontend.get("default_backend") and (match := re.search(r":(\d+)", str(bind))):
                return int(match[1])
    return 80


def http_port(host: LegacyHost) -> int:
    """The port of the default vhost, or of the first; plain HTTP before TLS."""
    vhosts = sorted(host.part("nginx").get("vhosts") or (), key=lambda row: (not row.get("default"), str(row.get("name"))))
    listens = [str(listen) for vhost in vhosts for listen in vhost.get("listen") or ()]
    for listen in sorted(listens, key=lambda text: "ssl" in text.split()):
        if match := re.search(r"(?:^|:)(\d+)$", listen.split()[0]):
            return int(match[1])
    return 80


def kind_of(process: str, unit: str | None) -> str | None:
    """The kind of service that a process belongs to, by its unit or its name."""
    names = [(unit or "").removesuffix(".service"), process.split(":")[0].strip()]
    for name in filter(None, names):
        for kind, pattern in PROGRAMS.items():
            if pattern.fullmatch(name):
                return kind
    return None


@dataclass(frozen=True)
class Stranger:
    """A running program that no mover handles and nobody dropped."""

    name: str
    evidence: str


def strangers(host: LegacyHost, services: Iterable[Service], dropped: Iterable[Dropped]) -> list[Stranger]:
    """Programs that listen, or that no package owns, without a service of the plan that covers them."""
    kinds = {service.kind for service in services if service.host == host.name}
    known = {entry.id.split("@")[0] for entry in dropped if entry.host == host.name}
    seen: dict[str, list[str]] = {}
    for row in host.rows("listening"):
        process, unit = str(row.get("process") or ""), row.get("unit")
        if not _covered(process, unit, kinds, known):
            where = f"{row.get('protocol')} {row.get('address')}:{row.get('port')}"
            seen.setdefault(_name(process, unit), []).append(f"listens on {where}")
    for row in host.rows("unpackaged"):
        if not _covered(posixpath.basename(str(row["exe"])), row.get("unit"), kinds, known):
            seen.setdefault(_name(posixpath.basename(str(row["exe"])), row.get("unit")), []).append(f"{row['exe']} belongs to no package")
    return [Stranger(name, "; ".join(sorted(set(evidence)))) for name, evidence in sorted(seen.items())]


def _name(process: str, unit: str | None) -> str:
    return (unit or "").removesuffix(".service") or process or "unknown"


def _covered(process: str, unit: str | None, kinds: set[str], dropped: set[str]) -> bool:
    if dropped & {process, _name(process, unit)}:
        return True
    if SYSTEM.fullmatch(_name(process, unit).split("@")[0]) and (not process or SYSTEM.fullmatch(process)):
        return True
    kind = kind_of(process, unit)
    return kind in kinds or kind == "mail" or (kind == "cron" and process.startswith("cron"))


def _names(host: LegacyHost) -> set[str]:
    """Everything that a declaration may drop: units, programs, files of cron."""
    return (
        {str(row["name"]) for row in host.rows("services")}
        | {_name("", row.get("unit")) for row in host.rows("unpackaged")}
        | {posixpath.basename(str(row["exe"])) for row in host.rows("unpackaged")}
        | {_name(str(row.get("process") or ""), row.get("unit")) for row in host.rows("listening")}
        | {posixpath.basename(str(row.get("source"))) for row in host.rows("cron") if not row.get("spool")}
        | _jobs(host)
    )


def _jobs(host: LegacyHost) -> set[str]:
    """What runs by itself beside cron's tables: timers, boot scripts, files of run-parts, supervised programs, agents."""
    jobs = host.part("jobs")
    files = [row["file"] for name in ("user_timers", "boot", "periodic") for row in jobs.get(name) or ()]
    named = [row["name"] for name in ("timers", "anacron", "supervised") for row in jobs.get(name) or ()]
    every = {posixpath.basename(str(name)) for name in (*files, *named, *(row["name"] for row in host.rows("agents")))}
    return every | {name.removesuffix(".timer") for name in every}
