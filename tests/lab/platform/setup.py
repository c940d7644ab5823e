# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the platform into a legacy host's image: files, users, services, data. Runs against a chroot while the image is built."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from . import seed

HERE = Path(__file__).parent
UID = 1501
ZONE = "Europe/Berlin"


class Chroot(Protocol):
    root: Path

    def run(self, *argv: str, input: bytes = b"") -> bytes:  # noqa: A002 - as subprocess.run
        """Runs a program inside as root; gives what it printed."""


def recipe(host: str, password: str) -> str:
    """Changes when anything does that ``install`` puts into the host's image."""
    folders = [HERE / host, HERE / "app"] if host == "web1" else [HERE / host]
    files = [HERE / "setup.py", HERE / "seed.py", *sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())]
    digest = hashlib.sha256(password.encode())
    for path in files:
        digest.update(f"{path.relative_to(HERE)}\0{path.stat().st_mode & 0o111}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def install(host: str, chroot: Chroot, password: str) -> None:
    shutil.copytree(HERE / host, chroot.root, dirs_exist_ok=True)
    HOSTS[host](chroot, password)


def _zone(chroot: Chroot) -> None:
    chroot.run("ln", "-sfn", f"/usr/share/zoneinfo/{ZONE}", "/etc/localtime")
    (chroot.root / "etc/timezone").write_text(f"{ZONE}\n")


def _edge(chroot: Chroot, _password: str) -> None:
    chroot.run("haproxy", "-c", "-q", "-f", "/etc/haproxy/haproxy.cfg")
    chroot.run("systemctl", "enable", "haproxy.service")


def _web(chroot: Chroot, password: str) -> None:
    root = chroot.root
    _zone(chroot)
    chroot.run("groupadd", "--gid", str(UID), "community")
    chroot.run("useradd", "--uid", str(UID), "--gid", str(UID), "--home-dir", "/srv/community", "--no-create-home", "--shell", "/bin/bash", "community")
    home = root / "srv/community"
    shutil.copytree(HERE / "app", home, dirs_exist_ok=True)
    config = home / "config.php"
    config.write_text(config.read_text().replace("@DB_PASSWORD@", password))
    (home / "uploads").mkdir(mode=0o750)
    (home / "outbox").mkdir(mode=0o750)
    (home / "guestbook.txt").write_text("2009-11-02 20:14 first!\n2013-06-21 23:59 still here\n")
    seed.uploads(home / "uploads")
    (root / "var/lib/php/classic-sessions").mkdir(mode=0o700, parents=True)
    chroot.run("chown", "-R", "community:community", "/srv/community", "/var/lib/php/classic-sessions")
    chroot.run("chown", "root:www-data", "/srv/community")
    chroot.run("chmod", "0755", "/srv/community", "/srv/community/www", "/srv/community/classic")
    chroot.run("chown", "root:community", "/srv/community/config.php")
    config.chmod(0o640)
    (root / "var/log/php-www.log").touch()
    chroot.run("chown", "community", "/var/log/php-www.log")
    # No package owns this program, as with one that somebody built by hand.
    shutil.copy2(root / "bin/dash", root / "usr/local/bin/notifyd")
    chroot.run("chown", "community:crontab", "/var/spool/cron/crontabs/community")
    (root / "var/spool/cron/crontabs/community").chmod(0o600)
    (root / "etc/php/7.4/fpm/pool.d/www.conf.orig").unlink(missing_ok=True)
    for name in ("default",):
        (root / "etc/nginx/sites-enabled" / name).unlink(missing_ok=True)
    for name in ("www", "classic"):
        chroot.run("ln", "-sfn", f"/etc/nginx/sites-available/{name}", f"/etc/nginx/sites-enabled/{name}")
    for test in (("nginx", "-t"), ("php-fpm7.4", "-t")):
        chroot.run(*test)
    chroot.run("systemctl", "enable", "nginx.service", "php7.4-fpm.service", "cron.service", "notifyd.service")


def _database(chroot: Chroot, password: str) -> None:
    _zone(chroot)
    # The history before today is gone, as on a server that has run for years: a seed cannot start from an empty binlog.
    script = """
        set -e
        mkdir -p /run/mysqld; chown mysql:mysql /run/mysqld
        mariadbd --user=mysql --skip-networking --innodb-flush-log-at-trx-commit=0 >/tmp/seed.log 2>&1 & server=$!
        trap 'kill $server 2>/dev/null || :; wait' EXIT
        for _ in $(seq 300); do mariadb-admin --silent ping 2>/dev/null && break; sleep 0.1; done
        mariadb --default-character-set=utf8mb4 || { cat /tmp/seed.log; exit 1; }
        mariadb -e "FLUSH BINARY LOGS"
        mariadb -e "PURGE BINARY LOGS TO '$(mariadb -N -e 'SHOW MASTER STATUS' | cut -f1)'"
        mariadb-admin shutdown; wait $server; trap - EXIT; rm -f /tmp/seed.log
    """
    chroot.run("sh", "-c", script, input=seed.sql(password).encode())
    chroot.run("systemctl", "enable", "mariadb.service")


def _cache(chroot: Chroot, _password: str) -> None:
    settings = chroot.root / "etc/redis/redis.conf"
    settings.write_text(settings.read_text() + "\n# the community's\ninclude /etc/redis/community.conf\n")
    chroot.run("chown", "-R", "redis:redis", "/etc/redis")
    script = """
        set -e
        redis-server --port 0 --unixsocket /tmp/seed.sock --dir /var/lib/redis --save '' --daemonize no >/tmp/seed.log 2>&1 & server=$!
        for _ in $(seq 100); do redis-cli -s /tmp/seed.sock ping >/dev/null 2>&1 && break; sleep 0.1; done
        redis-cli -s /tmp/seed.sock --pipe >/dev/null || { cat /tmp/seed.log; exit 1; }
        redis-cli -s /tmp/seed.sock save >/dev/null
        redis-cli -s /tmp/seed.sock shutdown nosave; wait $server; rm -f /tmp/seed.log
        chown redis:redis /var/lib/redis/dump.rdb
    """
    chroot.run("sh", "-c", script, input=seed.redis_commands())
    chroot.run("systemctl", "enable", "redis-server.service")


HOSTS: dict[str, Callable[[Chroot, str], None]] = {"edge1": _edge, "web1": _web, "db1": _database, "cache1": _cache}
