# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit's judgement: lost, doubled, superseded, not proven."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.lab.load import Address
from tests.lab.load import audit as auditing
from tests.lab.load.audit import SHOWN, Found, evaluate, is_flawless
from tests.lab.load.records import RecordsError, Write, read_writes


def message(token: str, at: float = 1) -> Write:
    return Write(at, "messages", token)


def profile(token: str, user: str, at: float) -> Write:
    return Write(at, "profiles", token, user=user)


UPLOAD = Write(1, "uploads", "u1", sha256="abc")


@pytest.mark.parametrize(
    ("acknowledged", "unanswered", "found", "lost", "duplicated"),
    [
        pytest.param([message("a")], [], {"messages": {"a": 1}}, [], [], id="there once"),
        pytest.param([message("a")], [], {"messages": {}}, ["messages a"], [], id="lost"),
        pytest.param([message("a")], [], {}, ["messages a"], [], id="a kind that was not answered"),
        pytest.param([message("a")], [], {"messages": {"a": 0}}, ["messages a"], [], id="no row"),
        pytest.param([message("a")], [], {"messages": {"a": 2}}, [], ["messages a"], id="doubled"),
        pytest.param([message("a")], [], {"drafts": {"a": 1}}, ["messages a"], [], id="there as something else"),
        pytest.param([message("a")], [message("b")], {"messages": {"a": 1}}, [], [], id="unanswered and not there"),
        pytest.param([message("a")], [message("b")], {"messages": {"a": 1, "b": 1}}, [], [], id="unanswered and there"),
        pytest.param([message("a")], [message("b")], {"messages": {"a": 1, "b": 2}}, [], ["messages b"], id="unanswered and doubled"),
        pytest.param([message("a")], [], {"messages": {"a": 1, "older": 7}}, [], [], id="not of this load"),
        pytest.param([UPLOAD], [], {"uploads": {"u1": "abc"}}, [], [], id="upload with its content"),
        pytest.param([UPLOAD], [], {"uploads": {"u1": "abd"}}, ["uploads u1"], [], id="upload with another content"),
        pytest.param([UPLOAD], [], {"uploads": {"u1.part": "abc"}}, ["uploads u1"], [], id="upload that is half there"),
        pytest.param([profile("p", "user1", 1)], [], {"profiles": {"user1": "p hello"}}, [], [], id="profile"),
        pytest.param([profile("p", "user1", 1)], [], {"profiles": {"user2": "p hello"}}, ["profiles p"], [], id="profile of somebody else"),
        pytest.param([profile("p", "user1", 1), profile("q", "user1", 2)], [], {"profiles": {"user1": "q"}}, [], [], id="superseded profile"),
        pytest.param(
            [profile("p", "user1", 1), profile("q", "user1", 2)], [], {"profiles": {"user1": "p"}}, ["profiles q"], [], id="profile went back"
        ),
        pytest.param([profile("p", "user1", 1)], [profile("q", "user1", 2)], {"profiles": {"user1": "q"}}, [], [], id="unanswered later profile"),
        pytest.param(
            [profile("q", "user1", 2)], [profile("p", "user1", 1)], {"profiles": {"user1": "p"}}, ["profiles q"], [], id="unanswered earlier profile"
        ),
    ],
)
def test_judgement(acknowledged: list[Write], unanswered: list[Write], found: Found, lost: list[str], duplicated: list[str]) -> None:
    answer = evaluate(acknowledged, unanswered, found)
    assert (answer["lost"], answer["duplicated"], answer["error"]) == (lost, duplicated, "")
    assert (answer["writes_acknowledged"], answer["writes_lost"], answer["writes_duplicated"]) == (len(acknowledged), len(lost), len(duplicated))
    assert is_flawless(answer) is not bool(lost or duplicated)


def test_without_writes_nothing_is_proven() -> None:
    answer = evaluate([], [], {"messages": {}})
    assert (answer["writes_acknowledged"], answer["writes_lost"], answer["writes_duplicated"]) == (0, None, None)
    assert answer["error"]
    assert not is_flawless(answer)


def test_counts_are_whole_where_the_list_is_short() -> None:
    answer = evaluate([message(str(number)) for number in range(100)], [], {"messages": {}})
    assert answer["writes_lost"] == answer["by_kind"]["messages"]["lost"] == 100
    assert len(answer["lost"]) == SHOWN


class Platform(BaseHTTPRequestHandler):
    """Answers audit.php with what the test put there."""

    answers: dict[str, tuple[int, str]] = {}  # noqa: RUF012 - each test sets its own

    def do_GET(self) -> None:
        status, body = self.answers[self.path.rsplit("=", 1)[1]]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Not of interest."""


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[Address]:
    """A real server on a free port; the tries come without pauses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Platform)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(auditing, "PAUSE_S", 0)
    Platform.answers = {kind: (200, json.dumps({"kind": kind, "items": {}})) for kind in auditing.KINDS}
    yield Address("127.0.0.1", server.server_port)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "writes.jsonl").write_text('{"at": 1.5, "kind": "messages", "token": "a"}\n')
    (tmp_path / "unanswered.jsonl").write_text("")
    return tmp_path


def test_audit_asks_the_platform_and_keeps_the_answer(folder: Path, platform: Address) -> None:
    Platform.answers["messages"] = 200, json.dumps({"kind": "messages", "items": {"a": 1}})
    answer = auditing.audit(folder, platform)
    assert is_flawless(answer)
    assert json.loads((folder / "audit.json").read_text()) == answer
    assert answer["schema"] == "lotse/audit/1"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param((503, '{"error": "unavailable"}'), id="an error"),
        pytest.param((200, '{"kind": "drafts", "items": {"a": 1}}'), id="another kind"),
        pytest.param((200, '{"kind": "messages", "items": [1]}'), id="no object"),
        pytest.param((200, '{"kind": "messages"}'), id="no items"),
        pytest.param((200, "<h1>Community</h1>"), id="no JSON"),
        pytest.param((200, '{"kind": "messages", "items": {"a": 1'), id="half an answer"),
    ],
)
def test_an_audit_that_is_not_answered_proves_nothing(folder: Path, platform: Address, reply: tuple[int, str]) -> None:
    Platform.answers["messages"] = reply
    answer = auditing.audit(folder, platform)
    assert (answer["writes_acknowledged"], answer["writes_lost"], answer["writes_duplicated"]) == (1, None, None)
    assert "messages" in answer["error"]
    assert not is_flawless(answer)


def test_a_platform_that_is_away_proves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "PAUSE_S", 0)
    answer = auditing.audit(folder, Address("127.0.0.1", 9))
    assert answer["writes_lost"] is None
    assert answer["error"]


def test_without_records_nothing_is_proven(tmp_path: Path) -> None:
    answer = auditing.audit(tmp_path, Address("127.0.0.1", 9))
    assert (answer["writes_acknowledged"], answer["writes_lost"]) == (None, None)
    assert "writes.jsonl" in answer["error"]


def test_a_line_that_was_cut_off_does_not_count_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "writes.jsonl"
    path.write_text('{"at": 1, "kind": "messages", "token": "a"}\n{"at": 2, "ki')
    assert read_writes(path) == [message("a")]
    path.write_text('{"at": 2, "ki\n{"at": 1, "kind": "messages", "token": "a"}\n')
    with pytest.raises(RecordsError, match="damaged"):
        read_writes(path)
