# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries in every file that any section may read, in arguments and environments; none in the answer, the survey, the plan or its page."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import plan_run
from ansible_collections.lotse.estate.plugins.module_utils._planning import plan as planning
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector, schema

from tests.unit.planning import estates

from .helpers import BOUNDARY, collect
from .test_survey_secrets import CANARY, KEY, SHELLS, TREE, programs

MORE = {
    "root/.pgpass": f"db1:5432:shop:shop:{CANARY}101\n",
    "root/.my.cnf": f"[client]\nuser=root\npassword={CANARY}102\n",
    "root/.pm2/dump.pm2": f'[{{"name": "api", "env": {{"DB_PASSWORD": "{CANARY}103", "JWT_SECRET": "{CANARY}104"}}, '
    f'"args": ["--token={CANARY}105"]}}]\n',
    "root/.ssh/id_rsa": KEY.replace(CANARY, f"{CANARY}106"),
    "srv/app/.env": f"DATABASE_URL=postgres://app:{CANARY}107@10.0.0.13/app\nSTRIPE_SECRET_KEY={CANARY}108\nSMTP_HOST=10.0.0.25\n",
    "srv/app/docker-compose.yml": f"services:\n  app:\n    environment:\n      MYSQL_ROOT_PASSWORD: {CANARY}109\n      DB_HOST: 10.0.0.13\n",
    "etc/docker/daemon.json": f'{{"registry-mirrors": ["https://user:{CANARY}110@mirror.example"]}}\n',
    "etc/rabbitmq/rabbitmq.conf": f"default_user = app\ndefault_pass = {CANARY}111\nlisteners.tcp.default = 5672\n",
    "etc/rabbitmq/rabbitmq.config": f'[{{rabbit, [{{default_pass, <<"{CANARY}112">>}}]}}].\n',
    "var/lib/rabbitmq/.erlang.cookie": f"{CANARY}113\n",
    "etc/keepalived/keepalived.conf": "vrrp_instance VI_1 {\n  virtual_router_id 51\n  authentication {\n    auth_type PASS\n"
    f"    auth_pass {CANARY}114\n  }}\n  virtual_ipaddress {{\n    10.0.0.100/24\n  }}\n}}\n",
    "etc/apache2/apache2.conf": "IncludeOptional sites-enabled/*.conf\n",
    "etc/apache2/sites-enabled/www.conf": f"<VirtualHost *:80>\n  ServerName www\n  SetEnv DB_PASSWORD {CANARY}115\n"
    f'  RequestHeader set Authorization "Basic {CANARY}116"\n  ProxyPass / http://u:{CANARY}117@10.0.0.9/\n</VirtualHost>\n',
    "etc/apache2/.htpasswd": f"ann:{CANARY}118\n",
    "etc/postgresql/13/main/postgresql.conf": f"primary_conninfo = 'host=10.0.0.13 user=rep password={CANARY}119'\n"
    f"ssl_passphrase_command = 'echo {CANARY}'\n",
    "etc/memcached.conf": "-m 64\n-l 127.0.0.1\n",
    "etc/msmtprc": f"account x\nhost mail.example\nuser me\npassword {CANARY}120\n",
    "etc/ssmtp/ssmtp.conf": f"mailhub=mail.example\nAuthUser=me\nAuthPass={CANARY}121\n",
    "etc/postfix/main.cf": f"relayhost = [mail.example]:587\nsmtp_sasl_password_maps = static:me:{CANARY}122\n",
    "etc/postfix/sasl_passwd": f"mail.example me:{CANARY}123\n",
    "etc/nullmailer/remotes": f"mail.example smtp --user=me --pass={CANARY}124\n",
    "etc/exim4/passwd.client": f"mail.example:me:{CANARY}125\n",
    "etc/mail/sendmail.cf": "DSmail.example\n",
    "etc/chrony/chrony.conf": f"server 10.0.0.1 key 1\nkeyfile /etc/chrony/chrony.keys\n# password {CANARY}126\n",
    "etc/chrony/chrony.keys": f"1 SHA1 {CANARY}127\n",
    "etc/ntp.conf": "server 10.0.0.1\n",
    "etc/fstab": f"//nas/share /mnt/nas cifs username=u,password={CANARY}128 0 0\n/dev/sda1 / ext4 defaults 0 1\n",
    "etc/environment": f"http_proxy=http://u:{CANARY}129@proxy.example:3128\nAPI_TOKEN={CANARY}130\n",
    "etc/default/app": f"APP_SECRET={CANARY}131\nDB=10.0.0.13\n",
    "etc/systemd/system/app.service": f"[Service]\nEnvironment=DB_PASSWORD={CANARY}132\nExecStart=/usr/local/bin/app --password {CANARY}133\n",
    "etc/systemd/network/wg0.netdev": f"[WireGuard]\nPrivateKey={CANARY}134=\nPresharedKey={CANARY}135=\n",
    "etc/NetworkManager/system-connections/wifi.nmconnection": f"[wifi-security]\npsk={CANARY}136\n[vpn-secrets]\npassword={CANARY}137\n",
    "etc/sysconfig/network-scripts/ifcfg-eth0": f"DEVICE=eth0\nIPADDR=10.0.0.5\nWPA_PSK={CANARY}138\n",
    "etc/network/interfaces": f"auto eth0\niface eth0 inet static\n  address 10.0.0.5/24\n  wpa-psk {CANARY}139\n",
    "etc/netplan/01.yaml": f"network:\n  wifis:\n    w0:\n      access-points:\n        x:\n          password: {CANARY}140\n",
    "etc/supervisor/conf.d/app.conf": f'[program:app]\ncommand=/usr/local/bin/app --api-key {CANARY}141\nenvironment=SECRET_KEY="{CANARY}142"\n',
    "etc/supervisor/supervisord.conf": f"[inet_http_server]\nusername=u\npassword={CANARY}143\n",
    "etc/corosync/corosync.conf": "totem {\n  cluster_name: x\n}\n",
    "etc/corosync/authkey": f"{CANARY}144\n",
    "etc/ha.d/authkeys": f"auth 1\n1 sha1 {CANARY}145\n",
    "etc/snmp/snmpd.conf": f"rocommunity {CANARY}146\ncreateUser u SHA {CANARY}147\n",
    "etc/zabbix/zabbix_agentd.conf": f"Server=10.0.0.50\nTLSPSKFile=/etc/zabbix/psk\n# TLSPSK={CANARY}148\n",
    "etc/telegraf/telegraf.conf": f'[[outputs.influxdb]]\n  urls = ["http://10.0.0.51:8086"]\n  password = "{CANARY}149"\n  token = "{CANARY}150"\n',
    "etc/rsyslog.d/remote.conf": "*.* @@10.0.0.52:514\n",
    "etc/rc.local": f"#!/bin/sh\n/usr/local/bin/app --password={CANARY}151 &\nmount -o password={CANARY}152 //nas/x /mnt/x\n",
    "etc/csf/csf.conf": f'CLUSTER_KEY = "{CANARY}153"\nTCP_IN = "22,80"\n',
    "etc/firewalld/zones/public.xml": "<zone><service name='ssh'/></zone>\n",
    "etc/ufw/user.rules": "-A ufw-user-input -p tcp --dport 22 -j ACCEPT\n",
    "etc/ssl/private/site.key": KEY.replace(CANARY, f"{CANARY}154"),
    "etc/letsencrypt/live/site/privkey.pem": KEY.replace(CANARY, f"{CANARY}155"),
    "etc/redis/sentinel.conf": f"sentinel auth-pass main {CANARY}156\n",
    "etc/php/7.4/fpm/conf.d/99-app.ini": f"session.save_path = \"tcp://h:1?auth={CANARY}157\"\n",
    "usr/local/bin/job": f"#!/bin/sh\nmysql -uroot -p{CANARY}158 -h 10.0.0.13\n",
    "etc/local.d/app.start": f"export TOKEN={CANARY}159\n",
    "etc/auto.nas": f"x -fstype=cifs,password={CANARY}160 ://nas/x\n",
    "etc/shadow": f"root:{CANARY}161:1:0:99999:7:::\n",
    "etc/cron.daily/backup": f"#!/bin/sh\nPGPASSWORD={CANARY}162 pg_dump -h 10.0.0.13 shop\n",
}
NAMES = ("node", "java", "memcached", "postgres", "python3-app", "app")


@contextmanager
def talking(folder: Path) -> Iterator[None]:
    """Processes whose arguments and environments hold secrets."""
    with ExitStack() as stack:
        for number, name in enumerate(NAMES):
            shutil.copy("/bin/dash", folder / name)
            argv = [str(folder / name), "-c", "sleep 200; :", f"--password={CANARY}2{number}", f"http://u:{CANARY}3{number}@10.0.0.1/"]
            secret = {"SECRET": f"{CANARY}4{number}", "PATH": "/usr/bin:/bin"}
            process = stack.enter_context(subprocess.Popen(argv, env=secret, start_new_session=True))
            stack.callback(subprocess.run, ["pkill", "-KILL", "-s", str(process.pid)], check=False)
        yield


@pytest.mark.parametrize("shell", SHELLS)
def test_no_secret_is_in_answer_survey_plan_or_page(tmp_path: Path, shell: str) -> None:
    root = tmp_path / "root"
    for name, text in {**TREE, **MORE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
        if name.startswith(("usr/local/bin", "etc/cron.daily", "etc/rc.local", "etc/local.d")):
            (root / name).chmod(0o755)
    (tmp_path / "run").mkdir()
    with talking(tmp_path / "run"):
        # Sockets have no arguments and no files; they are watched for two seconds.
        names = tuple(name for name in collector.SECTIONS if name != "sockets")
        output = collect(names, root, programs(tmp_path / "bin", shell))
    rest = f"\n{BOUNDARY} section sockets\n@block sockets\n{BOUNDARY} end sockets 0\n\n{BOUNDARY} complete\n"
    output = output.replace(f"\n{BOUNDARY} complete\n", rest)
    assert [line for line in output.splitlines() if CANARY in line] == []
    assert output.count("[redacted]") >= 40, "the files were not read at all"
    survey = assemble.survey(output, BOUNDARY, "web1", "10.77.0.12")
    plan = planning.plan([survey], estates.lab_cluster(), estates.policy(dropped_services=[]), None)
    texts = {"survey": schema.dump(survey), **plan_run.render_files(plan, [survey], "")}
    assert {"plan.yml", "plan.html"} <= set(texts)
    assert [name for name, text in texts.items() if CANARY in text] == []
