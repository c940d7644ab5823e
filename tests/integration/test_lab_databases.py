# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB and Redis there and back, as clients see it who know the old addresses only and write all the time. No edge holds them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.crossing import ENTER, ROOT, Crossing
from tests.lab.lab import LEGACY, Lab
from tests.lab.machine import Machines, MachineSpec

pytestmark = pytest.mark.lab

DB1, CACHE1 = LEGACY["db1"].split("/")[0], LEGACY["cache1"].split("/")[0]
DB01, CACHE01 = "10.77.0.103", "10.77.0.104"
QUICK = ("-e", "migrate_dead_man=5 migrate_observe=1")
BEYOND_TABLES = (
    "CREATE ROLE editor",
    "GRANT SELECT, UPDATE ON community.* TO editor",
    "CREATE USER 'o''brien'@'10.77.0.%' IDENTIFIED BY 'not a secret'",
    "GRANT editor TO 'o''brien'@'10.77.0.%'",
    "GRANT SELECT ON community.users TO 'o''brien'@'10.77.0.%'",
    "CREATE DEFINER = 'o''brien'@'10.77.0.%' VIEW community.latest AS SELECT * FROM community.users LIMIT 5",
    "CREATE PROCEDURE community.shout(what VARCHAR(20)) SELECT UPPER(what)",
    "CREATE TRIGGER community.stamp BEFORE INSERT ON community.audit_log FOR EACH ROW SET NEW.what = TRIM(NEW.what)",
    "CREATE SEQUENCE community.numbers START WITH 7",
    "DO NEXTVAL(community.numbers)",
)
LEFT = (
    "ls -d /run/lotse /var/lib/lotse /etc/lotse /etc/systemd/system/*lotse* /etc/mysql/mariadb.conf.d/*lotse* 2>/dev/null; "
    "nft list tables | grep lotse; cat /proc/sys/net/ipv4/ip_forward"
)
SETTINGS = {
    "db-01": {"mariadb_settings": {"sql_mode": "NO_ENGINE_SUBSTITUTION", "collation_server": "utf8mb4_general_ci"}, "mariadb_nofile": 48000},
    "cache-01": {"redis_maxmemory": "0", "redis_settings": {"protected-mode": "no", "maxmemory-policy": "noeviction"}},
}


def guest(name: str, node: str, address: str, role: str, service: str) -> dict[str, Any]:
    shape: dict[str, Any] = {"template": "debian-13", "cores": 1, "memory_mib": 1024, "disks": {"scsi0": {"storage": "shared", "size_gib": 8}}}
    network = {"nics": {"net0": {"bridge": "vmbr0"}}, "address": f"{address}/24", "gateway": "10.77.0.1", "pool": "community"}
    uuid = f"7b0c2f1e-0000-5000-8000-000000000{address.rsplit('.', 1)[1]}"
    rest = {"tags": [f"role-{role}"], "role": role, "services": [service], "onboot": True, "settings": SETTINGS[name]}
    return {"name": name, "uuid": uuid, "node": node, **shape, **network, **rest}


def move(kind: str, old: str, new: str, **parameters: Any) -> dict[str, Any]:
    return {"id": kind, "service": f"{kind}@{old}", "kind": kind, "from": old, "to": new, "wave": 1, "section": kind, "rollback": "lossless",
            "expected_pause_ms": 100, "parameters": parameters}  # fmt: skip


PLAN = {
    "schema": "lotse/plan/2", "environment": "lab", "services": [], "dropped": [], "dependencies": [], "concerns": [],
    "legacy": {name: {"address": address, "os": "Debian 11", "watts": 1, "rack_units": 1} for name, address in (("db1", DB1), ("cache1", CACHE1))},
    "guests": [guest("db-01", "pve1", DB01, "mariadb", "mariadb@db1"), guest("cache-01", "pve2", CACHE01, "redis", "redis@cache1")],
    "waves": [{"number": 1, "moves": ["mariadb", "redis"]}],
    "moves": [move("mariadb", "db1", "db-01", port=3306, databases=["community"]), move("redis", "cache1", "cache-01", port=6379)],
}  # fmt: skip


class Databases:
    """The lab's databases, and the clients."""

    def __init__(self, crossing: Crossing, folder: Path) -> None:
        self.crossing, self.folder = crossing, folder
        self.seen: dict[str, list[Any]] = {"mariadb": [], "redis": []}  # what clients were acknowledged, so far
        self.errors: Counter[str] = Counter()
        self.before: list[str] = []

    def on(self, address: str, script: str, *, check: bool = True) -> str:
        known = f"{self.crossing.state}/ssh/known_hosts {self.crossing.estate}/known_hosts"
        options = ("-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=/dev/null", "-o", f"UserKnownHostsFile={known}")
        argv = [str(ENTER), "ssh", *options, "-i", f"{self.crossing.state}/ssh/id_ed25519", f"root@{address}", script]
        done = subprocess.run(argv, env=self.crossing.environment(), text=True, capture_output=True, timeout=60, check=check)
        return done.stdout.strip()

    def sql(self, address: str, statement: str) -> str:
        return self.on(address, f'mariadb -N -B -e "{statement}"')

    def redis(self, address: str, words: str) -> str:
        return self.on(address, f"$(command -v valkey-cli || command -v redis-cli) {words}")

    def traces(self) -> list[str]:
        """What one could find of us on the legacy hosts, and whether they route."""
        return [self.on(address, LEFT, check=False) for address in (DB1, CACHE1)]

    def writable(self) -> tuple[bool, bool]:
        return self.sql(DB1, "SELECT @@GLOBAL.read_only") == "0", self.sql(DB01, "SELECT @@GLOBAL.read_only") == "0"

    @contextmanager
    def clients(self) -> Iterator[dict[str, Any]]:
        """Clients write while the block runs, and a little longer on both sides. The dict has what they saw, afterwards."""
        stop, output = self.folder / "stop", self.folder / "written.json"
        stop.unlink(missing_ok=True)
        config = self.on("10.77.0.12", "cat /srv/community/config.php")
        password = config.split("'password' => '", 1)[1].split("'", 1)[0]
        argv = [str(ENTER), sys.executable, "-m", "tests.integration.database_writers", DB1, CACHE1, str(stop), str(output)]
        writers = subprocess.Popen(argv, cwd=ROOT, env=self.crossing.environment(), stdin=subprocess.PIPE, text=True)
        assert writers.stdin is not None
        writers.stdin.write(f"{password}\n")
        writers.stdin.close()
        saw: dict[str, Any] = {}
        try:
            time.sleep(1.5)
            yield saw
            time.sleep(1.5)
        finally:
            stop.touch()
            assert writers.wait(timeout=40) == 0
            saw |= json.loads(output.read_text(encoding="utf-8"))
            for kind, what in saw.items():
                self.seen[kind] += what["tokens"]
                self.errors.update(what["errors"])

    def audit(self, mariadb: str, redis: str) -> tuple[int, int, int]:
        """Lost in MariaDB, doubled there, lost in Redis: of everything that was ever acknowledged."""
        there = Counter(self.sql(mariadb, "SELECT token FROM community.messages").splitlines())
        keys = set(self.redis(redis, "--raw KEYS 'lab:*'").splitlines())
        lost = [token for token in self.seen["mariadb"] if not there[token]]
        doubled = [token for token in self.seen["mariadb"] if there[token] > 1]
        return len(lost), len(doubled), len([token for token in self.seen["redis"] if f"lab:{token}" not in keys])

    def cuts(self) -> dict[str, dict[str, Any]]:
        """The result of each kind's last cutover."""
        found = {}
        for kind in ("mariadb", "redis"):
            lines = (self.crossing.estate / "journal" / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
            entries = [json.loads(line) for line in lines]
            found[kind] = [entry["data"] for entry in entries if (entry["event"], entry["step"]) == ("result", "cut")][-1]
        return found


@pytest.fixture(scope="module")
def databases(lab: Crossing, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    (lab.estate / "guests").mkdir(parents=True, exist_ok=True)
    (lab.estate / "plan.yml").write_text(yaml.safe_dump(PLAN), encoding="utf-8")
    for name, settings in SETTINGS.items():
        (lab.estate / "guests" / f"{name}.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    lab.playbook("provision", capture=True)
    lab.playbook("configure", capture=True)
    databases = Databases(lab, tmp_path_factory.mktemp("writers"))
    databases.before = databases.traces()
    return databases


def test_there(databases: Databases) -> None:
    """Both move; nothing is lost, the sides take turns, the old one follows."""
    databases.sql(DB1, "CREATE EVENT community.tick ON SCHEDULE EVERY 1 DAY DO DELETE FROM community.audit_log WHERE 0")
    databases.sql(DB1, "SET GLOBAL event_scheduler = ON")
    databases.sql(DB1, "; ".join(BEYOND_TABLES))
    databases.redis(CACHE1, "XADD lab-stream 5-1 field value")
    with databases.clients() as saw:
        done = databases.crossing.playbook("migrate", *QUICK, check=False, capture=True)
        print(done.stdout[-6000:], done.stderr[-3000:])
        assert done.returncode == 0
    assert len(saw["mariadb"]["tokens"]) > 500
    assert len(saw["redis"]["tokens"]) > 500
    assert databases.audit(DB01, CACHE01) == (0, 0, 0)
    assert databases.writable() == (False, True)
    for kind, cut in databases.cuts().items():
        assert 0 < cut["write_pause_ms"] < 1000, kind
        assert saw[kind]["longest_silence_s"] < 5, kind
    assert databases.redis(CACHE1, "SET refused 1").startswith("NOREPLICAS")
    assert databases.redis(CACHE01, "SET taken 1") == "OK"
    assert databases.sql(DB01, "CALL community.shout('quiet')") == "QUIET"
    assert databases.sql(DB01, "SELECT COUNT(*) FROM community.latest") == "5"
    for account in ("editor", "'o''brien'@'10.77.0.%'"):
        old, new = [databases.sql(address, f"SHOW GRANTS FOR {account}") for address in (DB1, DB01)]
        assert old == new != ""
    assert (databases.sql(DB1, "SELECT @@GLOBAL.event_scheduler"), databases.sql(DB01, "SELECT @@GLOBAL.event_scheduler")) == ("OFF", "ON")


def test_the_verification_suite_agrees(databases: Databases) -> None:
    """Every row, key and setting on both sides, as the playbook verify sees them."""
    done = databases.crossing.playbook("verify", check=False, capture=True)
    print(done.stdout[-6000:], done.stderr[-3000:])
    assert done.returncode == 0
    controls = json.loads((databases.crossing.estate / "evidence" / "verify.json").read_text(encoding="utf-8"))["controls"]
    states = {row["id"]: row["state"] for row in controls if row["move"] in {"mariadb", "redis"}}
    assert states.keys() >= {"mariadb-rows", "mariadb-writable", "redis-keys", "redis-one-writer"}
    assert set(states.values()) == {"passed"}


def test_fence_and_forward_outlive_a_reboot_of_the_old_hosts(databases: Databases) -> None:
    machines = Machines(Lab(databases.crossing.lab))
    for name in ("db1", "cache1"):
        spec = json.loads((machines.root(name).parent / "spec.json").read_text(encoding="utf-8"))
        machines.stop(name)
        keys = tuple(spec["authorized_keys"])
        machines.boot(MachineSpec(name, spec["image"], spec["address"], authorized_keys=keys))
    databases.on(DB1, "until mariadb -e 'SELECT 1' >/dev/null 2>&1; do sleep 0.1; done")
    databases.on(CACHE1, "until redis-cli ping >/dev/null 2>&1; do sleep 0.1; done")
    assert databases.writable() == (False, True)
    assert databases.redis(CACHE1, "SET refused 1").startswith("NOREPLICAS")
    for address, target in ((DB1, f"{DB01}:3306"), (CACHE1, f"{CACHE01}:6379")):
        assert f"dnat to {target}" in databases.on(address, "nft list table ip lotse_forward")
    databases.sql(DB01, "INSERT INTO community.audit_log VALUES (NOW(), 'after the restart')")
    deadline = time.monotonic() + 15
    while databases.sql(DB1, "SELECT COUNT(*) FROM community.audit_log WHERE what = 'after the restart'") != "1":
        assert time.monotonic() < deadline, "the old side does not follow any more"
        time.sleep(0.3)


def test_back_although_the_controller_dies_behind_the_decision(databases: Databases) -> None:
    """MariaDB serves on the old side without anybody's help; then the next run goes on, and takes Redis back, too."""
    databases.redis(CACHE01, "XADD lab-stream 6-1 field value")
    with databases.clients():
        killed = databases.crossing.playbook("rollback", *QUICK, check=False, capture=True, LOTSE_DRILL="mariadb:decided")
        assert killed.returncode != 0
        sides: list[tuple[bool, bool]] = []
        deadline = time.monotonic() + 20
        while not sides or (sides[-1] != (True, False) and time.monotonic() < deadline):
            sides.append(databases.writable())
        assert sides[0] == (False, False), "the drill did not end it behind the decision: nothing was tested"
        assert sides[-1] == (True, False)
        assert (True, True) not in sides
        done = databases.crossing.playbook("rollback", *QUICK, check=False, capture=True)
        print(done.stdout[-6000:], done.stderr[-3000:])
        assert done.returncode == 0
    assert databases.audit(DB1, CACHE1) == (0, 0, 0)
    assert databases.redis(CACHE1, "XRANGE lab-stream - +").split() == ["5-1", "field", "value", "6-1", "field", "value"]
    assert databases.redis(CACHE1, "SET taken 1") == "OK"
    assert databases.redis(CACHE01, "SET refused 1").startswith("NOREPLICAS")


def test_nothing_is_left_on_the_legacy_hosts(databases: Databases) -> None:
    assert databases.sql(DB1, "SHOW DATABASES LIKE 'lotse'; SELECT user FROM mysql.user WHERE user LIKE 'lotse%'") == ""
    assert databases.sql(DB1, "SELECT @@GLOBAL.event_scheduler") == "ON"
    assert databases.traces() == databases.before
    assert "lotse" not in databases.on(CACHE1, "cat /etc/redis/*.conf")
