# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles render from the settings that a plan writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).parents[3] / "roles"


def render(role: str, template: str, **settings: Any) -> str:
    loader = DataLoader()
    variables: dict[str, Any] = {"ansible_managed": "managed"}
    for part in ("defaults", "vars"):
        path = ROLES / role / part / "main.yml"
        if path.is_file():
            variables |= loader.load_from_file(str(path), trusted_as_template=True)
    source = (ROLES / role / "templates" / template).read_text(encoding="utf-8")
    templar = Templar(loader=loader, variables=variables | settings)
    return str(templar.template(trust_as_template(source), escape_backslashes=False))


def settings_of(text: str) -> dict[str, str]:
    return dict(line.split(" = ", 1) for line in text.splitlines() if " = " in line)


BACKENDS = [{"name": "be_web", "server": "web", "address": "10.77.0.12", "port": 80}]


def switched(*lines: str) -> dict[str, list[str]]:
    return {"stdout_lines": list(lines)}


def test_the_edge_uses_the_plans_address_until_the_conductor_switched() -> None:
    text = render("edge", "haproxy.cfg.j2", edge_backends=BACKENDS, __edge_switched=switched())
    assert "backend be_web\n    server web 10.77.0.12:80\n" in text


def test_the_edge_keeps_the_address_that_the_conductor_switched_to() -> None:
    lines = switched("/etc/haproxy/lotse.d/be_web.address:10.77.0.102:80", "/etc/haproxy/lotse.d/be_web2.address:10.77.0.9:81")
    text = render("edge", "haproxy.cfg.j2", edge_backends=BACKENDS, __edge_switched=lines)
    assert "backend be_web\n    server web 10.77.0.102:80\n" in text
    assert "10.77.0.12:80" not in text


def test_a_record_of_another_backend_is_not_taken() -> None:
    lines = switched("/etc/haproxy/lotse.d/be_web_old.address:10.77.0.9:80")
    text = render("edge", "haproxy.cfg.j2", edge_backends=BACKENDS, __edge_switched=lines)
    assert "server web 10.77.0.12:80" in text


def test_the_edge_can_hold_for_six_seconds_and_checks_no_server() -> None:
    text = render("edge", "haproxy.cfg.j2", edge_backends=BACKENDS, __edge_switched=switched())
    values = dict(line.strip().split(" ", 1) for line in text.splitlines() if line.startswith("    retries"))
    assert int(values["retries"]) * 25 >= 6000
    assert "timeout connect 25ms" in text
    assert " check" not in text
    assert "http-reuse never" in text


def test_a_second_backend_needs_host_names() -> None:
    more = [*BACKENDS, {"name": "be_api", "server": "api", "address": "10.77.0.13", "port": 8080, "hosts": ["API.community.lab"]}]
    text = render("edge", "haproxy.cfg.j2", edge_backends=more, __edge_switched=switched())
    assert "use_backend be_api if { req.hdr(host),host_only,lower -m str api.community.lab }" in text


def mariadb(**carried: Any) -> dict[str, str]:
    return settings_of(render("mariadb", "server.cnf.j2", ansible_host="10.77.0.103", mariadb_settings=carried))


def test_the_database_can_replicate_back_to_an_older_server() -> None:
    found = mariadb()
    assert found["character_set_collations"] == '""'
    assert found["collation_server"] == '"utf8mb4_general_ci"'
    assert found["binlog_format"] == '"ROW"'
    assert found["log_slave_updates"] == "ON"


def test_the_server_id_is_made_of_the_address() -> None:
    assert mariadb()["server_id"].strip('"') == "77000103"


def test_carried_settings_win_but_not_over_identity() -> None:
    found = mariadb(sql_mode="NO_ENGINE_SUBSTITUTION", max_allowed_packet=67108864, server_id=13, log_bin="OFF", local_infile=False)
    assert found["sql_mode"] == '"NO_ENGINE_SUBSTITUTION"'
    assert found["max_allowed_packet"] == "67108864"
    assert found["local_infile"] == "OFF"
    assert found["server_id"].strip('"') == "77000103"
    assert found["log_bin"] == '"mariadb-bin"'


@pytest.mark.parametrize(
    ("carried", "charset", "collation"),
    [
        ({"collation_server": "latin1_swedish_ci"}, "latin1", "latin1_swedish_ci"),
        ({"character_set_server": "latin1"}, "latin1", "latin1_general_ci"),
        ({"character_set_server": "utf8mb4", "collation_server": "utf8mb4_unicode_ci"}, "utf8mb4", "utf8mb4_unicode_ci"),
    ],
)
def test_character_set_and_collation_fit_each_other(carried: dict[str, str], charset: str, collation: str) -> None:
    found = mariadb(**carried)
    assert (found["character_set_server"], found["collation_server"]) == (f'"{charset}"', f'"{collation}"')


POOL = {"name": "www", "user": "community", "listen": "/run/php/www.sock", "pm": {"pm": "dynamic", "pm.max_children": "12"}}


def pools(**changes: Any) -> str:
    return render("web_php", "pools.conf.j2", web_php_pools=[POOL | changes])


def test_a_dynamic_pool_gets_what_php_fpm_insists_on() -> None:
    found = settings_of(pools())
    assert found["pm.max_children"] == "12"
    assert found["group"] == "community"
    assert found["pm.start_servers"] == "2"


def test_a_static_pool_gets_no_settings_of_a_dynamic_one() -> None:
    found = settings_of(pools(pm={"pm": "static", "pm.max_children": "4"}))
    assert "pm.start_servers" not in found


def test_php_settings_are_quoted_and_flags_are_flags() -> None:
    found = settings_of(pools(ini={"short_open_tag": "On", "display_errors": False, "session.save_path": "tcp://10.77.0.14:6379?a=1&b=2"}))
    assert found["php_flag[short_open_tag]"] == "on"
    assert found["php_flag[display_errors]"] == "off"
    assert found["php_value[session.save_path]"] == '"tcp://10.77.0.14:6379?a=1&b=2"'


def test_php_keeps_the_old_clock_unless_the_settings_name_one() -> None:
    pool = [POOL]
    assert (
        settings_of(render("web_php", "pools.conf.j2", web_php_pools=pool, web_php_time_zone="Europe/Berlin"))["php_value[date.timezone]"]
        == '"Europe/Berlin"'
    )
    named = [POOL | {"ini": {"date.timezone": "Asia/Tokyo"}}]
    assert (
        settings_of(render("web_php", "pools.conf.j2", web_php_pools=named, web_php_time_zone="Europe/Berlin"))["php_value[date.timezone]"]
        == '"Asia/Tokyo"'
    )
    assert "date.timezone" not in pools()
    jobs = settings_of(render("cron_worker", "cli.ini.j2", cron_worker_time_zone="Europe/Berlin"))
    assert jobs == {"date.timezone": '"Europe/Berlin"'}


def test_nginx_takes_every_body_that_php_takes() -> None:
    vhost = {"name": "www", "server_names": ["www.community.lab"], "root": "/srv/www", "pool": "www"}
    pool = POOL | {"ini": {"post_max_size": "26M"}}
    text = render("web_php", "vhosts.conf.j2", web_php_pools=[pool], web_php_vhosts=[vhost])
    assert "client_max_body_size 26M;" in text
    assert "fastcgi_pass unix:/run/php/www.sock;" in text
    assert "server_name www.community.lab;" in text


def test_php_source_is_never_a_candidate_of_try_files() -> None:
    vhost = {"name": "www", "server_names": ["www.community.lab"], "root": "/srv/www", "pool": "www", "default": True, "fallback": "=404"}
    text = render("web_php", "vhosts.conf.j2", web_php_pools=[POOL], web_php_vhosts=[vhost])
    candidates = [line.split()[1:-1] for line in text.splitlines() if line.strip().startswith("try_files")]
    assert candidates == [["$uri", "$uri/"], ["$uri"]]
    assert "listen 80 default_server;" in text
    assert "try_files $uri $uri/ =404;" in text


def test_a_pool_may_listen_on_a_port() -> None:
    vhost = {"name": "www", "server_names": ["a.example", "b.example"], "root": "/srv/www", "pool": "www"}
    text = render("web_php", "vhosts.conf.j2", web_php_pools=[POOL | {"listen": "127.0.0.1:9000"}], web_php_vhosts=[vhost])
    assert "fastcgi_pass 127.0.0.1:9000;" in text
    assert "listen.owner" not in pools(listen="127.0.0.1:9000")


def test_the_cache_writes_empty_values_and_truth_as_valkey_does() -> None:
    text = render("redis", "lotse.conf.j2", redis_maxmemory="256mb", redis_settings={"save": "", "appendonly": True, "protected-mode": "no"})
    assert 'save ""' in text.splitlines()
    assert "appendonly yes" in text.splitlines()
    assert "protected-mode no" in text.splitlines()
    assert "maxmemory 256mb" in text.splitlines()


def test_a_units_drop_in_has_what_the_old_unit_gave() -> None:
    unit = {"key": "php8.4-fpm.service", "value": {"UMask": "0002", "Environment": "TZ=Asia/Tokyo", "LimitMEMLOCK": "infinity"}}
    lines = render("base", "unit.conf.j2", base_unit=unit).splitlines()
    assert lines[1:] == ["[Service]", "Environment=TZ=Asia/Tokyo", "LimitMEMLOCK=infinity", "UMask=0002"]


def test_kernel_parameters_keep_their_several_values() -> None:
    lines = render("base", "sysctl.conf.j2", base_sysctl={"net.ipv4.tcp_rmem": "4096 87380 33554432", "net.core.somaxconn": "8192"}).splitlines()
    assert lines[1:] == ["net.core.somaxconn = 8192", "net.ipv4.tcp_rmem = 4096 87380 33554432"]
