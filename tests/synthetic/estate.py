# SPDX-License-Identifier: GPL-3.0-or-later
"""``make(hosts, seed)``: a platform of so many legacy hosts, as surveys would tell it. The same seed gives the same estate.

Hosts come in applications: web servers before a database, often with a cache, sometimes with a queue, a worker or a file server; one edge
before all of them. Sizes and loads are drawn from long-tailed distributions, as in real racks: most machines idle, few are busy.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._planning import debian13_kernel

from tests.unit.planning import estates

Row = dict[str, Any]
GIB = 1024**3
EDGE = "10.8.0.10"
FIRST_HOST = IPv4Address("10.16.0.10")
MODELS = (  # name, threads, GiB, watts, rack units
    ("ProLiant DL360 Gen8", 8, 64, 210, 1), ("PowerEdge R620", 16, 96, 240, 1), ("PowerEdge R720", 24, 128, 320, 2), ("SYS-6028R", 32, 256, 380, 2),
)  # fmt: skip
# Kinds of applications and their share: (web servers, database, cache, others).
APPLICATIONS = (
    (30, (1, 4), "mariadb", True, ()),
    (20, (1, 3), "mariadb", False, ("cron",)),
    (15, (1, 2), "postgresql", True, ()),
    (10, (2, 6), "mariadb", True, ("rabbitmq", "nodejs")),
    (10, (1, 2), "postgresql", False, ("memcached",)),
    (8, (0, 0), "mariadb", False, ("nodejs", "nodejs")),
    (5, (2, 4), "mariadb", True, ("nfs",)),
    (2, (0, 0), "postgresql", False, ("apache",)),
)
LISTENS = {
    "postgresql": (5432, "postgres", "postgresql"), "memcached": (11211, "memcached", "memcached"), "rabbitmq": (5672, "beam.smp", "rabbitmq-server"),
    "nfs": (2049, "rpc.mountd", "nfs-server"), "apache": (80, "apache2", "apache2"), "nodejs": (3000, "node", "app"),
}  # fmt: skip
NEEDS_MOVER = frozenset(LISTENS)


@dataclass
class Estate:
    """What estate_plan would be given, and what is true of it.

    ``applications`` are lists of host names, ``planted`` the surprises: concern, severity, whether the plan cures it, the hosts it is on.
    """

    surveys: dict[str, Row] = field(default_factory=dict)
    loads: dict[str, Row] = field(default_factory=dict)
    cluster: Row = field(default_factory=dict)
    policy: Row = field(default_factory=dict)
    applications: list[list[str]] = field(default_factory=list)
    planted: list[tuple[str, str, bool, frozenset[str]]] = field(default_factory=list)

    def by_hand(self) -> set[str]:
        """Services that only people move; each is a critical concern of its own."""
        return {f"{kind}@{name}" for name, survey in self.surveys.items() for kind in LISTENS if _listens(survey, kind)}


def _listens(survey: Row, kind: str) -> bool:
    return any(row["process"] == LISTENS[kind][1] for row in survey["listening"])


class Maker:
    """Draws one estate; every draw comes from the one seed."""

    def __init__(self, hosts: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.wanted = hosts
        self.address = FIRST_HOST
        self.made = Estate()
        self.counts: dict[str, int] = {}
        self.facts: dict[str, Row] = {}
        self.backends: list[Row] = []

    def make(self, nodes: int) -> Estate:
        self._host("edge", "edge")
        weights = [row[0] for row in APPLICATIONS]
        while len(self.made.surveys) < self.wanted:
            self._application(self.dice.choices(APPLICATIONS, weights)[0])
        edge = self.made.surveys["edge-0001"]
        edge["addresses"].append(f"{EDGE}/8")
        edge["haproxy"] = {
            "version": "2.2.9", "backends": self.backends,
            "frontends": [{"name": "fe", "binds": ["*:80"], "default_backend": self.backends[0]["name"]}],
        }  # fmt: skip
        self.made.cluster = cluster(nodes)
        self.made.policy = {
            "environment": "synthetic",
            "address_range": {"first": "10.200.0.10", "last": "10.231.255.250", "prefix": 8, "gateway": "10.200.0.1"},
            "guest_defaults": {"template": "debian-13", "bridge": "vmbr0", "storage": "shared", "pool": "community"},
            "public_address": f"{EDGE}/8", "legacy_facts": self.facts,
            "node_facts": {"watts_per_core": 3, "watts_per_gib": 0.4, "rack_units": 2 * nodes},
            "placement": {"spare_nodes": 1, "cpu_overcommit": 3.0, "reserve_mib": 8192}, "dropped_services": [],
        }  # fmt: skip
        return self.made

    def _application(self, kind: tuple[int, tuple[int, int], str, bool, tuple[str, ...]]) -> None:
        _, webs, database, cache, others = kind
        store = self._host("db" if database == "mariadb" else "pg", database)
        members = [store]
        needed = [(store, 3306 if database == "mariadb" else 5432)]
        if cache:
            members.append(self._host("cache", "redis"))
            needed.append((members[-1], 6379))
        for other in others:
            members.append(self._host(other if other != "cron" else "batch", other))
            if other in LISTENS and other != "nodejs":
                needed.append((members[-1], LISTENS[other][0]))
        callers = [(name, "node") for name in members if _listens(self.made.surveys[name], "nodejs")]
        for _ in range(self.dice.randint(*webs)):
            members.append(self._host("web", "http"))
            callers.append((members[-1], "php-fpm8.4"))
            number = len(self.backends)
            self.backends.append({
                "name": f"be_{number}", "servers": [{"name": members[-1], "address": self.made.surveys[members[-1]]["address"], "port": 80}],
            })  # fmt: skip
        for caller, process in callers:
            for target, port in needed:
                self._connect(caller, process, target, port)
        if self.made.applications and callers and self.dice.random() < 0.15:  # some applications ask others' databases
            self._connect(*callers[0], self.made.applications[self.dice.randrange(len(self.made.applications))][0], 3306)
        self.made.applications.append(members)

    def _connect(self, caller: str, process: str, target: str, port: int) -> None:
        mine, other = self.made.surveys[caller], self.made.surveys[target]
        row = {"local_address": mine["address"], "local_port": 40000 + len(mine["connections"]), "peer_address": other["address"], "peer_port": port}
        mine["connections"].append({**row, "process": process, "unit": None, "state": "established"})

    def _host(self, prefix: str, kind: str) -> str:
        self.counts[prefix] = self.counts.get(prefix, 0) + 1
        name = f"{prefix}-{self.counts[prefix]:04d}"
        self.address += 1
        model, cpus, memory_gib, watts, units = self.dice.choice(MODELS)
        busy = min(0.9, self.dice.lognormvariate(-2.6, 0.8))  # most machines idle
        survey = estates.bare(name, 1, **self._sections(name, kind, memory_gib))
        survey["os"] |= {"pretty_name": "Debian GNU/Linux 11 (bullseye)", "kernel": "5.10.0-33-amd64", "hostname": name}
        survey |= {
            "address": str(self.address), "addresses": [f"{self.address}/8"],
            "hardware": {"cpus": cpus, "memory_mib": memory_gib * 1024, "model": model, "cpu_model": "Xeon", "disks": []},
            "measured": {
                "load": [round(cpus * busy, 2)] * 3, "memory_used_mib": int(memory_gib * 1024 * min(0.7, self.dice.lognormvariate(-3.0, 0.7))),
                "memory_available_mib": memory_gib * 512, "uptime_s": self.dice.randint(1, 390) * 86400, "processes": self.dice.randint(80, 400),
            },
        }  # fmt: skip
        # As large as real ones: kernel parameters as Debian has them, packages, and what else fills a file.
        survey["kernel"]["sysctl"] = {**debian13_kernel.DEFAULTS, **{f"net.ipv4.conf.card{number}.forwarding": "0" for number in range(500)}}
        survey["installed"] = {"manager": "dpkg", "packages": {f"package-{number}": f"{number}.1-{number % 7}" for number in range(400)}}
        survey["mounts"] = [{"source": "/dev/sda1", "target": "/", "type": "ext4", "size_mib": 400_000, "used_mib": self.dice.randint(3_000, 60_000)}]
        self.made.loads[name] = self._load(name, cpus * busy, survey["measured"]["memory_used_mib"])
        self.facts[name] = {"watts": watts, "rack_units": units, "rack": f"r{len(self.facts) // 20 + 1:02d}"}
        self.made.surveys[name] = survey
        return name

    def _load(self, name: str, cores: float, memory: int) -> Row:
        """A month of samples. One host in five works three times as hard at the month's end, which only its p99 and maximum tell."""
        peak = 3.0 if self.dice.random() < 0.2 else 1.2
        used = {"p50": round(cores * 0.6, 2), "p95": round(cores, 2), "p99": round(cores * (1 + peak) / 2, 2), "max": round(cores * peak, 2)}
        held = {"p50": memory, "p95": int(memory * 1.1), "p99": int(memory * 1.15), "max": int(memory * 1.2)}
        return estates.load_over_time(name, measures={"cpu_cores": used, "memory_mib": held})

    def _sections(self, name: str, kind: str, memory_gib: int) -> Row:
        if kind == "http":
            page = estates.web(name)
            page["php"]["version"] = "8.4"
            page["nginx"]["vhosts"][0]["file"] = "/etc/nginx/sites-enabled/www"
            page["php"]["pools"][0]["pm"]["pm.max_children"] = str(self.dice.choice((8, 20, 40, 80)))
            return page
        if kind == "mariadb":
            pool = min(memory_gib // 4, self.dice.choice((1, 2, 4, 8, 16)))
            variables = {
                "port": "3306", "character_set_server": "utf8mb4",
                "collation_server": "utf8mb4_uca1400_ai_ci", "innodb_buffer_pool_size": str(pool * GIB),
                "sql_mode": "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
            }  # fmt: skip
            size = int(self.dice.lognormvariate(9, 1.2))
            return estates.mariadb(version="11.8.2", variables=variables, databases=[{"name": "app", "size_mib": size, "tables": 60}])
        if kind == "redis":
            return estates.redis(version="7.0.15", used_memory_mib=int(self.dice.lognormvariate(6.5, 1)))
        if kind == "cron":
            user = {"name": "app", "uid": 1000, "gid": 1000, "group": "app", "home": "/srv/app", "shell": "/bin/sh"}
            return {"cron": [estates.job("app", f"/srv/app/job{number}.sh") for number in range(self.dice.randint(1, 4))], "users": [user]}
        if kind in LISTENS:
            port, process, unit = LISTENS[kind]
            return {"listening": [{"protocol": "tcp", "address": "::", "port": port, "process": process, "unit": f"{unit}.service"}]}
        return {}


def cluster(nodes: int) -> Row:
    """Nodes of 64 cores and 768 GiB with a shared storage."""
    found = estates.cluster(nodes, 768, 64)
    for node in found["nodes"]:
        node["storages"][0] |= {"total_bytes": 400 * 1024 * GIB}
    return found


def make(hosts: int, seed: int = 1, nodes: int | None = None) -> Estate:
    """An estate of at least ``hosts`` hosts, the last application whole. A node for every 20 hosts unless said otherwise, never fewer than 4."""
    return Maker(hosts, seed).make(nodes or max(4, -(-hosts // 20)))
