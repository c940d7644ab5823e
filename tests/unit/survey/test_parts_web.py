# SPDX-License-Identifier: GPL-3.0-or-later
"""Web servers, edges, certificates. What one Debian 13 host answered is recorded; other texts have the form that the program beside them writes."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import certificates, haproxy, nginx, php, schema
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import apache, docker, keepalived, nodejs, openssl, pm2, tls
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import FIXTURES, collect, section
from .test_survey_collector import sections
from .test_survey_secrets import SHELLS, programs

PARTS = {one.PART.name: one.PART for one in (apache, docker, keepalived, nodejs, openssl, pm2, tls)}
CANARY = "cAnArY"


def recorded(name: str) -> Section:
    """Debian 13.1: nginx 1.26.3, Apache 2.4.71, HAProxy 3.0.11, keepalived 2.3.3, Node.js 20.19.2, OpenSSL 3.5.9; pm2's dump was written by hand."""
    text = (FIXTURES / "parts" / "web_debian13.txt").read_text(encoding="utf-8")
    return sections(text, "apache", "haproxy", "keepalived", "nginx", "nodejs", "openssl", "pm2", "tls")[name]


def test_nginx_tells_its_tls_its_groups_and_where_a_linked_root_leads() -> None:
    found, unseen = nginx.survey(recorded("nginx"))
    assert found is not None and unseen == []
    (vhost,) = found["vhosts"]
    assert (vhost["root"], vhost["root_target"]) == ("/srv/shop/current/public", "/srv/shop/releases/1/public")
    assert vhost["tls"]["protocols"] == ["TLSv1", "TLSv1.2"] and vhost["tls"]["certificates"] == ["/etc/ssl/local/shop.pem"]
    assert (found["upstreams"][0]["name"], found["upstreams"][0]["sticky"]) == ("app", "ip_hash")


def test_nginx_asks_for_names_at_its_start_unless_a_variable_hides_them() -> None:
    text = """http { resolver 10.0.0.2 valid=10s; upstream app { server App1.example:80; server app2.example resolve; server 10.0.0.3; }
      server { location /a { proxy_pass http://api.example/x; } location /b { proxy_pass http://app; } location /e { proxy_pass http://localhost:1; }
      location /c { set $n api.example; proxy_pass http://$n; } location /d { fastcgi_pass php.example:9000; } } }"""
    found, _ = nginx.survey(section("nginx", {"/etc/nginx/nginx.conf": text}, version="nginx version: nginx/1.27.3"))
    assert found is not None and found["resolver"] == ["10.0.0.2"]
    assert [(row["name"], row["directive"], row["resolved"]) for row in found["names"]] == [
        ("api.example", "proxy_pass", "start"),
        ("app1.example", "upstream", "start"),
        ("app2.example", "upstream", "request"),
        ("php.example", "fastcgi_pass", "start"),
    ]


def test_haproxy_what_sticks_and_what_defaults_give() -> None:
    found = haproxy.survey(recorded("haproxy"))
    assert found is not None
    (front,), (back,) = found["frontends"], found["backends"]
    assert (front["mode"], front["timeouts"]["client"]) == ("http", "50000")
    assert (front["tls"][0]["certificates"], front["tls"][0]["min_version"]) == (["/etc/ssl/local/ec.pem"], "TLSv1.2")
    assert back["cookie"] == "SRV insert indirect nocache dynamic"
    assert (back["servers"][0]["cookie"], back["servers"][0]["check"], back["servers"][0]["resolvers"]) == ("a", True, None)


def test_haproxy_named_defaults_count_where_they_are_asked_for() -> None:
    text = """defaults slow
  mode http
  timeout server 10m
defaults quick
  mode tcp
  timeout server 5s
backend a from slow
  stick-table type ip size 1m expire 30m
  stick on src
  default-server check resolvers dns
  server-template s 3 app.example:80
backend b
  server t 10.0.0.1:5432 no-check
"""
    found = haproxy.survey(section("haproxy", {"/etc/haproxy/haproxy.cfg": text}))
    assert found is not None
    first, second = found["backends"]
    assert (first["mode"], first["timeouts"], first["stick"]) == (
        "http",
        {"server": "10m"},
        ["stick-table type ip size 1m expire 30m", "stick on src"],
    )
    assert (first["servers"][0]["address"], first["servers"][0]["port"], first["servers"][0]["resolvers"]) == ("app.example", 80, "dns")
    assert (second["mode"], second["timeouts"], second["servers"][0]["check"]) == ("tcp", {"server": "5s"}, False)


def test_apache_as_recorded() -> None:
    found = apache.parse(recorded("apache"))
    assert found is not None
    assert (found["version"], found["running"], found["mpm"], found["listen"]) == ("2.4.71", True, "prefork", ["127.0.0.1:8090"])
    shop = found["vhosts"][1]
    assert (shop["names"], shop["root_target"], shop["php"]) == (["shop.example"], "/srv/shop/releases/1/public", "module")
    assert shop["proxies"] == ["http://app.example:3000/"], "a directive over two lines"
    assert shop["tls"]["protocols"] == ["all", "-SSLv3"]
    assert found["htaccess"] == [{"file": "/srv/shop/current/public/.htaccess", "directives": 2, "rewrites": 1}]


def test_apache_blocks_that_do_not_count_and_variables() -> None:
    files = {
        "/etc/httpd/conf/httpd.conf": 'ServerRoot "/etc/httpd"\nLoadModule mpm_event_module modules/mod_mpm_event.so\nDefine docs /srv/a\n'
        "Include conf.modules.d/*.conf\n<IfModule mod_ssl.c>\nListen 443\n</IfModule>\n<IfModule !mod_ssl.c>\nListen 80\n</IfModule>\n"
        "<VirtualHost *:80>\nDocumentRoot ${docs}/www\n<Proxy balancer://x>\nBalancerMember http://10.0.0.5:80\n</Proxy>\n"
        '<FilesMatch \\.php$>\nSetHandler "proxy:unix:/run/php/php.sock|fcgi://localhost"\n</FilesMatch>\n</VirtualHost>',
        "/etc/httpd/conf.modules.d/x.conf": "Include conf/httpd.conf",
    }
    found = apache.parse(section("apache", files, version="Server version: Apache/2.4.6 (CentOS)"))
    assert found is not None and (found["mpm"], found["listen"], found["running"]) == ("event", ["80"], False)
    (vhost,) = found["vhosts"]
    assert (vhost["root"], vhost["proxies"], vhost["php"], vhost["tls"]) == ("/srv/a/www", ["http://10.0.0.5:80"], "fcgi", None)


def test_keepalived_as_recorded() -> None:
    found = keepalived.parse(recorded("keepalived"))
    assert found is not None and (found["version"], found["running"]) == ("2.3.3", False)
    (one,) = found["instances"]
    assert (one["virtual_router_id"], one["priority"], one["state"], one["auth_type"]) == (51, 100, "BACKUP", "PASS")
    assert (one["addresses"], one["unicast_peers"], one["garp"]) == (["10.77.0.10/24"], ["127.0.0.2"], {"garp_master_refresh": "60"})
    assert found["virtual_servers"][0]["servers"] == ["10.77.0.12 80"]


def test_nodejs_and_pm2_as_recorded() -> None:
    found = nodejs.parse(recorded("nodejs"))
    assert found is not None
    (process,) = found["processes"]
    assert (process["script"], process["cwd"], process["version"]) == ("/srv/app/server.js", "/srv/app", "20.19.2")
    assert (process["package_name"], process["package_version"], process["engines"]) == ("shop-api", "1.2.3", ">=12 <17")
    assert {"API_KEY", "MULTI"} <= set(process["env"])
    apps = pm2.parse(recorded("pm2"))
    assert apps is not None
    assert [(row["name"], row["instances"], row["node_version"], row["user"]) for row in apps["apps"]] == [
        ("api", 2, "16.20.0", "app"),
        ("worker", 1, None, None),
    ]


def test_certificates_as_recorded() -> None:
    rows = {row["file"]: row for row in tls.parse(recorded("tls"))["certificates"]}
    assert rows["/etc/ssl/local/shop.pem"]["names"] == ["10.0.0.1", "shop.example", "www.shop.example"]
    assert "/etc/nginx/sites-enabled/shop" in rows["/etc/ssl/local/shop.pem"]["named_by"]
    assert "/etc/haproxy/haproxy.cfg" in rows["/etc/ssl/local/ec.pem"]["named_by"]
    kinds = {file.rpartition("/")[2]: (row["key"], row["bits"], row["signature"]) for file, row in rows.items()}
    assert kinds == {
        "ec.pem": ("EC", 256, "ecdsa-with-SHA256"), "ed.pem": ("ED25519", 253, "ED25519"), "shop.pem": ("RSA", 2048, "sha256WithRSAEncryption"),
        "weak.pem": ("RSA", 1024, "sha1WithRSAEncryption"),
    }  # fmt: skip
    assert rows["/etc/ssl/local/shop.pem"]["not_after"] == "2027-12-29"
    assert tls.parse(recorded("tls"))["missing"] == ["/etc/ssl/certs/ssl-cert-snakeoil.pem"]
    found = openssl.parse(recorded("openssl"))
    assert found is not None and (found["version"], found["security_level"], found["bundle"]["certificates"]) == ("3.5.9", None, 148)
    assert [row["subject"] for row in found["local_authorities"]] == ["CN=ed"]


def test_openssl_as_debian_11_configures_it() -> None:
    """/etc/ssl/openssl.cnf of Debian 10 to 11 ends with these lines; OpenSSL 1.1.1 writes names with blanks around the sign."""
    settings = "/etc/ssl/openssl.cnf\tMinProtocol = TLSv1.2\n/etc/ssl/openssl.cnf\tCipherString = DEFAULT@SECLEVEL=2"
    local = "= /a\t1\n    Signature Algorithm: sha1WithRSAEncryption\n        Issuer: C = DE, CN = Our CA\n"
    local += "            Not After : Jan  2 03:04:05 2027 GMT\n"
    local += "        Subject: C = DE, CN = Our CA\n            Public Key Algorithm: rsaEncryption\n                RSA Public-Key: (1024 bit)"
    found = openssl.parse(section("openssl", version="OpenSSL 1.1.1w  11 Sep 2023", settings=settings, local=local))
    assert found is not None and (found["version"], found["min_protocol"], found["security_level"]) == ("1.1.1w", "TLSv1.2", 2)
    (one,) = found["local_authorities"]
    assert (one["subject"], one["bits"], one["not_after"], one["self_signed"]) == ("C=DE, CN=Our CA", 1024, "2027-01-02", True)


def test_containers_as_docker_inspect_formats_them() -> None:
    line = '/shop_web_1\tnginx:1.21\trunning\tunless-stopped\tshop_default\t{"80/tcp":[{"HostIp":"","HostPort":"8080"}]}'
    line += "\tvolume:/v/_data:/data|\tshop"
    other = "/job\tjob:latest\texited\t\tdefault\tnull\tbind:/srv/job:/job|bind:/a:/b|\t<no value>"
    found = docker.parse(section("docker", engine="docker", version="20.10.24", containers=f"{line}\n{other}"))
    assert found is not None and (found["engine"], found["version"]) == ("docker", "20.10.24")
    job, shop = found["containers"]
    assert (job["restart"], job["project"], [row["target"] for row in job["mounts"]]) == ("no", None, ["/b", "/job"])
    assert (shop["restart"], shop["project"], shop["ports"]) == (
        "unless-stopped",
        "shop",
        [{"address": "0.0.0.0", "port": 8080, "container_port": "80/tcp"}],  # noqa: S104 - what Docker means
    )


def test_several_versions_of_php_with_pools_of_one_name() -> None:
    files = {f"/etc/php/{version}/fpm/pool.d/www.conf": f"[www]\nlisten = /run/php/{version}.sock\nuser = a" for version in ("5.6", "8.2")}
    effective = "opcache.validate_timestamps => Off => Off\nshort_open_tag => On => On"
    blocks = {f"{sapi}_{kind}": effective for sapi in ("fpm", "fpm2") for kind in ("effective",)}
    blocks |= {f"{sapi}_built_in": "short_open_tag => Off => Off" for sapi in ("fpm", "fpm2")} | {
        "fpm_extensions": "Core",
        "fpm2_extensions": "Core\nmysql",
    }
    status = "pool:                 www\nmax children reached: 4\nactive processes:     1"
    found = php.survey(
        section("php", files, fpm_version="PHP 8.2.29 (fpm-fcgi)", fpm2_version="PHP 5.6.40-0+deb8u12 (fpm-fcgi)", status=status, **blocks)
    )
    assert found is not None and found["version"] == "8.2"
    assert [(row["sapi"], row["version"], row["extensions"], row["ini"]) for row in found["others"]] == [
        ("fpm", "5.6", ["core", "mysql"], {"short_open_tag": "On"})
    ]
    assert found["opcache"] == {"validate_timestamps": "Off"}
    assert [(pool["name"], pool["version"], pool["listen"]) for pool in found["pools"]] == [
        ("www", "5.6", "/run/php/5.6.sock"),
        ("www", "8.2", "/run/php/8.2.sock"),
    ]
    assert found["pools"][0]["status"] == {"limit_reached": 4, "active": 1}


BLOCKS = ["named", "certificates", "missing", "local", "settings", "version", "bundle", "containers", "engine", "daemons", "dump /x", "process 1",
          "roots", "htaccess", "variables", "status", "fpm_effective", "fpm_version", "fpm_extensions", "fpm_built_in"]  # fmt: skip
WORDS = st.lists(st.text(max_size=40) | st.sampled_from([
    "{", "}", "= /a\t1", "Subject: CN=a", "Not After : Jan  2 03:04:05 2027 GMT", "</VirtualHost>", "<VirtualHost *:80>", "<IfModule x>", "Include *",
    "vrrp_instance a {", "virtual_ipaddress {", "1.2.3.4", "0\t#.name\tx", "a\tb\tc\td\te\t{}\tg\th", "defaults x from y",
    "backend b from x", "bind a ssl crt",
    "server a b:80 check cookie", "exe\t/usr/bin/node", "version\tv1.2.3", "Define a ${a}",
]), max_size=12)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(PARTS)),
    st.dictionaries(st.sampled_from(BLOCKS), WORDS),
    st.dictionaries(st.sampled_from(["/etc/a.conf", "/etc/b.conf"]), WORDS),
)
def test_whatever_a_host_says_is_a_value_or_a_reason(name: str, blocks: dict[str, list[str]], files: dict[str, list[str]]) -> None:
    with contextlib.suppress(UnseenError):
        jsonschema.validate(PARTS[name].parse(Section(name, blocks, files)), PARTS[name].shape)
    for parse, shape in ((haproxy.survey, schema.SCHEMA["properties"]["haproxy"]), (php.survey, schema.SCHEMA["properties"]["php"])):
        with contextlib.suppress(UnseenError):
            jsonschema.validate(parse(Section("x", blocks, files)), shape)


@pytest.mark.parametrize("name", sorted(PARTS))
def test_a_host_that_did_not_answer_has_not_nothing(name: str) -> None:
    with pytest.raises(UnseenError):
        PARTS[name].parse(Section(name))
    if name != "tls":
        assert PARTS[name].parse(Section(name, absent=True)) is None


TREE = {
    "etc/apache2/apache2.conf": f"ServerRoot /etc/apache2\nIncludeOptional sites-enabled/*.conf\n"
    f"SetEnv DB_PASSWORD {CANARY}1\nOIDCClientSecret {CANARY}2\n"
    f"AuthLDAPBindPassword {CANARY}3\nDefine DB_PASS {CANARY}4\n",
    "etc/apache2/sites-enabled/a.conf": "<VirtualHost *:80>\nDocumentRoot /srv/a\nProxyPass / \\\n http://u:"
    f"{CANARY}5@10.0.0.1/\n</VirtualHost>\n",
    "srv/a/.htaccess": f"RewriteEngine on\nSetEnv X {CANARY}6\n",
    "etc/keepalived/keepalived.conf": f"vrrp_script c {{ script \"/x {CANARY}7\" }}\nvrrp_instance a\n{{\n  virtual_router_id 7\n"
    f"  authentication\n  {{\n"
    f"    auth_type PASS\n    auth_pass {CANARY}8\n  }}\n  virtual_ipaddress {{\n    10.0.0.9\n  }}\n  notify_master \"/x {CANARY}9\"\n}}\n",
    "etc/haproxy/haproxy.cfg": f"backend b\n  dynamic-cookie-key {CANARY}10\n  cookie S insert dynamic\n  server s 10.0.0.1:80\n",
    "etc/passwd": "app:x:1000:1000::/home/app:/bin/sh\n",
    "home/app/.pm2/dump.pm2": f'[{{"name": "api", "TOKEN": "{CANARY}11", "env": {{"name": "{CANARY}12"}},'
    f' "args": ["{CANARY}13"], "pm_cwd": "/srv/\\"b"}}]',
    "etc/nginx/nginx.conf": f"http {{ server {{ ssl_certificate /etc/x.pem; proxy_set_header Authorization {CANARY}14; }} }}\n",
    "etc/x.pem": f"-----BEGIN PRIVATE KEY-----\n{CANARY}15\n-----END PRIVATE KEY-----\n"
    f"-----BEGIN CERTIFICATE-----\n{CANARY}16\n-----END CERTIFICATE-----\n",
    "etc/ssl/openssl.cnf": f"input_password = {CANARY}17\nMinProtocol = TLSv1\n",
}  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
def test_no_secret_of_a_web_server_leaves_the_host(tmp_path: Path, shell: str) -> None:
    for name, text in TREE.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text, encoding="utf-8")
    names = ("apache", "keepalived", "haproxy", "pm2", "nginx", "tls", "openssl")
    output = collect(names, tmp_path / "root", programs(tmp_path / "bin", shell))
    assert [line for line in output.splitlines() if CANARY in line] == []
    found = sections(output, *names)
    web, routers, apps = apache.parse(found["apache"]), keepalived.parse(found["keepalived"]), pm2.parse(found["pm2"])
    assert web and routers and apps
    assert (web["vhosts"][0]["root"], web["htaccess"][0]["directives"]) == ("/srv/a", 2)
    assert web["vhosts"][0]["proxies"] == ["http://u:[redacted]@10.0.0.1/"]
    assert (routers["instances"][0]["virtual_router_id"], routers["instances"][0]["addresses"]) == (7, ["10.0.0.9"])
    assert [(row["name"], row["cwd"]) for row in apps["apps"]] == [("api", '/srv/"b')]
    assert "ca\t" not in found["tls"].lines("named") and found["tls"].lines("named") == ["server\t/etc/nginx/nginx.conf\t/etc/x.pem"]


@pytest.mark.skipif(not Path("/usr/bin/node").exists(), reason="there is no Node.js here")
def test_of_a_node_process_neither_values_nor_arguments_leave_the_host(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(f'{{"config": {{"name": "{CANARY}1"}}, "name": "shop", "engines": {{"node": ">=12"}}}}', encoding="utf-8")
    (tmp_path / "app.js").write_text("setTimeout(() => {}, 60000)", encoding="utf-8")
    environment = {"PATH": os.environ["PATH"], "API_KEY": f"{CANARY}2", "LINES": f"a\n{CANARY}3=b"}
    with subprocess.Popen(["/usr/bin/node", "app.js", "--token", f"{CANARY}4"], cwd=tmp_path, env=environment) as process:
        try:
            output = collect(("nodejs",))
        finally:
            process.kill()
    assert CANARY not in output
    found = nodejs.parse(sections(output, "nodejs")["nodejs"])
    assert found is not None
    (row,) = [row for row in found["processes"] if row["cwd"] == str(tmp_path)]
    assert (row["script"], row["package_name"], row["engines"]) == (f"{tmp_path}/app.js", "shop", ">=12")
    assert {"API_KEY", "LINES"} <= set(row["env"]) and row["version"]


def test_a_date_is_iso_or_nothing() -> None:
    assert certificates.date("Nov  5 10:11:12 2027 GMT") == "2027-11-05"
    assert certificates.date("gestern") is None
    rows: list[dict[str, Any]] = certificates.read(["= /a\t1", "no certificate"])
    assert rows == []
