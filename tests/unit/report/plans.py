# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans made by code, of any size: what the planner would write for an estate, with all its fields, the same for the same seed."""

from __future__ import annotations

import datetime
import random
from typing import Any

OFFSET = datetime.timezone(datetime.timedelta(hours=1))
FIRST_DAY = datetime.datetime(2027, 1, 11, 22, 0, tzinfo=OFFSET)
ROLES = (  # kind, port, share of the hosts, cores, memory in MiB, disk in GiB
    ("http", 80, 40, 8, 8192, 40), ("nodejs", 3000, 14, 4, 4096, 20), ("mariadb", 3306, 14, 12, 32768, 200), ("redis", 6379, 8, 4, 8192, 20),
    ("cron", None, 8, 2, 2048, 20), ("postgresql", 5432, 5, 8, 16384, 120), ("rabbitmq", 5672, 3, 4, 4096, 20), ("memcached", 11211, 3, 2, 4096, 10),
    ("mail", 25, 2, 2, 2048, 30), ("nfs", 2049, 2, 4, 4096, 800), ("edge", 443, 1, 4, 2048, 10),
)  # fmt: skip
RELEASES = ("Debian GNU/Linux 8 (jessie)", "Debian GNU/Linux 9 (stretch)", "Debian GNU/Linux 10 (buster)", "Debian GNU/Linux 11 (bullseye)",
            "Ubuntu 18.04.6 LTS", "CentOS Linux 7 (Core)")  # fmt: skip
NEEDS = {"edge": ("http", "nodejs"), "http": ("mariadb", "redis", "nfs", "memcached"), "nodejs": ("postgresql", "redis", "rabbitmq"),
         "cron": ("mariadb", "rabbitmq"), "mail": ("mariadb",)}  # fmt: skip
CONCERNS = (
    ("sql-mode", "critical", "The new server would refuse zero dates", "sql_mode = NO_ENGINE_SUBSTITUTION (/etc/mysql/my.cnf:42)",
     "MariaDB 11.8: STRICT_TRANS_TABLES, ERROR_FOR_DIVISION_BY_ZERO, NO_AUTO_CREATE_USER", "The plan carries the old sql_mode."),
    ("hard-coded-address", "warning", "An address of an old server is written into the code", "10.20.3.7 in /srv/www/config/app.php:17",
     "the address goes away with the server", "The path is rewritten at the cutover."),
    ("tls-old-protocols", "warning", "Clients that speak TLS 1.0 are refused", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 (/etc/nginx/nginx.conf:31)",
     "OpenSSL 3.5 at security level 2 offers TLS 1.2 and 1.3", "Look into the access log who still uses TLS 1.0."),
    ("swappiness", "info", "Swapping differs", "vm.swappiness = 10", "Debian 13: 60", "The plan carries the old value."),
    ("hidden-cron", "info", "A job is in a user's spool", "*/5 * * * * php /srv/www/digest.php", "moved with its user", "Nothing to do."),
    ("php-extension", "critical", "An extension is missing in the new PHP", "mcrypt is loaded by 2 pools", "PHP 8.4 has no mcrypt",
     "Replace it by openssl, or install the PECL package."),
    ("certificate-expiry", "warning", "A certificate ends during the crossing", "CN=shop.example, not after 2027-02-03", "copied as it is",
        "Renew it."),
    ("long-query", "info", "Queries run for longer than the fence waits", "longest seen: 41 s", "the fence waits 10 s", "They are ended."),
)  # fmt: skip


def make(hosts: int, seed: int = 7, *, windows: bool = True, concerns_per_host: float = 3.0) -> dict[str, Any]:
    """A plan for ``hosts`` legacy hosts."""
    chance = random.Random(seed)
    names, kinds = _hosts(hosts, chance)
    legacy = {
        name: {
            "address": f"10.{20 + n // 62500}.{n // 250 % 250}.{n % 250 + 1}", "os": chance.choice(RELEASES), "watts": chance.choice((140, 180, 230,
                310)),
            "rack_units": chance.choice((1, 1, 1, 2)), "memory_mib": 65536, "cpus": 16, "rack": f"{'ABCD'[n // 28 % 4]}{n // 28 + 1:02d}",
        } for n, name in enumerate(names)
    }  # fmt: skip
    services: list[dict[str, Any]] = []
    guests: list[dict[str, Any]] = []
    for name in names:
        kind, port, _share, cores, memory, disk = kinds[name]
        own = [{"id": f"{kind}@{name}", "kind": kind, "host": name, "name": f"{kind} of {name}", "port": port}]
        if kind == "http":
            own.append({"id": f"files@{name}", "kind": "files", "host": name, "name": "/srv/www/data", "port": None})
            if chance.random() < 0.3:
                own.append({"id": f"cron@{name}", "kind": "cron", "host": name, "name": "crontab of www-data", "port": None})
        services += own
        guests.append(_guest(len(guests), name, kind, own, cores, memory, disk, chance))
    nodes = _nodes(guests, max(3, hosts // 25))
    edges, cycles = _edges(services, chance)
    moves, waves = _waves(services, guests, hosts, windows, chance)
    return {
        "schema": "lotse/plan/2", "environment": "demo", "legacy": legacy, "services": services, "dropped": [], "dependencies": edges,
        "external": _external(services, chance), "cycles": cycles, "guests": guests, "edge": None, "waves": waves, "moves": moves,
        "concerns": _concerns(services, int(hosts * concerns_per_host), chance), "savings": _savings(legacy, guests, len(nodes)),
        "capacity": {"nodes": nodes, "spare_node_proven": True,
                     "explanation": "Whichever node dies, its guests fit onto the others while theirs stay where they are."},
    }  # fmt: skip


def _hosts(hosts: int, chance: random.Random) -> tuple[list[str], dict[str, Any]]:
    kinds = chance.choices(ROLES, weights=[row[2] for row in ROLES], k=max(0, hosts - 6))
    kinds = [ROLES[10], ROLES[0], ROLES[1], ROLES[2], ROLES[3], ROLES[4], *kinds][:hosts]
    stems = {"http": "web", "nodejs": "app", "mariadb": "db", "redis": "cache", "postgresql": "pg", "rabbitmq": "mq", "memcached": "mc",
        "nfs": "store"}
    counts: dict[str, int] = {}
    names = []
    for row in kinds:
        stem = stems.get(row[0], row[0])
        counts[stem] = counts.get(stem, 0) + 1
        names.append(f"{stem}{counts[stem]}")
    return names, dict(zip(names, kinds, strict=True))


def _guest(number: int, host: str, kind: str, own: list[dict[str, Any]], cores: int, memory: int, disk: int, chance: random.Random) -> dict[str, Any]:
    measured = chance.random() < 0.9
    load = chance.lognormvariate(-1.0, 0.7) * cores
    chosen_cores = max(1, min(cores, round(load * 2.5)))
    sizing: dict[str, Any] = {
        "source": "sysstat, 45 days" if measured else "one survey", "confidence": chance.choice(("high", "high", "medium",
            "low")) if measured else "none",
        "coverage": {"days": chance.randint(3, 60), "samples": chance.randint(200, 9000), "month_end": chance.random() < 0.7},
        "observed": {}, "chosen": {"cores": chosen_cores, "memory_mib": memory, "disk_gib": disk},
        "reasons": [f"{chosen_cores} cores: p95 times 1.5, rounded up", f"{memory} MiB: the largest that was in use, and room to breathe"],
    }  # fmt: skip
    if measured:
        used, full = memory * chance.uniform(0.35, 0.8), disk * 1024 * chance.uniform(0.2, 0.7)
        sizing["observed"] = {
            "cpu_cores": {"p50": round(load * 0.4, 2), "p95": round(load, 2), "p99": round(load * 1.3, 2), "max": round(load * chance.uniform(1.4,
                3), 2)},
            "memory_mib": {"p50": int(used * 0.8), "p95": int(used), "p99": int(used * 1.05), "max": int(used * 1.15)},
            "disk_mib": {"p50": int(full * 0.9), "p95": int(full), "p99": int(full), "max": int(full), "growth_mib_per_day": chance.randint(0, 900)},
        }  # fmt: skip
    return {
        "name": f"{host}-new", "uuid": f"00000000-0000-4000-8000-{number:012d}", "node": "", "template": "debian13", "cores": chosen_cores,
        "memory_mib": memory, "disks": {"scsi0": {"storage": "ceph", "size_gib": disk}}, "nics": {"net0": {"bridge": "vmbr0"}},
        "address": f"10.{40 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}/16", "gateway": "10.40.255.254", "pool": "crossing",
        "tags": [f"role-{kind}"], "role": kind, "services": [row["id"] for row in own], "onboot": True, "settings": {f"{kind}_setting": number},
        "sizing": sizing, "os": {"choice": "lift", "from": "debian 11", "to": "debian 13", "reason": "nothing needs the old release"},
    }  # fmt: skip


def _nodes(guests: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    own: dict[int, list[dict[str, Any]]] = {n: [] for n in range(count)}
    for guest in guests:
        place = min(range(count), key=lambda n: sum(row["memory_mib"] for row in own[n]))
        guest["node"] = f"pve{place + 1}"
        own[place].append(guest)
    return [
        {"name": f"pve{n + 1}", "cores": 128, "memory_mib": 524288, "planned_memory_mib": sum(row["memory_mib"] for row in rows),
         "guests": [row["name"] for row in rows]}
        for n, rows in own.items()
    ]  # fmt: skip


def _edges(services: list[dict[str, Any]], chance: random.Random) -> tuple[list[dict[str, Any]], list[list[str]]]:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for row in services:
        by_kind.setdefault(row["kind"], []).append(row)
    edges = []
    for row in services:
        for kind in NEEDS.get(row["kind"], ()):
            pool = by_kind.get(kind, [])
            many = 12 if row["kind"] == "edge" else chance.randint(1, 2)
            edges += [_edge(row["id"], other, chance) for other in chance.sample(pool, min(many, len(pool)))]
    cycles = []
    nodes = by_kind.get("nodejs", [])
    for one, two in zip(nodes[:8:2], nodes[1:8:2], strict=False):
        edges += [_edge(one["id"], two, chance), _edge(two["id"], one, chance)]
        cycles.append([one["id"], two["id"]])
    return edges, cycles


def _edge(name: str, other: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    evidence = f"established connection from {name.split('@')[1]} to port {other['port']}"
    times = f"{chance.randint(1, 12)} of 12 surveys"
    return {"from": name, "to": other["id"], "port": other["port"], "protocol": "tcp", "evidence": evidence, "frequency": times}


def _external(services: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    peers = (("out", "203.0.113.25", "smtp.partner.example", 25, "mail"), ("out", "198.51.100.7", "api.payments.example", 443, "partner"),
             ("in", "192.0.2.50", None, 443, "unknown"), ("out", "10.0.0.53", "resolver", 53, "dns"), ("in", "10.0.9.9", "zabbix", 10050,
                 "monitoring"))
    for row in services:
        if row["kind"] in {"http", "mail", "edge"} and chance.random() < 0.25:
            way, peer, name, port, kind = chance.choice(peers)
            protocol = "udp" if port == 53 else "tcp"
            rows.append({"service": row["id"], "direction": way, "peer": peer, "name": name, "port": port, "protocol": protocol, "kind": kind,
                         "evidence": f"established connection with {peer}:{port}"})  # fmt: skip
    return rows


def _waves(
    services: list[dict[str, Any]], guests: list[dict[str, Any]], hosts: int, windows: bool, chance: random.Random
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    order = {"edge": 0, "mariadb": 1, "postgresql": 1, "redis": 1, "rabbitmq": 1, "memcached": 1, "nfs": 1, "cron": 3}
    home = {service: guest["name"] for guest in guests for service in guest["services"]}
    most = max(3, hosts // 20)
    moves: list[dict[str, Any]] = []
    number, room, before = 0, 0, -1
    for row in sorted(services, key=lambda row: order.get(row["kind"], 2)):
        rank = order.get(row["kind"], 2)
        if room == 0 or rank != before:
            number, room, before = number + 1, most, rank
        room -= 1
        by_hand = row["kind"] in {"mail", "nfs"}
        stateful = rank == 1
        moves.append({
            "id": row["id"].replace("@", "-"), "service": row["id"], "kind": row["kind"], "from": row["host"], "to": home[row["id"]], "wave": number,
            "section": row["kind"], "rollback": "lossy" if by_hand else "lossless",
                "expected_pause_ms": 0 if row["kind"] == "edge" else chance.choice((50, 80, 200)),
            "parameters": {}, "mover": "by hand" if by_hand else row["kind"], "volume_mib": chance.randint(200, 90000) if stateful else None,
            "duration_s": {"prepare": chance.randint(60, 5400) if stateful else None, "cut": 1},
            "rollback_until": "the old side is retired" if not by_hand else "the first write on the new side",
        })  # fmt: skip
    waves = []
    for n in range(1, number + 1):
        start = FIRST_DAY + datetime.timedelta(days=7 * ((n - 1) // 4) + (n - 1) % 4)
        window = {"start": start.isoformat(), "end": (start + datetime.timedelta(hours=4)).isoformat()} if windows else None
        own = [move["id"] for move in moves if move["wave"] == n]
        reason = "the edge holds the requests of every later cutover" if n == 1 else "databases and caches before their readers"
        waves.append({"number": n, "name": "canary" if n == 1 else f"wave {n}", "moves": own, "window": window, "canary": n == 1,
            "reasons": [reason]})
    return moves, waves


def _concerns(services: list[dict[str, Any]], count: int, chance: random.Random) -> list[dict[str, Any]]:
    rows = []
    for _ in range(count):
        name, severity, title, old, new, remedy = chance.choice(CONCERNS)
        service = chance.choice(services)
        applied = chance.random() < (0.97 if severity == "critical" else 0.5)
        waiver = {"reason": "only the removed statistics page used it", "approver": "head of operations", "expires": "2027-06-30"}
        rows.append({"id": name, "severity": severity, "host": service["host"], "service": service["id"], "title": title, "old": old, "new": new,
                     "remedy": remedy, "applied": applied, "waived": waiver if not applied and chance.random() < 0.3 else None})  # fmt: skip
    return sorted(rows, key=lambda row: (("critical", "warning", "info").index(row["severity"]), row["id"], row["host"]))


def _savings(legacy: dict[str, Any], guests: list[dict[str, Any]], nodes: int) -> dict[str, Any]:
    watts, units = sum(row["watts"] for row in legacy.values()), sum(row["rack_units"] for row in legacy.values())
    after = nodes * 320 + 8 * len(guests)
    return {
        "power_watts_before": watts, "power_watts_after": after, "rack_units_before": units, "rack_units_after": nodes * 2,
            "hosts_before": len(legacy),
        "hosts_after": 0, "guests": len(guests), "machines_before": len(legacy), "machines_after": nodes, "target": 0.5,
        "target_met": after <= watts / 2, "shortfall": "" if after <= watts / 2 else f"{after - watts // 2} W above the half",
    }  # fmt: skip
