# SPDX-License-Identifier: GPL-3.0-or-later
"""The parsers on what other hosts than the lab's say."""

from __future__ import annotations

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import cron, haproxy, host, literals, nginx, php, processes, redis, services
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError

from .helpers import section


def vhosts(**files: str) -> tuple[list[dict[str, object]], list[str]]:
    paths = {f"/etc/nginx/{name.replace('__', '/').replace('_conf', '.conf')}": text for name, text in files.items()}
    survey, unseen = nginx.survey(section("nginx", paths, version="nginx version: nginx/1.22.1"))
    assert survey is not None and survey["version"] == "1.22.1"
    return survey["vhosts"], unseen


def test_nginx_includes_quotes_and_braces_in_words() -> None:
    main = "user x;\nhttp { client_max_body_size 8m; include sites-enabled/*; include mime.types; }\n"
    site = """
    # server { listen 1; }
    map $uri $to { default "a;b}"; }
    server { listen 127.0.0.1:8080; server_name a "b c" ~^(?<x>.+)\\.d$; location ~ "^/[0-9]{2}" { return 404; }
      if ($host ~ "x{2}") { return 301 https://$host$request_uri; } root /srv/${x}/www;
      location / { try_files $uri @app; } location @app { proxy_pass http://127.0.0.1:3000; } }
    server { listen 443 ssl default_server; }
    """
    rows, unseen = vhosts(nginx_conf=main, **{"sites-enabled__shop": site})
    assert unseen == []
    assert [row["name"] for row in rows] == ["shop", "shop-2"]
    assert rows[0]["server_names"] == ["a", "b c", "~^(?<x>.+)\\.d$"]
    assert (rows[0]["root"], rows[0]["fallback"], rows[0]["proxy_pass"]) == ("/srv/${x}/www", "@app", "http://127.0.0.1:3000")
    assert (rows[0]["client_max_body_size"], rows[0]["default"], rows[1]["default"]) == ("8m", False, True)


def test_nginx_an_include_that_was_not_read_is_told() -> None:
    _, unseen = vhosts(nginx_conf="http { include /srv/vhosts/shop.conf; include /nowhere/*.conf; }")
    assert unseen == ["/srv/vhosts/shop.conf is included and was not read"]


def test_nginx_includes_that_go_in_a_circle_end() -> None:
    rows, _ = vhosts(nginx_conf="http { include a.conf; }", a_conf="server { listen 80; } include a.conf; include nginx.conf;")
    assert len(rows) == 1


@pytest.mark.parametrize("text", ["http { server {", "http { } }", "http {" * 60])
def test_nginx_unbalanced_braces_are_not_assessed(text: str) -> None:
    with pytest.raises(UnseenError, match="/etc/nginx/"):
        vhosts(nginx_conf=text)


def test_haproxy_listen_quotes_and_many_files() -> None:
    files = {
        "/etc/haproxy/a.cfg": 'listen db\n  bind :3306,10.0.0.1:3307 name x\n  server one 10.0.0.2:3306 check # old\n  server two "fe80::1":3306\n',
        "/etc/haproxy/b.cfg": "frontend fe\n bind *:80\n use_backend x if { path /x }\n default_backend be\nbackend be\n server s unix@/run/s.sock\n",
    }
    survey = haproxy.survey(section("haproxy", files, version="HA-Proxy version 2.2.9-2+deb11u6 2023"))
    assert survey is not None and survey["version"] == "2.2.9"
    assert [{key: row[key] for key in ("name", "binds", "default_backend")} for row in survey["frontends"]] == [
        {"name": "db", "binds": [":3306", "10.0.0.1:3307"], "default_backend": "db"},
        {"name": "fe", "binds": ["*:80"], "default_backend": "be"},
    ]
    assert {"name": "one", "address": "10.0.0.2", "port": 3306, "check": True}.items() <= survey["backends"][0]["servers"][0].items()
    assert [(row["name"], row["address"], row["port"]) for row in survey["backends"][1]["servers"]] == [("s", "unix@/run/s.sock", None)]


def test_php_pools_defaults_and_comments() -> None:
    text = """[global]
pid = /run/x
[shop]
user = shop ; the shop
listen = /run/php/$pool.sock
php_flag[display_errors] = on
;pm = static
pm = ondemand
"""
    (pool,) = php.pools(section("php", {"/etc/php-fpm.d/shop.conf": text}))
    assert (pool["user"], pool["group"], pool["listen"]) == ("shop", "shop", "/run/php/shop.sock")
    assert pool["pm"] == {"pm": "ondemand"} and pool["ini"] == {"display_errors": "on"}


def test_cron_tables_of_every_kind() -> None:
    files = {
        "/etc/crontab": "PATH = /bin\n# x\n17 *\t* * *\troot    cd / && run-parts /etc/cron.hourly\nMAILTO=''\n@reboot root\t/usr/bin/boot\n",
        "/var/spool/cron/crontabs/ann": "CRON_TZ=Europe/Berlin\n*/5 0-6,22 * jan mon-fri /home/ann/a b  c\n@daily x=1 true\n",
        "/var/spool/cron/bob": "1 2 3 4 5 true\n",
        "/etc/cron.d/broken": "this is no job\n* * * *\n",
    }
    jobs = cron.survey(Section("cron", files={path: text.splitlines() for path, text in files.items()}, marks=frozenset({"system"})))
    assert [(job["user"], job["schedule"], job["command"], job["spool"]) for job in jobs] == [
        ("root", "17 * * * *", "cd / && run-parts /etc/cron.hourly", False),
        ("root", "@reboot", "/usr/bin/boot", False),
        ("ann", "*/5 0-6,22 * jan mon-fri", "/home/ann/a b  c", True),
        ("ann", "@daily", "x=1 true", True),
        ("bob", "1 2 3 4 5", "true", True),
    ]
    assert jobs[0]["environment"] == {"PATH": "/bin"} and jobs[2]["environment"] == {"CRON_TZ": "Europe/Berlin"}


def test_addresses_that_name_another_host() -> None:
    texts = ["10.0.0.13", "10.0.0.5", "127.0.0.1", "0.0.0.1", "255.255.255.0", "224.0.0.1", "1.2.3.400", "10.01.0.1", "10.0.0.0", "8.8.8.8"]
    rows, more = literals.survey(
        section("literal_addresses", found="\n".join(f"/etc/a:b:{n}:{text}" for n, text in enumerate(texts, 1))), ["10.0.0.5/24"]
    )
    assert [(row["file"], row["line"], row["address"]) for row in rows] == [("/etc/a:b", 1, "10.0.0.13"), ("/etc/a:b", 10, "8.8.8.8")]
    assert not more
    many = "\n".join(f"/x:{n}:10.1.{n // 250}.{n % 250 + 1}" for n in range(300))
    rows, more = literals.survey(section("literal_addresses", found=many), [])
    assert len(rows) == 200 and more


def test_sockets_mapped_addresses_zones_and_headers() -> None:
    text = """State Local Address:Port Peer Address:Port Process
LISTEN *:80 *:* users:(("nginx",pid=7,fd=8),("nginx",pid=6,fd=8))
LISTEN 127.0.0.53%lo:53 0.0.0.0:*
ESTAB [::ffff:10.0.0.1]:80 [::ffff:10.0.0.9]:50000 users:(("nginx",pid=7,fd=3))
ESTAB [::ffff:10.0.0.1]:80 [::ffff:10.0.0.9]:50000
TIME-WAIT 10.0.0.1:40000 10.0.0.3:3306"""
    table = {7: processes.Process(7, "nginx", unit="nginx.service")}
    listening, connections = processes.sockets(section("sockets", sockets=text), table)
    assert [(row["address"][-2:], row["port"], row["unit"]) for row in listening] == [(".0", 80, "nginx.service"), ("53", 53, None)]
    assert [(row["peer_address"], row["peer_port"], row["state"], row["process"]) for row in connections] == [
        ("10.0.0.9", 50000, "established", "nginx"),
        ("10.0.0.3", 3306, "ended", None),
    ]


@pytest.mark.parametrize(
    ("line", "unit"),
    [
        ("1:name=systemd:/system.slice/php7.4-fpm.service", "php7.4-fpm.service"),
        ("0::/system.slice/system-postgresql.slice/postgresql@13-main.service", "postgresql@13-main.service"),
        ("0::/user.slice/user-0.slice/session-4.scope", None),
        ("0::/user.slice/user-0.slice/user@0.service/app.slice/x.service", "x.service"),
        ("0::/machine.slice/a.service/system.slice/b.service", "b.service"),
        ("0::/init.scope", None),
        ("garbage", None),
    ],
)
def test_the_unit_of_a_process(line: str, unit: str | None) -> None:
    assert processes.unit_of(line) == unit


@pytest.mark.parametrize(
    ("version", "bare"), [("1:10.5.23-0+deb11u1", "10.5.23"), ("5:6.0.16-1+deb11u2", "6.0.16"), ("2.2.9-2+deb11u6", "2.2.9"), ("7.4.33", "7.4.33")]
)
def test_upstream_versions(version: str, bare: str) -> None:
    assert processes.upstream(version) == bare


def test_programs_without_a_package() -> None:
    paths = ["/usr/bin/mawk", "/usr/local/bin/x", "/usr/sbin/nginx", "/opt/y"]
    blocks = {"paths": paths, "owners": ["mawk: /bin/mawk", "nginx-core, x: /usr/sbin/nginx"], "versions": ["mawk\t1.3.4-2"]}
    owned = processes.packages(Section("packages", blocks, marks=frozenset({"merged"})))
    table = {
        5: processes.Process(5, exe="/usr/bin/mawk", uid=0),
        6: processes.Process(6, exe="/usr/local/bin/x", uid=7, unit="x.service"),
        7: processes.Process(7, exe="/usr/sbin/nginx", uid=0, deleted=True, unit="nginx.service"),
    }
    started = [{"exec_start": "/opt/y", "unit": "y.service", "user": "y"}, {"exec_start": "/usr/sbin/nginx", "unit": "nginx.service", "user": "root"}]
    rows = processes.unpackaged(table, started, owned, {0: "root"})
    assert [(row["exe"], row["unit"], row["user"], row["deleted"]) for row in rows] == [
        ("/opt/y", "y.service", "y", False),
        ("/usr/local/bin/x", "x.service", "7", False),
        ("/usr/sbin/nginx", "nginx.service", "root", True),
    ]


def test_without_merged_usr_a_program_of_another_folder_is_not_the_packages() -> None:
    owned = processes.packages(Section("packages", {"paths": ["/usr/bin/mawk"], "owners": ["mawk: /bin/mawk"], "versions": []}))
    assert owned.owner("/usr/bin/mawk") is None


def test_a_host_without_systemd_has_services_too() -> None:
    table = {9: processes.Process(9, "sshd", parent=1, uid=0, exe="/usr/sbin/sshd", nofile=1024)}
    rows = services.survey(Section("units", absent=True), table, None, {0: "root"})
    assert [(row["name"], row["kind"], row["unit"], row["exe"]) for row in rows] == [("sshd", "process", None, "/usr/sbin/sshd")]


def test_mounts_with_blanks_and_unreal_file_systems() -> None:
    text = """Filesystem Type 1024-blocks Used Available Capacity Mounted on
/dev/sda1 ext4 10240000 1024000 9216000 10% /
nas:/my share nfs4 2048 1024 1024 50% /srv/old files
tmpfs tmpfs 100 0 100 0% /tmp
/dev/vda ext4 100 0 100 0% /run/host/os-release
overlay overlay 100 0 100 0% /var/lib/docker/overlay2/x"""
    assert [(row["source"], row["target"], row["size_mib"]) for row in host.mounts(section("mounts", df=text))] == [
        ("/dev/sda1", "/", 10000),
        ("nas:/my share", "/srv/old files", 2),
    ]


def test_time_zone_of_an_old_system() -> None:
    read = host.system(section("os", {"/etc/timezone": "Europe/Berlin\n"}, localtime=""))
    assert read["time_zone"] == "Europe/Berlin"
    assert host.system(section("os", localtime="../usr/share/zoneinfo/posix/Asia/Tokyo"))["time_zone"] == "Asia/Tokyo"


def test_redis_without_config_says_so() -> None:
    survey = redis.survey(section("redis", info="redis_version:6.0.16\nused_memory:1048577\ndb0:keys=3,expires=0\ndb12:keys=1,expires=0"))
    assert survey is not None
    assert (survey["version"], survey["used_memory_mib"], survey["keys"]) == ("6.0.16", 2, {"db0": 3, "db12": 1})
    assert "config" not in survey
