# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: it says what is proven, escapes everything, and holds for no move and for five hundred."""

from __future__ import annotations

import copy
import functools
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._report import figures, page, shell
from ansible_collections.lotse.estate.plugins.module_utils._report.load import summarize
from ansible_collections.lotse.estate.plugins.module_utils._report.verdict import judge
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import estate
from .estate import LAB, START, Story

VOID = {"meta", "input", "br", "circle", "rect", "line", "path", "polygon"}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;`\u202e\x00"


class Reader(HTMLParser):
    """Well-formedness, and what is in the page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    identities = [attributes["id"] for _tag, attributes in reader.tags if "id" in attributes]
    assert len(identities) == len(set(identities))
    for tag, attributes in reader.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not {"src", "srcset", "data", "action"} & set(attributes), (tag, attributes)
        assert tag not in {"link", "iframe", "object", "embed", "base", "img"}
        assert str(attributes.get("href", "#")).startswith("#")
    assert sum(tag == "script" for tag, _attributes in reader.tags) == 1
    return reader


def rendered(plan: dict[str, Any], journals: dict[str, Any], **more: Any) -> tuple[dict[str, Any], str]:
    rows = more.get("requests")
    meta = {"started_at": START, "ended_at": START + 330, "rate": 25}
    load = summarize(rows, meta, more.get("audit", estate.audit()), None, figures.all_cuts(plan, journals)) if rows is not None else None
    controls = more.get("controls", estate.controls(plan))
    found = figures.compute(plan, journals, load=load, controls=controls, retired=more.get("retired", ()), phases=more.get("phases", ()))
    return found, page.render(found, plan, journals, load, controls)


def headline(text: str) -> str:
    match = re.search(r"<h1>(.*?)</h1>", text)
    assert match
    return match[1]


def test_nobody_noticed_when_all_is_proven() -> None:
    phases = estate.phases("Survey | Observe", "Migrate | Move", length=150)
    _found, text = rendered(LAB, estate.crossed(LAB), requests=estate.requests(330), retired=list(LAB["legacy"]), phases=phases)
    reader = read(text)
    assert headline(text) == "Nobody noticed"
    words = " ".join(reader.words)
    for told in ("6 of 6", "34.5 ms", "mariadb", "switched off", "Migrate", "The new server would refuse zero dates", "append only", "gtid position"):
        assert told in words, told
    assert "not proven" not in words


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"requests_failed": 1}, "Somebody noticed"),
        ({"requests_over_2s": 1}, "Somebody noticed"),
        ({"writes_lost": 2}, "Somebody noticed"),
        ({"writes_duplicated": 1}, "Somebody noticed"),
        ({"writes_on_fenced_side": 1}, "Somebody noticed"),
        ({"controls": {"passed": 29, "failed": 1, "not_assessed": 0}}, "Something is wrong"),
        ({"concerns_open": 1}, "Something is wrong"),
        ({"requests_total": None}, "Not proven that nobody noticed"),
        ({"requests_total": 0}, "Not proven that nobody noticed"),
        ({"cutovers_unwatched": ["redis"]}, "Not proven that nobody noticed"),
        ({"writes_lost": None}, "Not proven that nobody noticed"),
        ({"writes_on_fenced_side": None}, "Not proven that nobody noticed"),
        ({"controls": {"passed": None, "failed": None, "not_assessed": None}}, "Not proven that nobody noticed"),
        ({"controls": {"passed": 29, "failed": 0, "not_assessed": 1}}, "Not proven that nobody noticed"),
        ({}, "Nobody noticed"),
    ],
)
def test_the_verdict_never_says_more_than_is_proven(change: dict[str, Any], expected: str) -> None:
    found, _text = rendered(LAB, estate.crossed(LAB), requests=estate.requests(330))
    verdict = judge({**found, **change})
    assert verdict.headline == expected
    assert bool(verdict.broken or verdict.unproven) == bool(change)


ENDS = {"rolled_back": "Taken back, and nobody noticed", "failed": "Something is wrong", "planned": "Not begun yet"}


@pytest.mark.parametrize(("state", "expected"), ENDS.items())
def test_the_verdict_for_other_ends(state: str, expected: str) -> None:
    found, _text = rendered(LAB, estate.crossed(LAB), requests=estate.requests(330))
    for move in found["moves"]:
        move["state"] = state
    assert judge(found).headline == expected


def test_a_crossing_that_is_half_way() -> None:
    journals = {name: entries for name, entries in estate.crossed(LAB).items() if name in {"edge", "mariadb"}}
    _found, text = rendered(LAB, journals, requests=estate.requests(330))
    read(text)
    assert headline(text) == "So far, nobody noticed"
    assert "2 of 6 services moved, 4 planned" in text


def test_what_went_wrong_is_on_the_page() -> None:
    rows = estate.requests(330)
    rows[int(138.5 * 25)] |= {"ok": False, "status": 503, "error": "HTTP 503 from be_web"}
    controls = estate.controls(LAB)
    controls[3] |= {"state": "failed", "evidence": "max_connections: 400 != 151"}
    _found, text = rendered(LAB, estate.crossed(LAB), requests=rows, controls=controls)
    words = " ".join(read(text).words)
    assert headline(text) == "Somebody noticed"
    for told in ("1 request failed", "HTTP 503 from be_web", "mariadb cutting, redis cutting", "max_connections: 400 != 151", "1 control failed"):
        assert told in words, told


@pytest.mark.parametrize("with_load", [False, True])
def test_no_move_at_all(with_load: bool) -> None:
    plan = estate.plan_of([])
    _found, text = rendered(plan, {}, requests=estate.requests(330) if with_load else None, controls=None)
    read(text)
    assert headline(text) == "There is nothing to move"


def test_nothing_has_begun() -> None:
    _found, text = rendered(LAB, {}, controls=None)
    words = " ".join(read(text).words)
    assert "Nothing has moved yet." in words
    assert "not proven" in words


def many(count: int) -> dict[str, Any]:
    kinds = ("mariadb", "redis", "http", "cron", "files")
    rows = [(kinds[n % 5], f"host{n // 3}", f"guest-{n // 3}", 1 + n // 40, f"s{n}", f"{kinds[n % 5]}-{n}") for n in range(count)]
    return estate.plan_of([estate.move(*row) for row in rows])


def test_five_hundred_moves() -> None:
    plan = many(500)
    _found, text = rendered(plan, estate.crossed(plan), requests=estate.requests(330))
    reader = read(text)
    assert headline(text) == "Nobody noticed"
    assert sum(tag == "details" for tag, _attributes in reader.tags) == 500 + 500
    assert len(text) < 6_000_000
    assert any(attributes.get("id") == "filter" for _tag, attributes in reader.tags)


def test_far_apart_moves_get_pictures_of_their_own() -> None:
    journals = estate.crossed(LAB)
    journals["cron"] = Story("cron").committed(90_000).entries
    _found, text = rendered(LAB, journals)
    read(text)
    assert "The whole crossing" in text
    assert "The moves, part 2" in text
    assert text.count("What users felt is not proven") == 3


def hostile(value: Any, poison: str) -> Any:
    """Every text in a structure that a person can name, poisoned."""
    if isinstance(value, dict):
        return {key: entry if key in {"at", "hash", "previous", "schema"} else hostile(entry, poison) for key, entry in value.items()}
    if isinstance(value, list):
        return [hostile(entry, poison) for entry in value]
    return f"{value}{poison}" if isinstance(value, str) else value


def poisoned(poison: str) -> str:
    journals = estate.crossed(LAB)
    plan = hostile(LAB, poison)
    plan["legacy"] = {f"{name}{poison}": host for name, host in plan["legacy"].items()}
    for row in plan["concerns"]:
        row["severity"] = row["severity"].removesuffix(poison) if row["id"].startswith("sql") else row["severity"]
    rows = estate.requests(330, rate=2)
    rows[100] |= {"ok": False, "error": poison, "op": poison, "status": poison}
    told = {
        f"{name}{poison}": [{**entry, "run": poison, "data": hostile(entry["data"], poison if entry["step"] != "cut" else "")} for entry in entries]
        for name, entries in journals.items()
    }
    phases = estate.phases(f"Survey{poison} | a", f"Plan | {poison}", length=150)
    _found, text = rendered(plan, told, requests=rows, controls=hostile(estate.controls(LAB), poison), retired=[f"db1{poison}"], phases=phases)
    return text


@functools.cache
def clean() -> list[str]:
    """The elements of the page with harmless names."""
    return [tag for tag, _attributes in read(poisoned("x")).tags]


def test_hostile_names_stay_text() -> None:
    text = poisoned(HOSTILE)
    reader = read(text)
    assert "<script>alert(1)" not in text.split("</script>", 1)[0].rsplit("<script>", 1)[0]
    assert text.count("<script>") == 1
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "alert(1)" in " ".join(reader.words)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=st.one_of(st.sampled_from("<>\"'&;/=`\n{}"), st.characters(codec="utf-8")), min_size=1, max_size=40))
def test_whatever_a_name_is_the_page_stays_a_page(poison: str) -> None:
    assert [tag for tag, _attributes in read(poisoned(poison)).tags] == clean()


@given(st.text(max_size=60))
def test_escaping_is_safe_in_text_and_attributes(text: str) -> None:
    shown = shell.escape(text)
    assert not set("<>\"'") & set(shown)
    assert all(character.isprintable() or character in "\n\t" for character in shown)


def test_the_same_input_gives_the_same_page() -> None:
    first = rendered(LAB, estate.crossed(LAB), requests=estate.requests(330))[1]
    assert first == rendered(copy.deepcopy(LAB), estate.crossed(LAB), requests=estate.requests(330))[1]


def test_colours_for_dark_and_for_paper() -> None:
    text = shell.page("x", "")
    assert "@media (prefers-color-scheme: dark)" in text
    assert "@media print" in text
    names = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert names <= set(re.findall(r"(--[\w-]+):", text))
