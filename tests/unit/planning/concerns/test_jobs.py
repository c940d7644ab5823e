# SPDX-License-Identifier: GPL-3.0-or-later
"""Concerns about jobs and about files: each speaks where it should, and is silent where the same section is harmless."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.files import courier
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns.files.special_files import KEPT

from ..cases import assessed, check, quiet, section, silent
from ..estates import concerns, job

Row = dict[str, Any]


def jobs(**changes: Any) -> Any:
    empty: Row = {"timers": [], "user_timers": [], "at": [], "boot": [], "anacron": [], "periodic": [], "supervised": [], "ran": [],
                  "ran_source": None}  # fmt: skip
    return section("web1", "jobs", {**empty, **changes})


def timer(**changes: Any) -> Row:
    return {
        "name": "report.timer", "unit": "report.service", "active": True, "enabled": "enabled", "file": "/etc/systemd/system/report.timer",
        "package": None, "user": "root", "program": "/opt/report", "schedule": "OnCalendar=daily", "last": None, "next": None, **changes,
    }  # fmt: skip


def agent(name: str, kind: str, **changes: Any) -> Any:
    row = {"name": name, "kind": kind, "installed": True, "running": True, "enabled": True, "scheduled": [], "last_run_s": None, "disabled": False,
           "server": None, **changes}  # fmt: skip
    return section("web1", "agents", [row])


def tree(path: str = "/srv/web1", why: str = "document root", **changes: Any) -> Row:
    return {
        "path": path, "why": why, "files": 100, "folders": 5, "symlinks": 0, "special": 0, "setuid": 0, "hard_linked": 0, "sparse": 0,
        "bytes": 1000000, "allocated_bytes": 1000000, "newest_s": 1, "acls": 0, "xattrs": None, "capabilities": None,
        "owners": [{"id": 1000, "name": "app", "entries": 9}], "groups": [], "leaving": [], "leaving_count": 0, "mounts": [],
        "complete": True, **changes,
    }  # fmt: skip


def trees(*rows: Row) -> Any:
    return section("web1", "files", list(rows))


def nfs(**changes: Any) -> Any:
    empty: Row = {"exports": [], "mounts": [], "clients": [], "served_versions": [], "idmap_domain": None, "dns_domain": None, "automounts": []}
    return section("web1", "nfs", {**empty, **changes})


def mount(target: str, **changes: Any) -> Row:
    return {"server": "nas", "path": "/vol", "target": target, "version": "4.2", "protocol": "tcp", "security": "sys", "address": "10.0.0.8",
            "hard": True, "options": [], "mounted": True, "fstab_line": 3, "age_s": None, "read_bytes": None, "written_bytes": None,
            **changes}  # fmt: skip


def leads(target: str) -> Row:
    return tree(leaving=[{"link": "/srv/web1/up", "target": target}], leaving_count=1)


def ran(command: str) -> Any:
    def change(surveys: dict[str, Row]) -> None:
        surveys["web1"]["cron"] = [job("app", "php /srv/web1/a.php")]
        row = {"user": "app", "command": command, "count": 7, "first": "a", "last": "b"}
        jobs(ran=[row], ran_source="journal")(surveys)

    return change


SUPERVISED = {"manager": "supervisor", "name": "queue", "command": "php w.php", "user": "app", "file": "/etc/supervisord.conf", "autostart": True}
PERIODIC = {"file": "/etc/cron.daily/own", "schedule": "daily", "executable": True}
BOOT = {"file": "/etc/rc.local", "line": 3, "command": "/opt/beacon &"}
EXPORT: Row = {"path": "/srv/share", "client": "*", "options": [], "fsid": None, "file": "/etc/exports", "line": 1}

CRON_D = {
    "user": "root",
    "source": "/etc/cron.d/backup",
    "spool": False,
    "schedule": "0 1 * * *",
    "command": "/opt/backup",
    "line": "0 1 * * * root /opt/backup",
}

CASES: list[tuple[str, Any, str, bool]] = [
    ("hidden-cron", section("web1", "cron", [job("app", "php /srv/web1/a.php")]), "warning", True),
    ("split-file-tree", section("web1", "cron", [job("app", "php /srv/web1/a.php")]), "warning", False),
    ("cron-outside-spool", section("web1", "cron", [CRON_D]), "critical", False),
    ("timer-outside-package", jobs(timers=[timer()]), "critical", False),
    ("timer-outside-package", jobs(user_timers=[{"file": "/home/kim/.config/systemd/user/x.timer", "user": "kim"}]), "critical", False),
    ("boot-script", jobs(boot=[BOOT]), "critical", False),
    ("periodic-job", jobs(periodic=[PERIODIC]), "critical", False),
    ("periodic-job", jobs(anacron=[{"period": "@monthly", "name": "bill", "command": "/opt/bill", "line": 3}]), "critical", False),
    ("supervised-program", jobs(supervised=[SUPERVISED]), "critical", False),
    ("at-job", jobs(at=[{"job": 1, "queue": "a", "due_s": 1, "user": "root", "command": "/opt/x"}]), "warning", False),
    ("ran-from-nowhere", ran("/opt/ghost.sh"), "warning", False),
    ("config-agent", agent("puppet", "configuration"), "critical", False),
    ("config-agent", agent("ansible-pull", "configuration", running=False, scheduled=["cron"]), "critical", False),
    ("config-agent", agent("unattended-upgrades", "packages"), "warning", False),
    ("file-owner", trees(tree(owners=[{"id": 1501, "name": "ldapuser", "entries": 4}])), "critical", False),
    ("file-owner", trees(tree(owners=[{"id": 2001, "name": None, "entries": 4}])), "warning", False),
    ("special-files", trees(tree(acls=3, hard_linked=2)), "warning", True),
    ("link-out-of-tree", trees(leads("/mnt/nas/up")), "critical", False),
    ("mount-in-tree", trees(tree(mounts=["/srv/web1/uploads"])), "critical", False),
    ("tree-left-behind", trees(tree("/srv/archive", "folder")), "warning", False),
    ("nfs-mount", nfs(mounts=[mount("/srv/web1/uploads")]), "critical", False),
    ("nfs-mount", nfs(mounts=[mount("/mnt/other", version="3")]), "warning", False),
    ("nfs-export", nfs(exports=[EXPORT], clients=["10.0.0.9"]), "critical", False),
    ("nfs-export", nfs(exports=[EXPORT]), "warning", False),
    ("nfs-identity", nfs(mounts=[mount("/mnt/a")], idmap_domain="corp.example", dns_domain="shop.example"), "warning", False),
]  # fmt: skip
SILENT: list[tuple[str, Any]] = [
    ("hidden-cron", section("web1", "cron", [])),
    ("split-file-tree", section("web1", "cron", [job("app", "/usr/local/bin/beat")])),
    ("cron-outside-spool", section("web1", "cron", [{**CRON_D, "source": "/etc/cron.d/certbot"}])),
    ("timer-outside-package", jobs(timers=[timer(package="apt"), timer(active=False, enabled="disabled")])),
    ("boot-script", jobs()),
    ("periodic-job", jobs(periodic=[{**PERIODIC, "executable": False}])),
    ("supervised-program", jobs(supervised=[{**SUPERVISED, "autostart": False}])),
    ("at-job", jobs()),
    ("ran-from-nowhere", ran("php  /srv/web1/a.php")),
    ("ran-from-nowhere", ran("cd / && run-parts --report /etc/cron.hourly")),
    ("config-agent", agent("puppet", "configuration", disabled=True)),
    ("config-agent", agent("puppet", "configuration", running=False)),
    ("file-owner", trees(tree(owners=[{"id": 1000, "name": "app", "entries": 4}, {"id": 33, "name": "www-data", "entries": 1}]))),
    ("special-files", trees(tree())),
    ("link-out-of-tree", trees(leads("/usr/share/javascript/jquery"))),
    ("link-out-of-tree", trees(leads("/srv/web1/other"))),
    ("mount-in-tree", trees(tree("/srv/archive", mounts=["/srv/archive/disk"]))),
    ("tree-left-behind", trees(tree(), tree("/home/kim", "home", files=4))),
    ("nfs-mount", nfs()),
    ("nfs-export", nfs()),
    ("nfs-identity", nfs(mounts=[mount("/mnt/a", version="3")], idmap_domain="corp.example")),
    ("nfs-identity", nfs(mounts=[mount("/mnt/a")], idmap_domain="shop.example", dns_domain="shop.example")),
]  # fmt: skip

test_it_speaks = check(CASES)
test_it_is_silent = silent(SILENT)


def found(name: str, change: Any, **decided: Any) -> list[Row]:
    surveys = copy.deepcopy(quiet())
    change(surveys)
    return concerns(assessed(surveys, **decided), name)


@pytest.mark.parametrize(
    ("name", "change", "declared"),
    [
        ("timer-outside-package", jobs(timers=[timer()]), "report"), ("timer-outside-package", jobs(timers=[timer()]), "report.timer"),
        ("boot-script", jobs(boot=[BOOT]), "rc.local"), ("periodic-job", jobs(periodic=[PERIODIC]), "own"),
        ("supervised-program", jobs(supervised=[SUPERVISED]), "queue"), ("config-agent", agent("puppet", "configuration"), "puppet"),
    ],
)  # fmt: skip
def test_what_is_declared_no_longer_blocks(name: str, change: Any, declared: str) -> None:
    drop = {"service": f"{declared}@web1", "reason": "frozen by change 7", "approver": "operations lead"}
    assert [row["applied"] for row in found(name, change, dropped_services=[drop])] == [True]


def test_owners_of_files_come_along_with_their_numbers() -> None:
    surveys = quiet()
    surveys["web1"]["users"].append({"name": "editor", "uid": 1501, "gid": 1500, "group": "staff", "home": "/nonexistent", "shell": "/bin/false"})
    trees(tree(owners=[{"id": 1501, "name": "editor", "entries": 4}]))(surveys)
    planned = assessed(surveys)
    guest = next(row for row in planned["guests"] if row["name"] == "web-01")
    assert {(user["name"], user["uid"], user["gid"]) for user in guest["settings"]["base_users"]} == {("app", 1000, 1000), ("editor", 1501, 1500)}
    assert concerns(planned, "file-owner") == []


def test_the_mover_keeps_what_the_concern_promises() -> None:
    options = courier.OPTIONS.split()[0]
    assert options.startswith("-a")
    assert set(KEPT.values()) <= set(options)
    assert "--numeric-ids" in courier.OPTIONS
