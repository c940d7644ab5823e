# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: written before the step, chained, and honest about a torn end."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.journal import Journal, move_states, read
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._domain.phases import TRANSITIONS, State


def journal(estate: Path) -> Journal:
    return Journal(estate, "mariadb", "run1")


def test_the_intent_is_on_disk_before_the_step(estate: Path) -> None:
    entries = []
    with journal(estate).step("seed", undo="drop the copy", source="db1") as result:
        entries = read(estate / "journal/mariadb.jsonl")
        result["rows"] = 7
    assert [(entry["event"], entry["step"], entry["data"]) for entry in entries] == [("intent", "seed", {"undo": "drop the copy", "source": "db1"})]
    last = read(estate / "journal/mariadb.jsonl")[-1]
    assert (last["event"], last["data"]) == ("result", {"rows": 7})


def test_a_failed_step_says_why(estate: Path) -> None:
    with pytest.raises(RuntimeError), journal(estate).step("seed", undo="none"):
        raise RuntimeError("disk full")
    assert read(estate / "journal/mariadb.jsonl")[-1]["data"] == {"error": "RuntimeError: disk full"}


def test_states_follow_the_table(estate: Path) -> None:
    book = journal(estate)
    book.to(State.PREPARING)
    with pytest.raises(LotseError, match="preparing cannot become committed"):
        book.to(State.COMMITTED)
    assert move_states(estate) == {"mariadb": "preparing"}


def test_every_state_can_be_left_or_is_the_end() -> None:
    assert set(TRANSITIONS) == set(State)
    assert all(targets for targets in TRANSITIONS.values())


def test_a_changed_entry_is_found(estate: Path) -> None:
    book = journal(estate)
    for state in (State.PREPARING, State.REPLICATING, State.READY):
        book.to(state)
    lines = book.path.read_text(encoding="utf-8").splitlines()
    for number in range(3):
        entry = json.loads(lines[number])
        entry["step"] = "committed"
        changed = [*lines[:number], json.dumps(entry, sort_keys=True), *lines[number + 1 :]]
        book.path.write_text("\n".join(changed) + "\n", encoding="utf-8")
        with pytest.raises(LotseError, match=f"line {number + 1}"):
            read(book.path)


def test_a_removed_entry_is_found(estate: Path) -> None:
    book = journal(estate)
    for state in (State.PREPARING, State.REPLICATING, State.READY):
        book.to(state)
    lines = book.path.read_text(encoding="utf-8").splitlines(keepends=True)
    book.path.write_text("".join([lines[0], lines[2]]), encoding="utf-8")
    with pytest.raises(LotseError, match="line 2"):
        read(book.path)


def test_a_torn_last_line_is_dropped_and_the_chain_goes_on(estate: Path) -> None:
    book = journal(estate)
    book.to(State.PREPARING)
    with book.path.open("a", encoding="utf-8") as file:
        file.write('{"seq": 2, "event": "intent", "st')
    again = journal(estate)
    assert again.state is State.PREPARING
    again.to(State.REPLICATING)
    assert [entry["step"] for entry in read(book.path)] == ["preparing", "replicating"]


def test_a_full_disk_is_one_clear_error_and_half_a_line_is_taken_back(estate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = journal(estate)
    book.to(State.PREPARING)
    before = book.path.read_bytes()

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        with pytest.raises(LotseError, match="No space left on device"):
            book.to(State.REPLICATING)
    assert book.path.read_bytes() == before
    assert book.state is State.PREPARING
    book.to(State.REPLICATING)
    assert [entry["step"] for entry in read(book.path)] == ["preparing", "replicating"]


def test_a_step_that_cannot_be_announced_is_not_taken(estate: Path) -> None:
    book = journal(estate)
    book.path.parent.mkdir()
    book.path.symlink_to("/dev/full")
    taken = False
    with pytest.raises(LotseError, match="the journal cannot be written"), book.step("seed", undo="none"):
        taken = True
    assert not taken


def test_the_callbacks_phases_are_no_move(estate: Path) -> None:
    (estate / "journal").mkdir()
    (estate / "journal/phases.jsonl").write_text('{"event": "play"}\n', encoding="utf-8")
    assert move_states(estate) == {}
