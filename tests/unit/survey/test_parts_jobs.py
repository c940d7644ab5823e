# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs, agents and the census of files: answers in the programs' documented formats, and real trees."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts import PARTS, agents, files, jobs
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError, split
from hypothesis import given, settings
from hypothesis import strategies as st

from .helpers import BOUNDARY, FIXTURES, collect

# `systemctl show` of systemd 247 (Debian 11) for two timers, and of their services.
TIMERS = """Unit=report.service
NextElapseUSecRealtime=Wed 2026-11-25 03:00:00 UTC
LastTriggerUSec=Tue 2026-11-24 03:00:01 UTC
TimersCalendar={ OnCalendar=*-*-* 03:00:00 ; next_elapse=Wed 2026-11-25 03:00:00 UTC }
Id=report.timer
ActiveState=active
FragmentPath=/etc/systemd/system/report.timer
UnitFileState=enabled

Unit=apt-daily.service
NextElapseUSecRealtime=n/a
TimersMonotonic={ OnBootUSec=15min ; next_elapse=15min }
Id=apt-daily.timer
ActiveState=inactive
FragmentPath=/lib/systemd/system/apt-daily.timer
UnitFileState=enabled"""
SERVICES = "ExecStart=/opt/report/run.sh\nUser=report\nId=report.service\n\nExecStart=/usr/lib/apt/apt.systemd.daily\nUser=\nId=apt-daily.service"
OWNERS = "/etc/systemd/system/report.timer\t\n/lib/systemd/system/apt-daily.timer\tapt"
RC_LOCAL = "#!/bin/sh -e\n# comment\n/opt/beacon/start &\nexit 0\n"
SUPERVISOR = """[supervisord]
user=root
[program:queue]
command=php /srv/web1/worker.php
user=app
[program:old]
command=/opt/old
autostart=false
"""
ANACRON = "SHELL=/bin/sh\n1\t5\tcron.daily\trun-parts --report /etc/cron.daily\n@monthly 30 invoices /opt/invoices --all\n"
RAN = """288	Nov 23 00:05:01	Nov 24 14:55:01	app	php /srv/web1/digest.php
1	2026-11-20T03:00:01+0000	2026-11-20T03:00:01+0000	root	/opt/once.sh"""


def answer(**blocks: str) -> Section:
    texts = {"usertimers": "", **{name.replace("_", " "): text for name, text in blocks.items()}}
    tables = {"/etc/rc.local": RC_LOCAL, "/etc/supervisor/conf.d/app.conf": SUPERVISOR, "/etc/anacrontab": ANACRON}
    return Section("jobs", {name: text.splitlines() for name, text in texts.items()}, {path: text.splitlines() for path, text in tables.items()})


def test_everything_that_runs_by_itself() -> None:
    found = jobs.parse(answer(
        timers=TIMERS, services=SERVICES, owners=OWNERS, usertimers="/home/kim/.config/systemd/user/sync.timer",
        at="a0000b01c5e3a0\troot\t/opt/later.sh --once\nnonsense",
        periodic="/etc/cron.daily/rotate\tdaily\tyes\t\n/etc/cron.daily/apt-compat\tdaily\tyes\tapt", supervised="/etc/service\tmailer",
        ran_journal=RAN,
    ))  # fmt: skip
    jsonschema.validate(found, jobs.PART.shape)
    timer = {row["name"]: row for row in found["timers"]}
    assert timer["report.timer"] == {
        "name": "report.timer", "unit": "report.service", "active": True, "enabled": "enabled", "file": "/etc/systemd/system/report.timer",
        "package": None, "user": "report", "program": "/opt/report/run.sh", "schedule": "OnCalendar=*-*-* 03:00:00",
        "last": "Tue 2026-11-24 03:00:01 UTC", "next": "Wed 2026-11-25 03:00:00 UTC",
    }  # fmt: skip
    apt = timer["apt-daily.timer"]
    assert (apt["package"], apt["user"], apt["active"], apt["next"], apt["schedule"]) == ("apt", "root", False, None, "OnBootUSec=15min")
    assert found["user_timers"] == [{"file": "/home/kim/.config/systemd/user/sync.timer", "user": "kim"}]
    assert found["at"] == [{"job": 11, "queue": "a", "due_s": 0x01C5E3A0 * 60, "user": "root", "command": "/opt/later.sh --once"}]
    assert found["boot"] == [{"file": "/etc/rc.local", "line": 3, "command": "/opt/beacon/start &"}]
    assert found["anacron"] == [{"period": "@monthly", "name": "invoices", "command": "/opt/invoices --all", "line": 3}]
    assert found["periodic"] == [{"file": "/etc/cron.daily/rotate", "schedule": "daily", "executable": True}]
    assert [(row["manager"], row["name"], row["autostart"]) for row in found["supervised"]] == [
        ("runit", "mailer", True), ("supervisor", "old", False), ("supervisor", "queue", True),
    ]  # fmt: skip
    assert [(row["user"], row["count"]) for row in found["ran"]] == [("app", 288), ("root", 1)]
    assert found["ran_source"] == "journal"
    assert jobs.PART.steady(found)["ran"] == []


def test_agents_and_their_last_runs() -> None:
    text = "puppet\tconfiguration\tyes\tyes\tyes\tcron timer\t1795000000\tno\nmonit\twatcher\tyes\tno\tunknown\t\t\tno\nx\ty"
    found = agents.parse(Section("agents", {"agents": text.splitlines()}, {"/etc/puppet/puppet.conf": ["server = puppet.shop.example"]}))
    jsonschema.validate(found, agents.PART.shape)
    assert found[1] == {
        "name": "puppet", "kind": "configuration", "installed": True, "running": True, "enabled": True, "scheduled": ["cron", "timer"],
        "last_run_s": 1795000000, "disabled": False, "server": "puppet.shop.example",
    }  # fmt: skip
    assert (found[0]["name"], found[0]["enabled"], found[0]["last_run_s"]) == ("monit", None, None)


TREE = """why document root
counted 9
files 4
folders 3
links 2
special 0
setuid 0
linked 2
sparse 1
bytes 1048600
allocated 8192
newest 1795000000
owner 1501 5 app
owner 2001 4
group 1501 9 app
acls 1"""


def test_a_census() -> None:
    mounts = ["/srv/web1/big\\040one ext4", "/ ext4"]
    blocks = {"tree /srv/web1": TREE.splitlines(), "leaving /srv/web1": ["/srv/web1/up\t/mnt/nas/up"], "mounts": mounts}
    row = files.parse(Section("files", blocks))[0]
    jsonschema.validate([row], files.PART.shape)
    assert (row["why"], row["hard_linked"], row["sparse"], row["acls"], row["xattrs"]) == ("document root", 2, 1, 1, None)
    assert row["owners"] == [{"id": 1501, "name": "app", "entries": 5}, {"id": 2001, "name": None, "entries": 4}]
    assert (row["leaving"], row["mounts"], row["complete"]) == ([{"link": "/srv/web1/up", "target": "/mnt/nas/up"}], ["/srv/web1/big one"], True)
    cut = files.parse(Section("files", {**blocks, "tree /srv/web1": [*TREE.splitlines(), "cut"]}))[0]
    assert cut["complete"] is False
    stopped = files.parse(Section("files", {"tree /srv/web1": ["why folder"], "mounts": []}))[0]
    assert stopped["complete"] is False


TEXTS = [*TIMERS.splitlines(), *SERVICES.splitlines(), *OWNERS.splitlines(), *SUPERVISOR.splitlines(), *ANACRON.splitlines(), *RAN.splitlines(),
         *TREE.splitlines(), "a0000b01c5e3a0\troot\tx", "puppet\tconfiguration\tyes\tyes\tyes\tcron\t1\tno", "server = x", "a\tb"]  # fmt: skip
LINES = st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n"), max_size=60) | st.sampled_from(TEXTS), max_size=12)


@settings(max_examples=60, deadline=None)
@given(lines=LINES)
def test_no_answer_breaks_a_parser(lines: list[str]) -> None:
    names = ("timers", "services", "owners", "usertimers", "at", "periodic", "supervised", "ran journal", "agents", "tree /a", "leaving /a", "mounts")
    tables = dict.fromkeys(("/etc/rc.local", "/etc/anacrontab", "/etc/supervisord.conf", "/etc/puppet/puppet.conf"), lines)
    for part in (jobs.PART, agents.PART, files.PART):
        value = part.parse(Section("x", dict.fromkeys(names, lines), tables))
        jsonschema.validate(value, part.shape)
        part.steady(value)


@pytest.mark.parametrize("part", [jobs.PART, agents.PART, files.PART], ids=lambda part: part.name)
def test_no_answer_is_not_an_empty_one(part: Any) -> None:
    with pytest.raises(UnseenError):
        part.parse(Section(part.name))


def seen(name: str, root: Path, environment: dict[str, str] | None = None) -> Section:
    return split(collect((name,), root, environment), BOUNDARY, {name: 0}, "h")[name]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """A tree with everything that a copy could lose; its owner has no account."""
    site = tmp_path / "srv/app"
    (site / "www").mkdir(parents=True)
    (site / "www/index.php").write_text("<?php\n", encoding="utf-8")
    (site / "one").write_text("x", encoding="utf-8")
    os.link(site / "one", site / "two")
    with (site / "hole").open("wb") as file:
        file.truncate(1 << 20)
    (site / "inner").symlink_to("www/index.php")
    (site / "up").symlink_to("/mnt/nas/up")
    (site / "www/side").symlink_to("../../other")
    os.mkfifo(site / "pipe")
    for name, text in {
        "etc/passwd": f"root:x:0:0::/root:/bin/sh\napp:x:{os.getuid() + 7}:1::/srv/app:/bin/sh\n", "etc/group": "root:x:0:\n",
        "etc/nginx/sites-enabled/x": "root /srv/app/www;\n", "proc/mounts": "/dev/sda1 / ext4 rw 0 0\n",
    }.items():  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("shell", [shell for shell in ("dash", "busybox") if shutil.which(shell)])
def test_a_real_tree_is_counted(application: Path, tmp_path: Path, shell: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    applets = ("sh", "sed", "grep", "awk", "tr", "head", "cut", "sort", "find", "ls", "stat", "readlink", "timeout", "cat", "id")
    for name in applets if shell == "busybox" else ("sh",):
        (folder / name).symlink_to(shutil.which(shell) or "")
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    found = {row["path"]: row for row in files.parse(seen("files", application, environment))}
    row = found["/srv/app"]
    assert (row["files"], row["folders"], row["symlinks"], row["special"]) == (4, 2, 3, 1)
    assert (row["hard_linked"], row["sparse"], row["complete"]) == (2, 1, True)
    assert row["leaving"] == [{"link": "/srv/app/up", "target": "/mnt/nas/up"}, {"link": "/srv/app/www/side", "target": "/srv/other"}]
    assert [(owner["id"], owner["name"], owner["entries"]) for owner in row["owners"]] == [(os.getuid(), "root" if os.getuid() == 0 else None, 10)]


def test_secrets_of_jobs_stay_on_the_host(tmp_path: Path) -> None:
    for name, text in {
        "var/spool/cron/atjobs/a0000b01c5e3a0": "#!/bin/sh\nDB_PASSWORD=cAnArY1; export DB_PASSWORD\nX=cAnArY2; export X\n/opt/x --token cAnArY3\n",
        "etc/rc.local": "#!/bin/sh\n/opt/beacon --password=cAnArY4 &\n",
        "etc/supervisor/conf.d/a.conf": "[program:a]\ncommand=/opt/a --api-key cAnArY5\nenvironment=X=cAnArY6\n",
        "var/log/syslog": "Nov 24 14:55:01 h CRON[9]: (app) CMD (curl -u a:cAnArY7 https://x)\nNov 24 14:55:02 h app: cAnArY8\n",
        "etc/cron.daily/own": "cAnArY9\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    output = collect(("jobs",), tmp_path)
    assert "cAnArY" not in output
    found = jobs.parse(seen("jobs", tmp_path))
    assert found["at"][0]["command"] == "/opt/x --token [redacted]"
    assert found["boot"][0]["command"] == "/opt/beacon --password=[redacted] &"
    assert [row["command"] for row in found["ran"]] == ["curl -u a:[redacted] https://x"]
    assert found["supervised"][0]["command"] == "/opt/a --api-key [redacted]"
    assert found["periodic"] == [{"file": "/etc/cron.daily/own", "schedule": "daily", "executable": True}]


def test_automatic_upgrades_count_where_they_are_installed_and_switched_on(tmp_path: Path) -> None:
    script = tmp_path / "etc/cron.daily/unattended-upgrades"
    settings_ = tmp_path / "etc/apt/apt.conf.d/20auto-upgrades"
    for path in (script, settings_, tmp_path / "usr/bin/unattended-upgrade"):
        path.parent.mkdir(parents=True, exist_ok=True)
    script.touch()
    settings_.write_text('APT::Periodic::Unattended-Upgrade "1";\n', encoding="utf-8")
    assert agents.parse(seen("agents", tmp_path)) == []
    (tmp_path / "usr/bin/unattended-upgrade").touch()
    assert [row["scheduled"] for row in agents.parse(seen("agents", tmp_path))] == [["cron"]]
    settings_.write_text('APT::Periodic::Unattended-Upgrade "0";\n', encoding="utf-8")
    assert [row["scheduled"] for row in agents.parse(seen("agents", tmp_path))] == [[]]


@pytest.mark.parametrize("release", ["11", "13"])
def test_what_real_hosts_answered(release: str) -> None:
    """Recorded from systemd-nspawn machines of Debian 11 and 13 with a timer, a boot script, a job, a route and a name of their own."""
    text = (FIXTURES / f"net-debian{release}.txt").read_text(encoding="utf-8")
    names = ("agents", "files", "firewall", "interfaces", "jobs", "mail", "nfs", "path_mtu", "resolver", "routes")
    sections = split(text, BOUNDARY, dict.fromkeys(names, 0), "h")
    found = {part.name: part.parse(sections[part.name]) for part in PARTS if part.name in names}
    for part in PARTS:
        if part.name in names:
            jsonschema.validate(found[part.name], part.shape)
    assert not any(section.unseen for section in sections.values())
    timers = {row["name"]: row for row in found["jobs"]["timers"]}
    assert [name for name, row in timers.items() if not row["package"]] == ["report.timer"]
    assert (timers["report.timer"]["user"], timers["report.timer"]["program"]) == ("www-data", "/bin/true")
    assert timers["apt-daily.timer"]["package"] == "apt"
    assert found["jobs"]["boot"] == [{"file": "/etc/rc.local", "line": 2, "command": "/bin/true --password=[redacted] &"}]
    assert [row["command"] for row in found["jobs"]["ran"]] == (["/bin/true --once"] if release == "11" else [])
    assert found["resolver"]["names"][0]["hosts_file"] == "10.9.8.7"
    card = next(row for row in found["interfaces"] if row["name"] == "eth0")
    assert {row["address"]: row["origin"] for row in card["addresses"]}["10.77.0.12/24"] == "hand"
    assert {"file": "/etc/keepalived/keepalived.conf", "line": 1} in card["files"]
    assert any(row["destination"] == "198.51.100.0/24" and row["gateway"] == "10.77.0.7" for row in found["routes"]["routes"])
    tree = next(row for row in found["files"] if row["path"] == "/srv/app")
    assert (tree["hard_linked"], tree["sparse"], tree["leaving"]) == (2, 1, [{"link": "/srv/app/up", "target": "/mnt/nas/up"}])
    assert {"id": 1501, "name": "editor", "entries": 2} in tree["owners"]
    assert found["mail"] is None
    assert found["nfs"] is None


def test_a_scheduled_agent_is_found(tmp_path: Path) -> None:
    path = tmp_path / "etc/cron.d/puppet"
    path.parent.mkdir(parents=True)
    path.write_text("*/30 * * * * root /opt/puppetlabs/bin/puppet agent --onetime --no-daemonize\n", encoding="utf-8")
    (tmp_path / "var/lib/puppet/state").mkdir(parents=True)
    (tmp_path / "var/lib/puppet/state/last_run_summary.yaml").touch()
    (tmp_path / "var/lib/puppet/state/agent_disabled.lock").touch()
    row = agents.parse(seen("agents", tmp_path))[0]
    assert (row["name"], row["scheduled"], row["disabled"], row["running"]) == ("puppet", ["cron"], True, False)
    assert row["last_run_s"]
