# SPDX-License-Identifier: GPL-3.0-or-later
"""Crontabs: what their lines start, what is put back and where, and which processes are jobs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.movers.cron import Table, jobs

TEXT = """# m h dom mon dow command
MAILTO=team@community.lab
* * * * * php /srv/community/digest.php

@daily /usr/local/bin/clean --all
5 4 * * sun echo "it's $HOME" | mail -s 'a b' x
"""
STATS = """1 (systemd) S 0 1 1 0
120 (cron) S 1 120 120 0
700 (cron) S 120 120 120 0
701 (sh) S 700 701 701 0
702 (php digest) (x) S 701 701 701 0
800 (cron) S 120 120 120 0
801 (sh) S 800 801 801 0
900 (php-fpm7.4) S 1 900 900 0
"""
OWNERS = "0 /proc/1\n0 /proc/120\n0 /proc/700\n1501 /proc/701\n1501 /proc/702\n0 /proc/800\n33 /proc/801\n1501 /proc/900\n"


def test_entries_are_the_lines_that_mean_something() -> None:
    assert len(Table("community", TEXT).entries) == 4
    assert Table("community", "# nothing\n\n").entries == []


def test_commands_are_what_the_lines_start() -> None:
    assert Table("community", TEXT).commands == [
        "php /srv/community/digest.php",
        "/usr/local/bin/clean --all",
        "echo \"it's $HOME\" | mail -s 'a b' x",
    ]


def test_jobs_are_what_cron_has_started_for_the_user() -> None:
    assert jobs(f"{STATS}==\n{OWNERS}", [1501]) == [701, 702]
    assert jobs(f"{STATS}==\n{OWNERS}", [33]) == [801]


def test_a_process_of_the_user_that_cron_has_not_started_is_no_job() -> None:
    idle = "\n".join(line for line in STATS.splitlines() if not line.startswith(("70", "80"))) + "\n"
    assert jobs(f"{idle}==\n{OWNERS}", [1501]) == []


@pytest.fixture
def crontab(tmp_path: Path) -> dict[str, str]:
    """A crontab command that keeps its tables in the test's folder."""
    (tmp_path / "crontab").write_text(
        f'#!/bin/sh\nfile={tmp_path}/$2.table\ncase "$3" in -l) cat $file 2>/dev/null ;; -) cat > $file ;; -r) rm $file ;; esac\n', encoding="utf-8"
    )
    (tmp_path / "crontab").chmod(0o755)
    return {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}


def test_a_table_is_installed_to_the_letter(tmp_path: Path, crontab: dict[str, str]) -> None:
    subprocess.run(["sh", "-c", Table("community", TEXT).install()], env=crontab, check=True)
    assert (tmp_path / "community.table").read_text(encoding="utf-8") == TEXT


def test_a_table_is_restored_only_where_there_is_none(tmp_path: Path, crontab: dict[str, str]) -> None:
    """A dead-man that comes late must not undo what somebody has written since."""
    table = tmp_path / "community.table"
    table.write_text("1 1 * * * true\n", encoding="utf-8")
    subprocess.run(["sh", "-c", Table("community", TEXT).restore()], env=crontab, check=True)
    assert table.read_text(encoding="utf-8") == "1 1 * * * true\n"
    table.unlink()
    subprocess.run(["sh", "-c", Table("community", TEXT).restore()], env=crontab, check=True)
    assert table.read_text(encoding="utf-8") == TEXT
