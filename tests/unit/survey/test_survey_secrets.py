# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets end on the host: canaries in every place that the collector reads, and none in what it sends."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .helpers import collect

CANARY = "cAnArY"
SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
APPLETS = ("sh", "sed", "grep", "awk", "tr", "head", "cut", "sort", "find", "ls", "readlink", "timeout", "cat")
KEY = "-----BEGIN RSA PRIVATE KEY-----\ncAnArY01\n-----END RSA PRIVATE KEY-----\n"

TREE = {
    "etc/php/7.4/fpm/php-fpm.conf": "[global]\ninclude=/etc/php/7.4/fpm/pool.d/*.conf\n",
    "etc/php/7.4/fpm/pool.d/www.conf": f"""[www]
user = community
listen = /run/php/www.sock
env[DB_PASSWORD] = {CANARY}02
env[API_KEY] = "{CANARY}03 with blanks"
php_admin_value[session.save_path] = "tcp://10.77.0.14:6379?auth={CANARY}04&database=2"
php_admin_value[mysqli.default_pw] = {CANARY}05
php_value[x.secret] = '{CANARY}06'
; password = {CANARY}07
php_value[memcached.url] = "redis://user:{CANARY}08@10.0.0.1:6379/0"
php_admin_value[session.other] = "tcp://h:1?weight=1&auth[user]=x&auth[pass]={CANARY}09, tcp://h:2?auth={CANARY}10"
""",
    "etc/nginx/nginx.conf": "http { include /etc/nginx/sites-enabled/*; }\n",
    "etc/nginx/sites-enabled/www": f"""server {{
    listen 80; server_name www;
    proxy_set_header Authorization "Basic {CANARY}11";
    proxy_set_header X-Api-Key {CANARY}12;
    fastcgi_param DB_PASSWORD {CANARY}13;
    fastcgi_param APP_SECRET "{CANARY}14";
    location / {{ proxy_pass http://admin:{CANARY}15@10.0.0.9:8080/; }}
    client_max_body_size 24m;
}}
{KEY}""",
    "etc/nginx/conf.d/site.key": f"{CANARY}16\n",
    "etc/haproxy/haproxy.cfg": f"""global
userlist staff
    user ann password {CANARY}17
    user bob insecure-password {CANARY}18
frontend fe
    bind *:80
    stats auth admin:{CANARY}19
    http-request set-header Authorization Bearer\\ {CANARY}20
    default_backend be
backend be
    server web1 10.77.0.12:80 check
""",
    "etc/crontab": f"DB_PASSWORD={CANARY}21\n5 * * * * root mysqldump -ubackup -p{CANARY}22 community | gzip > /x\n",
    "etc/cron.d/jobs": f"""MAILTO=ops
1 * * * * root curl -u api:{CANARY}23 https://api.example/x
2 * * * * root curl -H 'Authorization: Bearer {CANARY}24' https://api.example/x
3 * * * * root wget --password={CANARY}25 --user=u https://x
4 * * * * root redis-cli -h 10.0.0.1 -a {CANARY}26 FLUSHDB
5 * * * * root PGPASSWORD={CANARY}27 psql -c 'select 1'
6 * * * * root /usr/bin/job --token {CANARY}28 --verbose
7 * * * * root /usr/bin/job --api-key={CANARY}29,{CANARY}30
8 * * * * root mysql --password='{CANARY}31 {CANARY}32' -e 'select 1'
9 * * * * root sshpass -p {CANARY}33 ssh x
10 * * * * root rsync rsync://user:{CANARY}34@host/x /y
11 * * * * root php -r '$password = "{CANARY}35";'
12 * * * * root curl 'https://x/?access_token={CANARY}36&y=1'
13 * * * * root curl -H "X-Auth-Token: {CANARY}37" https://x
14 * * * * root mysqldump --password {CANARY}38 community
15 * * * * root AWS_SECRET_ACCESS_KEY={CANARY}39 aws s3 sync /a s3://b
16 * * * * root curl --user bob:{CANARY}40 https://x
17 * * * * root echo "{{\\"password\\": \\"{CANARY}41\\"}}" | send
""",
    "var/spool/cron/crontabs/community": f"* * * * * php /srv/community/digest.php password={CANARY}42\n",
    "etc/mysql/debian.cnf": f"[client]\npassword = {CANARY}43\n",
    "etc/mysql/my.cnf": f"[client]\nhost = 10.77.0.13\npassword = {CANARY}44\n",
    "etc/redis/redis.conf": f"bind 10.77.0.14\nrequirepass {CANARY}45\n",
    "srv/community/config.php": f"<?php return ['host' => '10.77.0.13', 'password' => '{CANARY}46'];\n",
    "etc/passwd": f"root:{CANARY}47:0:0:{CANARY}48:/root:/bin/sh\n",
    "etc/group": f"root:{CANARY}49:0:\n",
}
FILES = ("nginx", "haproxy", "php", "cron", "users", "literal_addresses", "os")


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """A host's tree with a secret in every shape that we know."""
    for name, text in TREE.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "root"


def programs(folder: Path, shell: str) -> dict[str, str]:
    """An environment in which ``sh`` is that shell; with busybox every program is its own."""
    folder.mkdir()
    for name in APPLETS if shell == "busybox" else ("sh",):
        (folder / name).symlink_to(shutil.which(shell) or "")
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("shell", SHELLS)
def test_no_secret_leaves_the_host(planted: Path, tmp_path: Path, shell: str) -> None:
    output = collect(FILES, planted, programs(tmp_path / "bin", shell))
    leaks = [line for line in output.splitlines() if CANARY in line]
    assert leaks == []
    assert output.count("[redacted]") >= 35, "the files were not read at all"
    assert "/etc/mysql/my.cnf:2:10.77.0.13" in output


def test_what_is_no_secret_stays_readable(planted: Path) -> None:
    lines = {line.strip() for line in collect(FILES, planted).splitlines()}
    assert "server web1 10.77.0.12:80 check" in lines
    assert "client_max_body_size 24m;" in lines
    assert 'php_admin_value[session.save_path] = "tcp://10.77.0.14:6379?auth=[redacted]&database=2"' in lines
    assert "* * * * * php /srv/community/digest.php password=[redacted]" in lines
    assert "5 * * * * root mysqldump -ubackup -p[redacted] community | gzip > /x" in lines
    assert "/etc/mysql/my.cnf:2:10.77.0.13" in lines


def fake(folder: Path, name: str, text: str) -> None:
    """A program that answers as the real one does, for servers that do not run where tests run."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@contextmanager
def running(program: Path) -> Iterator[dict[str, str]]:
    """Something that runs under a server's name, and an environment in which the programs beside it come first."""
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}
    with subprocess.Popen([program, "60"]) as process:
        try:
            yield environment
        finally:
            process.kill()


def test_redis_secrets_and_its_password_stay_on_the_host(tmp_path: Path) -> None:
    config = ["requirepass", f"{CANARY}1", "masterauth", f"{CANARY}2", "tls-key-file-pass", f"{CANARY}3", "maxmemory", "0", "save", ""]
    (tmp_path / "config").write_text("\n".join(config) + "\n", encoding="utf-8")
    fake(tmp_path, "redis-cli", f'case "$*" in *PING) echo PONG ;; *CONFIG*) cat {tmp_path}/config ;; esac')
    with running(tmp_path / "redis-server") as environment:
        output = collect(("redis",), "", environment)
    assert " maxmemory\t0" in output
    assert "@password" in output
    assert CANARY not in output


def test_mariadb_secrets_stay_on_the_host(tmp_path: Path) -> None:
    rows = [f"wsrep_sst_auth\tsst:{CANARY}1", f"report_password\t{CANARY}2", f"init_connect\tSET @p = {CANARY}3", f"s3_secret_key\t{CANARY}4"]
    (tmp_path / "variables").write_text("\n".join([*rows, "sql_mode\tSTRICT"]) + "\n", encoding="utf-8")
    fake(tmp_path, "mariadb", f'read -r query; case "$query" in *VARIABLES) cat {tmp_path}/variables ;; *) echo 1 ;; esac')
    with running(tmp_path / "mariadbd") as environment:
        output = collect(("mariadb",), "", environment)
    assert " sql_mode\tSTRICT" in output
    assert CANARY not in output
