# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts on database hosts, run by a real shell against a stand-in for the client `mariadb` that keeps its rows in files."""

from __future__ import annotations

import asyncio
import os
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.fence import COMMIT, LIFT
from ansible_collections.lotse.estate.plugins.module_utils._conduct.mariadb import scripts
from ansible_collections.lotse.estate.plugins.module_utils._conduct.mariadb.scripts import DecisionRow

# A primary key is a directory here: both can be made once.
CLIENT = r"""#!/bin/sh
for statement; do :; done
cd "$STATE" || exit 9
echo "$statement" >> log
[ ! -e down ] || exit 1
case "$statement" in
  "INSERT INTO lotse.decision"*) token=$(echo "$statement" | cut -d"'" -f2); word=$(echo "$statement" | cut -d"'" -f4)
    mkdir "$token" 2>/dev/null && echo "$word" > "$token/word" ;;
  "SELECT word FROM lotse.decision"*) token=$(echo "$statement" | cut -d"'" -f2); cat "$token/word" 2>/dev/null; exit 0 ;;
  "SELECT @@GLOBAL.read_only") cat read_only ;;
  "SELECT value FROM lotse.carried"*) cat events 2>/dev/null; exit 0 ;;
  *"SET GLOBAL read_only = 0"*) echo 0 > read_only ;;
esac
"""


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / "bin"
        programs.mkdir()
        for name, text in (("mariadb", CLIENT), ("nft", '#!/bin/sh\necho "nft $*" >> "$STATE/log"\ncat >> "$STATE/log"\n')):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "STATE": str(folder)}
        (folder / "read_only").write_text("1\n")

    def run(self, script: str) -> int:
        return subprocess.run(["sh", "-c", script], env=self.environment, capture_output=True, timeout=30, check=False).returncode

    def says(self, script: str) -> str:
        return subprocess.run(["sh", "-c", script], env=self.environment, capture_output=True, text=True, timeout=30, check=True).stdout.strip()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text() if (self.folder / "log").exists() else ""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    monkeypatch.setattr(scripts, "FENCE_FILE", str(tmp_path / "90-lotse-fence.cnf"))
    monkeypatch.setattr(scripts, "SERVING", str(tmp_path / "lotse" / "serving"))
    return Server(tmp_path)


def test_the_first_word_wins(server: Server) -> None:
    row = DecisionRow("mariadb-go-1")
    assert server.says(row.read()) == ""
    assert server.run(row.cast(COMMIT)) == 0
    assert server.run(row.cast(LIFT)) != 0
    assert server.run(row.cast(COMMIT)) != 0
    assert server.says(row.read()) == COMMIT
    assert server.says(DecisionRow("mariadb-go-2").read()) == ""


def test_of_many_that_decide_at_once_one_wins(server: Server) -> None:
    row = DecisionRow("mariadb-go-1")
    ends: list[tuple[str, int]] = []
    casts = [threading.Thread(target=lambda word=word: ends.append((word, server.run(row.cast(word))))) for word in (COMMIT, LIFT) * 4]
    for cast in casts:
        cast.start()
    for cast in casts:
        cast.join()
    winners = [word for word, status in ends if status == 0]
    assert len(winners) == 1
    assert server.says(row.read()) == winners[0]


def test_a_lift_waits_for_a_server_that_starts_again(server: Server) -> None:
    (server.folder / "down").touch()
    threading.Timer(0.6, (server.folder / "down").unlink).start()
    assert server.run(DecisionRow("mariadb-go-1").cast(LIFT)) == 0


def test_a_commit_is_tried_once(server: Server) -> None:
    """One that came through later would decide behind the conductor's back."""
    (server.folder / "down").touch()
    began = time.monotonic()
    assert server.run(DecisionRow("mariadb-go-1").cast(COMMIT)) != 0
    assert time.monotonic() - began < 2
    assert server.log.count("INSERT") == 1


def test_a_decision_that_cannot_be_read_is_not_none(server: Server) -> None:
    (server.folder / "down").touch()
    assert server.run(DecisionRow("mariadb-go-1").read()) != 0


@pytest.mark.parametrize("token", ["", "a'b", "a b", "a;b", "x" * 81, "a\nb"])
def test_a_token_that_could_be_sql_or_sh_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="not a token"):
        DecisionRow(token)


def test_without_an_open_connection_the_script_decides() -> None:
    async def done(_statement: str) -> bool:
        return True

    assert asyncio.run(DecisionRow("t").cast_at_once(COMMIT)) is False
    assert asyncio.run(DecisionRow("t", done).cast_at_once(COMMIT)) is True


def test_the_fence_is_a_file_and_a_closed_gate(server: Server) -> None:
    assert server.run(scripts.raise_fence(3306)) == 0
    fence = Path(scripts.FENCE_FILE)
    assert "[server]\nread_only = ON\nevent_scheduler = OFF\n" in fence.read_text()
    assert fence.stat().st_mode & 0o777 == 0o644  # the server is not root
    assert "dport 3306" in server.log
    assert "drop" in server.log


@pytest.mark.parametrize(("events", "started"), [("ON", True), ("OFF", False), ("", False)])
def test_lifting_takes_all_of_it_away(server: Server, events: str, started: bool) -> None:
    (server.folder / "events").write_text(events)
    server.run(scripts.raise_fence(3306))
    for _ in range(2):  # also when there is nothing to lift
        assert server.run(scripts.lift_fence(3306)) == 0
        assert not Path(scripts.FENCE_FILE).exists()
    assert (server.folder / "read_only").read_text() == "0\n"
    assert ("SET GLOBAL event_scheduler = ON" in server.log) is started
    assert "flush chain ip lotse_forward gate_3306" in server.log


def test_a_fence_that_cannot_be_lifted_is_no_success(server: Server) -> None:
    (server.folder / "down").touch()
    assert server.run(scripts.lift_fence(3306)) != 0


def test_the_new_side_opens_itself_when_the_commit_has_arrived(server: Server) -> None:
    Path(scripts.FENCE_FILE).write_text("[server]\nread_only = ON\n")
    script = scripts.open_if_committed("mariadb-go-1", 3306, guest=True)
    threading.Timer(0.5, lambda: server.run(DecisionRow("mariadb-go-1").cast(COMMIT))).start()  # by replication, a little later
    assert server.run(script) == 0
    assert (server.folder / "read_only").read_text() == "0\n"
    assert Path(scripts.FENCE_FILE).read_text() == ""
    assert Path(scripts.SERVING).read_text() == "mariadb-go-1\n"


@pytest.mark.parametrize("word", [LIFT, None])
def test_it_stays_closed_without_a_commit(server: Server, word: str | None) -> None:
    if word:
        server.run(DecisionRow("mariadb-go-1").cast(word))
    server.run(DecisionRow("mariadb-go-0").cast(COMMIT))  # that of another cutover
    (server.folder / "bin" / "sleep").symlink_to("/bin/true")  # it looks as often, and waits for nothing
    assert server.run(scripts.open_if_committed("mariadb-go-1", 3306, guest=True)) == 0
    assert (server.folder / "read_only").read_text() == "1\n"
    assert not Path(scripts.SERVING).exists()


def test_a_server_that_serves_is_left_alone(server: Server) -> None:
    (server.folder / "read_only").write_text("0\n")
    assert server.run(scripts.open_if_committed("mariadb-go-1", 3306, guest=True)) == 0
    assert not Path(scripts.SERVING).exists()


def test_the_legacy_side_gets_no_mark(server: Server) -> None:
    assert server.run(scripts.serve("mariadb-back-1", guest=False)) == 0
    assert not Path(scripts.SERVING).exists()
