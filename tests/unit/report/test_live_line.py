# SPDX-License-Identifier: GPL-3.0-or-later
"""The line at the bottom of a terminal, and the journal of phases."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import struct
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.live_line import LiveLine, clipped, usable
from ansible_collections.lotse.estate.plugins.module_utils._ansible.phases import Doing, Phases
from hypothesis import given
from hypothesis import strategies as st

from . import estate


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ours, theirs = pty.openpty()
    resize(theirs, 24, 80)
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def resize(descriptor: int, rows: int, columns: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def test_takes_the_bottom_row_and_gives_it_back(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    live = LiveLine(theirs, lambda: "wave 2 · mariadb", interval=60)
    live.start()
    shown = os.read(ours, 9999).decode()
    assert "\x1b[1;23r" in shown
    assert "\x1b[24;1H" in shown
    assert "wave 2 · mariadb" in shown
    live.stop()
    assert "\x1b[r" in os.read(ours, 9999).decode()
    live.draw()
    live.stop()
    os.set_blocking(ours, False)
    with pytest.raises(BlockingIOError):
        os.read(ours, 9999)


def test_follows_the_size_of_the_terminal(terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    live = LiveLine(theirs, lambda: "x" * 200, interval=60)
    live.draw()
    os.read(ours, 9999)
    resize(theirs, 30, 40)
    live.draw()
    shown = os.read(ours, 9999).decode()
    assert "\x1b[1;29r" in shown
    assert "x" * 38 + "…" in shown
    assert "x" * 39 not in shown
    live.stop()


def test_a_terminal_that_went_away_ends_it(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        live = LiveLine(file.fileno(), lambda: "x", interval=0.01)
        live.start()
        time.sleep(0.05)
        live.stop()
    assert (tmp_path / "file").read_text() == ""


def test_is_for_terminals_only(terminal: tuple[int, int], tmp_path: Path) -> None:
    assert usable(terminal[1], "xterm")
    assert not usable(terminal[1], "dumb")
    assert not usable(terminal[1], "")
    resize(terminal[1], 4, 80)
    assert not usable(terminal[1], "xterm")
    with (tmp_path / "file").open("w") as file:
        assert not usable(file.fileno(), "xterm")


@given(st.text(max_size=100), st.integers(1, 40))
def test_a_name_cannot_break_out_of_the_line(text: str, columns: int) -> None:
    shown = clipped(text, columns)
    assert len(shown) <= columns + 1
    assert not {"\x1b", "\n", "\r", "\x9b"} & set(shown)


def test_phases_wait_until_the_estate_exists(tmp_path: Path) -> None:
    phases = Phases()
    phases.start("playbook", "site.yml")
    phases.start("play", "Survey | Observe")
    phases.estate_dir = tmp_path / "estate"
    phases.start("play", "Plan | Decide")
    assert not phases.estate_dir.exists()
    phases.estate_dir.mkdir()
    phases.end("play")
    phases.end("playbook")
    rows = [json.loads(line) for line in (phases.estate_dir / "journal" / "phases.jsonl").read_text().splitlines()]
    assert [(row["event"], row["name"]) for row in rows] == [
        ("playbook started", "site.yml"), ("play started", "Survey | Observe"), ("play ended", "Survey | Observe"),
        ("play started", "Plan | Decide"), ("play ended", "Plan | Decide"), ("playbook ended", "site.yml"),
    ]  # fmt: skip
    assert len({row["run"] for row in rows}) == 1
    assert all(row["elapsed_s"] >= 0 for row in rows)


def test_doing_reads_the_newest_journal(tmp_path: Path) -> None:
    estate.write(tmp_path, estate.LAB, {})
    doing = Doing(tmp_path, time.time() - 1)
    assert doing.words() == ""
    story = estate.Story("mariadb").state(0, "preparing").write(1, "intent", "seed", undo="drop")
    estate.write(tmp_path, estate.LAB, {"mariadb": story.entries}, phases=estate.phases("Migrate | a"))
    assert doing.words() == "wave 2 · mariadb · preparing · seed"
    story.state(2, "replicating")
    estate.write(tmp_path, estate.LAB, {"mariadb": story.entries})
    assert doing.words() == "wave 2 · mariadb · replicating"
    with (tmp_path / "journal" / "mariadb.jsonl").open("a") as file:
        file.write('{"torn')
    assert doing.words() == "wave 2 · mariadb · replicating"
    assert Doing(tmp_path, time.time() + 60).words() == ""
