# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written as YAML is read back as the same."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
import yaml
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_yaml import dump, load
from hypothesis import given, settings
from hypothesis import strategies as st

ODD = ["yes", "on", "1:20", "0x1f", "2026-12-01", "a: b", "a #b", "- a", "null", "~", "1e3", "=", "<<", "'", "a:"]
TEXTS = st.text(max_size=12) | st.sampled_from(ODD)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS
DATA = st.recursive(LEAVES, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3), max_leaves=12)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(TEXTS, DATA, max_size=4))
def test_everything_comes_back(data: dict[str, Any]) -> None:
    text = dump(data)
    assert yaml.safe_load(text) == data
    assert load(text) == data or "\\ud" in text, "libyaml refuses half of a pair"


@pytest.mark.parametrize(("value", "line"), [
    ("10.77.0.13 in /srv/a.php:3; backend x, server y", "a: 10.77.0.13 in /srv/a.php:3; backend x, server y"), ("yes", 'a: "yes"'),
    ("16:00", 'a: "16:00"'), ("", 'a: ""'), ({}, "a: {}"), ([], "a: []"), ("2026-12-01", 'a: "2026-12-01"'), ("* * *", 'a: "* * *"'),
])  # fmt: skip
def test_how_it_looks(value: Any, line: str) -> None:
    assert dump({"a": value}) == line + "\n"


def test_rows_are_indented_as_yamllint_wants_them() -> None:
    assert dump({"a": [{"b": [1, 2], "c": {"d": None}}, [3]]}) == "a:\n  - b:\n      - 1\n      - 2\n    c:\n      d: null\n  - - 3\n"


def test_dates_that_people_wrote_are_read_as_dates() -> None:
    assert load("a: 2026-12-01") == {"a": datetime.date(2026, 12, 1)}
