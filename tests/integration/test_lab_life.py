# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab itself: it comes up once, goes down for good, and leaves nothing, however it ended. Its live users see what really happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.lab import leftovers
from tests.lab.crossing import ROOT, Crossing
from tests.lab.lab import LEGACY, Lab
from tests.lab.machine import Machines

pytestmark = pytest.mark.lab

NAME = "life"
LAB = Lab(NAME)


def lab(*words: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.lab", *words], cwd=ROOT, env={**os.environ, "LOTSE_LAB": NAME, **environment},
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # Whoever runs these tests in the background ignores Ctrl-C, and a child inherits that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def done(*words: str, **environment: str) -> str:
    """Runs a command of the lab to its end, which must be a good one."""
    process = lab(*words, **environment)
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output
    return output


def read_until(process: subprocess.Popen[str], words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    pytest.fail(f"it ended before it said '{words}'")


def changes_in_the_clone() -> str:
    """What git sees: only .lab, estate/lab and the cache may hold what a lab makes."""
    return subprocess.run(["git", "status", "--porcelain", "--", "."], cwd=ROOT, text=True, capture_output=True, check=True).stdout


def assert_nothing_is_left() -> None:
    assert leftovers.find(LAB) == []
    assert {path.name for path in LAB.directory.iterdir()} <= {".lock", "load", "estate"}
    ours = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if f"lotse-{NAME}" in line or str(LAB.directory) in line]
    assert ours == []
    links = subprocess.run(["ip", "netns", "list"], text=True, capture_output=True, check=True).stdout
    assert f"lotse-{NAME}" not in links


@pytest.fixture(scope="module", autouse=True)
def _gone() -> Iterator[None]:
    done("down")
    yield
    done("down")


@pytest.fixture(scope="module")
def life() -> Iterator[Crossing]:
    """A lab that is up; it is down afterwards."""
    done("up")
    yield Crossing(NAME)
    done("down")


def sql(statement: str) -> str:
    answer = Machines(LAB).run("db1", ["mariadb", "-N", "-e", statement])
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.decode().strip()


def test_up_up_down_down() -> None:
    before = changes_in_the_clone()
    done("up")
    assert set(Machines(LAB).running()) == set(LEGACY)
    pids = Machines(LAB).running()
    began = time.monotonic()
    assert "is up already" in done("up")
    assert time.monotonic() - began < 10
    assert Machines(LAB).running() == pids, "nothing was started again"
    shown = done("status")
    assert all(word in shown for word in ("is up", "10.77.0.2:8006", *LEGACY))

    inside = subprocess.Popen([str(ROOT / "tests/lab/enter"), "sleep", "300"], env={**os.environ, "LOTSE_LAB": NAME})
    time.sleep(0.3)
    assert "is down" in done("down")
    assert inside.wait(timeout=5) == -signal.SIGTERM, "a command inside the lab ends with it"
    assert_nothing_is_left()
    assert "is down" in done("down")
    assert "is down" in done("status")
    assert changes_in_the_clone() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_start_leaves_nothing(number: signal.Signals) -> None:
    process = lab("up")
    read_until(process, "starting the legacy hosts")
    time.sleep(1.5)
    process.send_signal(number)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert "interrupted; nothing is left" in output
    assert_nothing_is_left()


def test_after_a_killed_start_the_next_one_begins_afresh() -> None:
    process = lab("up")
    read_until(process, "starting the legacy hosts")
    time.sleep(1.5)
    process.kill()
    process.communicate()
    assert leftovers.find(LAB), "the machines of the killed start were not there: nothing was tested"
    output = done("up")
    assert "starting afresh" in output
    assert set(Machines(LAB).running()) == set(LEGACY)
    done("down")
    assert_nothing_is_left()


def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    process = lab("up", LOTSE_CACHE=str(tmp_path / "a,b"))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "lab: error: an overlay cannot have a colon, comma or backslash in its path" in output
    assert_nothing_is_left()


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    process = lab("up", LOTSE_CACHE=str(tmp_path))
    read_until(process, "building legacy-base")
    time.sleep(4)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert leftovers.mounts(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]
    assert_nothing_is_left()


def test_the_surprises_are_seeded(life: Crossing) -> None:
    machines = Machines(LAB)

    def shell(host: str, command: str) -> str:
        return machines.run(host, ["sh", "-c", command]).stdout.decode().strip()

    pool = shell("web1", "cat /etc/php/7.4/fpm/pool.d/classic.conf")
    assert "php_admin_value[session.save_handler] = files" in pool
    assert shell("web1", "grep -c 10.77.0.13 /srv/community/config.php") == "1"
    assert shell("web1", "php-fpm7.4 -i | grep ^short_open_tag") == "short_open_tag => On => On"
    assert shell("web1", "php -i | grep ^short_open_tag") == "short_open_tag => Off => Off"
    assert shell("web1", "cat /var/spool/cron/crontabs/community").endswith("* * * * * php /srv/community/digest.php")
    assert shell("web1", "id -u community") == "1501"
    assert shell("web1", "readlink /proc/$(systemctl show -p MainPID --value notifyd)/exe") == "/usr/local/bin/notifyd"
    assert "no path found" in shell("web1", "dpkg -S /usr/local/bin/notifyd 2>&1")
    assert shell("db1", "systemctl show -p LimitNOFILE --value mariadb") == "48000"
    assert shell("db1", "date +%Z") in {"CET", "CEST"}
    assert sql("SELECT @@sql_mode, @@log_bin_basename, @@skip_name_resolve") == "NO_ENGINE_SUBSTITUTION\t/var/lib/mysql/binlog\t1"
    keyless = (
        "SELECT t.table_name FROM information_schema.tables t LEFT JOIN information_schema.table_constraints c "
        "ON c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.constraint_type = 'PRIMARY KEY' "
        "WHERE t.table_schema = 'community' AND c.constraint_name IS NULL ORDER BY 1"
    )
    assert sql(keyless).split() == ["audit_log", "digest_runs"]
    assert shell("cache1", "command -v python3 python") == "", "one host has no Python"


def test_users_live_and_nothing_is_lost(life: Crossing) -> None:
    with life.live_users(settle=1):
        time.sleep(20)
    requests = records(life, "requests")
    assert len(requests) > 400
    assert [row for row in requests if not row["ok"] or row["ms"] > 2000] == []
    audit = life.audit()
    assert audit["writes_acknowledged"] > 100
    assert (audit["writes_lost"], audit["writes_duplicated"], audit["error"]) == (0, 0, "")


def test_what_is_lost_doubled_or_away_is_noticed(life: Crossing) -> None:
    """The same users and the same audit, on a platform that is broken on purpose."""
    machines = Machines(LAB)
    with life.live_users(settle=1):
        time.sleep(6)
        machines.run("cache1", ["redis-cli", "FLUSHALL"])
        time.sleep(4)
    errors = [str(row["error"]) for row in records(life, "requests") if not row["ok"]]
    assert errors
    assert all("the session is lost" in error for error in errors), errors
    writes = records(life, "writes")
    messages, uploads = ([str(row["token"]) for row in writes if row["kind"] == kind] for kind in ("messages", "uploads"))
    sql(f"DELETE FROM community.messages WHERE token = '{messages[0]}'")
    sql(f"INSERT INTO community.messages (token, body, sent_at) VALUES ('{messages[1]}', 'again', NOW())")
    machines.run("web1", ["sh", "-c", f"echo >> /srv/community/uploads/{uploads[0][:2]}/{uploads[0]}"])
    audit = life.audit()
    assert {f"messages {messages[0]}", f"uploads {uploads[0]}"} <= set(audit["lost"])
    assert audit["duplicated"] == [f"messages {messages[1]}"]
    assert audit["by_kind"]["drafts"]["lost"] > 0, "the drafts before FLUSHALL are gone"

    machines.run("db1", ["systemctl", "stop", "mariadb"])
    try:
        audit = life.audit()
    finally:
        machines.run("db1", ["systemctl", "start", "mariadb"])
    assert audit["writes_lost"] is None
    assert "was not answered" in audit["error"]


def records(crossing: Crossing, name: str) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in (crossing.load / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
