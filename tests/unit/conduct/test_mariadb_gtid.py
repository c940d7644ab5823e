# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.mariadb.gtid import Gtid, only_the_mark, own_beyond, parse


def test_positions_and_states_are_read() -> None:
    assert parse("0-13-5001,1-7-20") == [Gtid(0, 13, 5001), Gtid(1, 7, 20)]
    assert parse("0-13-5001,\n1-7-20\n") == parse("0-13-5001,1-7-20")
    assert parse("") == []
    assert str(Gtid(0, 13, 5001)) == "0-13-5001"


@pytest.mark.parametrize("text", ["0-13", "a-b-c", "0-13-5001;1-7-20", "mysql-bin.000001:4"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)


def test_what_the_fenced_server_wrote_itself_is_seen_among_what_it_replicated() -> None:
    before = "0-13-100"
    assert own_beyond(before, "0-13-101,0-77-500", 13) == [Gtid(0, 13, 101)]
    assert only_the_mark(before, own_beyond(before, "0-13-101,0-77-500", 13))
    assert own_beyond(before, "0-13-100,0-77-500", 13) == []


@pytest.mark.parametrize(
    "state",
    [
        "0-13-102,0-77-500",  # one more right behind the mark
        "0-13-501,0-77-500",  # one in between what it replicated
        "0-13-101,5-13-1,0-77-500",  # one in a domain that somebody has made
        "0-77-500",  # the mark itself is missing: then it is not proven either
    ],
)
def test_anything_but_the_mark_is_a_write(state: str) -> None:
    assert not only_the_mark("0-13-100", own_beyond("0-13-100", state, 13))


def test_the_mark_may_be_the_first_transaction_of_its_domain() -> None:
    assert only_the_mark("", own_beyond("", "0-13-1", 13))
