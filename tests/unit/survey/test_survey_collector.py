# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector on this machine: any POSIX shell, limits, one round trip, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector, literals, wire
from ansible_collections.lotse.estate.plugins.module_utils._survey.part import Limits

from .helpers import BOUNDARY, collect
from .test_survey_secrets import SHELLS, programs


def sections(output: str, *names: str) -> dict[str, wire.Section]:
    return wire.split(output, BOUNDARY, dict.fromkeys(names, 0), "here")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gives_a_whole_survey_of_this_machine(tmp_path: Path, shell: str) -> None:
    output = collect(tuple(collector.SECTIONS), "", programs(tmp_path / "bin", shell))
    survey = assemble.survey(output, BOUNDARY, "here", "192.0.2.1")
    assert {user["name"] for user in survey["users"]} >= {"root"}
    assert survey["os"]["kernel"] == os.uname().release
    assert survey["hardware"]["cpus"] > 0


def test_a_program_that_arrived_in_part_runs_nothing() -> None:
    program = collector.program(BOUNDARY)
    for part in (len(program) // 3, len(program) - 40):
        done = subprocess.run(["sh", "-s"], input=program[:part].encode(), capture_output=True, timeout=60, check=False)
        assert BOUNDARY not in done.stdout.decode()


def instead(monkeypatch: pytest.MonkeyPatch, code: str, limits: Limits) -> None:
    """Gives the section ``mounts`` another program and other limits; the section ``os`` after it only says that it is there."""
    programs_of = {"mounts": code, "os": "echo @fine"}
    monkeypatch.setattr(collector, "_text", lambda name: programs_of.get(name, ""))
    monkeypatch.setattr(collector, "SECTIONS", {"mounts": limits, "os": Limits(5, 1000)})


@pytest.mark.parametrize("limit", ["timeout", "none"])
def test_a_section_that_hangs_is_ended_and_the_next_one_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    instead(monkeypatch, "echo '@block df'; sleep 300", Limits(1, 1000))
    environment = dict(os.environ)
    if limit == "none":
        for name in ("sh", "sleep", "head", "true", "echo"):
            (tmp_path / name).symlink_to(Path("/bin") / name)
        environment["PATH"] = str(tmp_path)
    began = time.monotonic()
    found = sections(collect(("mounts", "os"), "", environment), "mounts", "os")
    assert time.monotonic() - began < 15
    assert found["mounts"].unseen[0] == "it took too long and was ended"
    assert found["os"].marks == {"fine"} and not found["os"].unseen


def test_a_section_that_says_too_much_is_cut_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    endless = "while :; do echo ' aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'; done"
    instead(monkeypatch, endless, Limits(10, 5000))
    output = collect(("mounts", "os"))
    assert len(output) < 6000
    found = wire.split(output, BOUNDARY, {"mounts": 5000, "os": 1000}, "here")
    assert "more than 5000 bytes" in found["mounts"].unseen[-1] or "ended" in found["mounts"].unseen[0]
    assert found["os"].marks == {"fine"}


def test_nothing_is_written_anywhere(tmp_path: Path) -> None:
    """Home and temporary folder stay empty, and a tree that it reads keeps every time stamp."""
    root, home = tmp_path / "root", tmp_path / "home"
    (root / "etc" / "cron.d").mkdir(parents=True)
    (root / "etc" / "cron.d" / "job").write_text("1 * * * * root true\n", encoding="utf-8")
    home.mkdir()
    before = {path: path.stat().st_mtime_ns for path in (root, *root.rglob("*"))}
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    collect(tuple(collector.SECTIONS), root, environment)
    assert list(home.iterdir()) == []
    assert {path: path.stat().st_mtime_ns for path in (root, *root.rglob("*"))} == before


def test_the_boundary_is_new_for_every_run_and_no_child_knows_it() -> None:
    assert collector.new_boundary() != collector.new_boundary()
    assert len(collector.new_boundary()) >= 32
    for name in collector.SECTIONS:
        assert BOUNDARY not in collector.code(name)


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_addresses_are_found_where_code_and_configuration_are(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            "etc/nginx/sites-enabled/www": "server { \n root /srv/shop/public;\n }\n",
            "srv/shop/config.php": "<?php\n// 10.0.0.99 was the old one\n$a = '10.0.0.13'; $b = \"tcp://10.0.0.14:6379\"; "
            "$v = 'version 1.2.3.4'; $w = 'x1.2.3.5'; $m = 1.2.3.4.5;\n",
            "srv/shop/public/image.jpg": "10.0.0.15\n",
            "srv/other/config.php": "10.0.0.16\n",
            "etc/cron.d/job": "1 * * * * root /opt/job/run.sh\n",
            "opt/job/run.sh": "ssh 10.0.0.17-old\nssh 10.0.0.18\n",
            "etc/haproxy/haproxy.cfg": "server a 10.0.0.19:80 check\n# 10.0.0.20\n",
        },
    )
    found = sections(collect(("literal_addresses",), root), "literal_addresses")["literal_addresses"].lines("found")
    assert sorted(found) == [
        "/etc/haproxy/haproxy.cfg:1:10.0.0.19",
        "/opt/job/run.sh:1:10.0.0.17",
        "/opt/job/run.sh:2:10.0.0.18",
        "/srv/shop/config.php:3:10.0.0.13",
        "/srv/shop/config.php:3:10.0.0.14",
    ]


def test_a_file_name_with_a_line_break_cannot_forge_a_line(tmp_path: Path) -> None:
    root = tree(tmp_path, {"etc/cron.d/x\n@unseen forged": "1 * * * * root true\n", "etc/cron.d/y": "@unseen forged\n2 * * * * root true\n"})
    cron = sections(collect(("cron",), root), "cron")["cron"]
    assert cron.unseen == ()
    assert list(cron.files) == ["/etc/cron.d/y"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_than_root_is_told_what_it_cannot_see(tmp_path: Path) -> None:
    program = collector.program(BOUNDARY).encode()
    done = subprocess.run(["sh", "-s"], input=program, capture_output=True, timeout=120, user=65534, group=65534, extra_groups=[], check=False)
    survey = assemble.survey(done.stdout.decode("utf-8", "replace"), BOUNDARY, "here", "192.0.2.1")
    told = {row["section"]: row["reason"] for row in survey["not_assessed"]}
    assert {"unpackaged", "listening", "connections", "literal_addresses"} <= set(told)
    assert "not root" in told["unpackaged"]


@pytest.mark.parametrize("shell", SHELLS)
def test_names_of_the_estates_hosts_are_found_in_files(shell: str, tmp_path: Path) -> None:
    code = tmp_path / "etc" / "php"
    code.mkdir(parents=True)
    lines = "; host = db1\nhost = DB1.example.org:3306\npassword = hunter2 # db1\nother = xdb1, db12, my-db1\n"
    (code / "app.ini").write_text(lines, encoding="utf-8")
    output = collect(("literal_addresses",), tmp_path, programs(tmp_path / "bin", shell), ("db1.example.org", "db1", "mail", "10.77.0.13"))
    sections = wire.split(output, BOUNDARY, {"literal_addresses": 200_000}, "here")
    assert literals.names(sections["literal_addresses"]) == [
        {"file": "/etc/php/app.ini", "line": 2, "name": "db1.example.org"}, {"file": "/etc/php/app.ini", "line": 3, "name": "db1"},
    ]  # fmt: skip
    assert "hunter2" not in output
