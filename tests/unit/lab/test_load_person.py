# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live user takes for an answer, and what not: each check is shown to fail."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.lab.load import Address
from tests.lab.load.browser import Browser
from tests.lab.load.person import Count, Person, Shared, WrongAnswerError
from tests.lab.load.records import Records, RecordsError, read_writes
from tests.lab.load.schedule import MIX

from .community import Community


class Member:
    """One person with a record of what was done."""

    def __init__(self, folder: Path, address: Address) -> None:
        self.folder, self._address = folder, address
        self._records, self._runner = Records(folder), asyncio.Runner()
        self.person = self._runner.run(self._born())

    async def _born(self) -> Person:
        return Person("user1", self._records, Shared(), random.Random(1))

    def close(self) -> None:
        self._runner.close()
        self._records.close()

    def does(self, *ops: str) -> list[dict[str, Any]]:
        """One visit. Gives the rows of requests.jsonl that it added."""
        before = len(self.rows("requests"))

        async def visit() -> None:
            async with Browser(self._address, self.person.cookies) as browser:
                for op in ops:
                    await self.person.act(browser, op, time.time())

        self._runner.run(visit())
        return self.rows("requests")[before:]

    def rows(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / f"{name}.jsonl").read_text().splitlines()]


@pytest.fixture
def member(tmp_path: Path, address: Address) -> Iterator[Member]:
    born = Member(tmp_path / "load", address)
    yield born
    born.close()


def errors(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [row["error"] for row in rows if not row["ok"]]


def test_a_good_visit_has_no_errors_and_all_its_writes_are_there(member: Member, community: Community) -> None:
    rows = member.does("arrive", "upload", *MIX, *MIX)
    assert errors(rows) == []
    assert {row["op"] for row in rows} == {name.removesuffix("_write") for name in MIX} | {"signin"}
    assert all(set(row) == {"at", "ms", "op", "method", "status", "ok", "error"} for row in rows)
    assert all(row["status"] in {200, 201} and 0 < row["ms"] < 5000 for row in rows)
    writes = read_writes(member.folder / "writes.jsonl")
    assert [write.kind for write in writes].count("uploads") == 3
    for write in writes:
        there = {"messages": community.messages, "drafts": community.drafts, "uploads": community.uploads}
        assert write.token in (
            community.bios["user1"] if write == [w for w in writes if w.kind == "profiles"][-1] else there.get(write.kind, [write.token])
        )
    assert len(community.connections) == 2, "one for each of the two names"


def test_a_member_comes_again_with_the_same_session(member: Member) -> None:
    member.does("arrive", "profile", "guestbook_write")
    rows = [row for _ in range(10) for row in member.does("arrive", "guestbook")]
    assert errors(rows) == []
    assert [row["op"] for row in rows].count("profile") >= 5, "most do not sign in again"


@pytest.mark.parametrize(
    ("before", "fault", "op", "error"),
    [
        (["signin"], "forget sessions", "profile", "the session is lost"),
        (["signin", "profile"], "visits stand still", "profile", "visits: 1 instead of 2"),
        (["signin", "profile_write"], "bio is not kept", "profile_write", None),
        (["signin"], "charset", "profile_write", "the new text is"),
        ([], "source", "front", "not the front page"),
        ([], "503", "front", "status 503"),
        ([], "503", "message", "status 503 instead of 201"),
        ([], "wrong token", "message", "the token is 'x'"),
        ([], "wrong status", "draft", "status 200 instead of 201"),
        ([], "uploads are cut", "upload", None),
        (["guestbook_write"], "forget sessions", "guestbook", "visits: 1 instead of 2"),
        (["guestbook_write"], "entries shrink", "guestbook", "entries: 0 instead of 1"),
        (["guestbook_write"], "503", "guestbook", "status 503"),
    ],
)
def test_what_a_member_notices_at_once(member: Member, community: Community, before: list[str], fault: str, op: str, error: str | None) -> None:
    assert errors(member.does(*before)) == []
    community.faults.add(fault)
    found = errors(member.does(op))
    assert found == [] if error is None else len(found) == 1 and error in found[0], found


@pytest.mark.parametrize(
    ("fault", "write", "read", "error"),
    [
        ("bio is not kept", "profile_write", "profile", "the profile's text is"),
        ("messages vanish", "message", "messages", "messages that were acknowledged are not listed"),
        ("uploads are cut", "upload", "file", "the sha256 of the upload"),
    ],
)
def test_what_a_member_notices_when_reading_back(member: Member, community: Community, fault: str, write: str, read: str, error: str) -> None:
    community.faults.add(fault)
    assert errors(member.does("signin", write)) == []
    assert error in errors(member.does(read))[0]


def test_a_write_that_failed_is_not_acknowledged(member: Member, community: Community) -> None:
    community.faults.add("503")
    member.does("message", "upload", "draft")
    assert member.rows("writes") == []
    assert [row["kind"] for row in member.rows("unanswered")] == ["messages", "uploads", "drafts"]


def test_after_an_outage_the_counters_are_known_again(member: Member, community: Community) -> None:
    member.does("signin", "profile", "guestbook_write")
    community.faults.add("503")
    assert len(errors(member.does("profile", "profile_write", "guestbook_write", "guestbook"))) == 4
    community.faults.clear()
    assert errors(member.does("profile", "guestbook", "profile", "guestbook_write", "guestbook")) == []


def test_whose_session_was_lost_signs_in_again(member: Member, community: Community) -> None:
    member.does("signin", "profile")
    community.sessions.clear()
    rows = member.does("profile", "profile", "profile")
    assert [row["op"] for row in rows] == ["profile", "signin", "profile"]
    assert [row["ok"] for row in rows] == [False, True, True]


def test_an_unknown_counter_has_bounds() -> None:
    count = Count()
    count.perhaps(1)
    count.perhaps(1)
    with pytest.raises(WrongAnswerError, match="visits: 4 instead of 1 to 3"):
        count.check(4, 1, "visits")
    count.check(5, 1, "visits")
    with pytest.raises(WrongAnswerError, match="visits: 5 instead of 6"):
        count.check(5, 1, "visits")


def test_records_of_two_loads_are_not_mixed(tmp_path: Path) -> None:
    Records(tmp_path).close()
    with pytest.raises(RecordsError, match=r"requests\.jsonl is the record of an earlier load"):
        Records(tmp_path)
