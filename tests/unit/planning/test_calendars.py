# SPDX-License-Identifier: GPL-3.0-or-later
"""Windows: in staffed hours, never frozen, right when clocks are turned, and where people put them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning.calendars import Window, Wish, parse, window, windows
from ansible_collections.lotse.estate.plugins.module_utils._report.plan_page import render
from hypothesis import given, settings
from hypothesis import strategies as st

from .estates import TODAY, lab_surveys, plan

OFFICE: dict[str, Any] = {
    "zone": "Europe/Berlin", "staffed": [{"days": ["tue", "wed", "thu"], "from": "09:00", "to": "16:00"}],
    "frozen": [{"from": "2026-12-18", "to": "2027-01-04", "reason": "end of the year"}], "first": "2026-12-01", "canary_observe_days": 2,
}  # fmt: skip


def starts(wishes: list[Wish], today: date = TODAY, **changes: Any) -> list[str]:
    found = windows(wishes, parse({**OFFICE, **changes}), today)
    return [f"{found_.start:%a %d.%m. %H:%M}" if found_ else "none" for found_, _ in found]


def test_one_after_the_other_in_staffed_hours() -> None:
    assert starts([Wish("a", 60), Wish("b", 3600), Wish("c", 60)]) == ["Tue 01.12. 09:00", "Tue 01.12. 09:45", "Tue 01.12. 11:15"]


def test_canaries_are_watched_and_waves_have_gaps() -> None:
    assert starts([Wish("a", 60, canary=True), Wish("b", 60)]) == ["Tue 01.12. 09:00", "Thu 03.12. 09:00"]
    assert starts([Wish("a", 60), Wish("b", 60)], wave_gap_days=2) == ["Tue 01.12. 09:00", "Thu 03.12. 09:00"]


def test_nothing_in_a_frozen_period_nor_before_today() -> None:
    assert starts([Wish("a", 60)], today=date(2026, 12, 18)) == ["Tue 05.01. 09:00"]
    assert starts([Wish("a", 60)], today=date(2026, 12, 2)) == ["Wed 02.12. 09:00"]


def test_a_night_ends_where_the_frozen_period_begins() -> None:
    nights = {"staffed": [{"days": ["thu"], "from": "22:00", "to": "04:00"}]}
    assert starts([Wish("a", 5400), Wish("b", 5400)], today=date(2026, 12, 17), **nights) == ["Thu 17.12. 22:00", "Thu 07.01. 22:00"]


def test_a_single_date_may_be_staffed() -> None:
    assert starts([Wish("a", 60)], staffed=[{"dates": ["2026-12-05"], "from": "10:00", "to": "12:00"}]) == ["Sat 05.12. 10:00"]


@pytest.mark.parametrize(("day", "start", "hours"), [("2027-03-28", "2027-03-28T01:00:00+01:00", 3), ("2026-10-25", "2026-10-25T01:00:00+02:00", 5)])
def test_clocks_that_are_turned(day: str, start: str, hours: int) -> None:
    """From 1 to 5 are three true hours in March and five in October."""
    given_ = {"staffed": [{"dates": [day], "from": "01:00", "to": "05:00"}], "frozen": [], "first": day, "observe_minutes": 0}
    (found, _), = windows([Wish("a", hours * 3600)], parse({**OFFICE, **given_}), date.fromisoformat(day))
    assert found is not None
    assert (found.start.isoformat(), found.end.astimezone(UTC) - found.start.astimezone(UTC)) == (start, timedelta(hours=hours))
    with pytest.raises(LotseError, match=f"the longest staffed hours have {hours} h 0 min"):
        windows([Wish("a", hours * 3600 + 1)], parse({**OFFICE, **given_}), date.fromisoformat(day))


@pytest.mark.parametrize(("changes", "says"), [
    ({"staffed": []}, "staffed is empty"), ({"zone": ""}, "no time zone"), ({"zone": "Mars/Base"}, "no time zone 'Mars/Base'"),
    ({"zones": "x"}, "knows no zones"),
    ({"staffed": [{"days": ["xyz"], "from": "9:00", "to": "10:00"}]}, "'xyz' is no day"),
    ({"staffed": [{"days": ["tue"], "from": "25:00", "to": "10:00"}]}, "'25:00' is no time of day"),
    ({"staffed": [{"from": "9:00", "to": "10:00"}]}, "have no day"),
    ({"staffed": [{"days": ["tue"], "from": "9:00", "to": "9:00"}]}, "begin and end"),
    ({"frozen": [{"from": "2026-12-18", "to": "2026-12-01", "reason": "r"}]}, "ends .* before it begins"),
    ({"frozen": [{"from": "2026-12-18", "to": "2026-12-24"}]}, "has no reason"),
    ({"frozen": [{"from": "x", "to": "y", "reason": "z"}]}, "'x' is no date"),
    ({"first": "soon"}, "'soon' is no date"), ({"wave_gap_days": -1}, "-1 is no number"), ({"staffed": "tue"}, "not a list"),
])  # fmt: skip
def test_bad_calendars(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(LotseError, match=says) as caught:
        parse({**OFFICE, **changes})
    assert caught.value.where.startswith("plan_calendar")
    assert caught.value.remedy


def test_an_impossible_calendar_names_the_wave_and_why() -> None:
    with pytest.raises(LotseError, match=r"wave 'b' finds no window: it needs 10 h 30 min .* the longest staffed hours have 7 h 0 min"):
        starts([Wish("a", 60), Wish("b", 36000)])
    with pytest.raises(LotseError, match="nobody is there on a day that is not frozen"):
        starts([Wish("a", 60)], frozen=[{"from": "2026-01-01", "to": "2030-01-01", "reason": "sold"}])


def test_minutes_that_yaml_made_of_a_time() -> None:
    assert starts([Wish("a", 60)], staffed=[{"days": ["tue"], "from": "09:00", "to": 960}]) == ["Tue 01.12. 09:00"]


def at(text: str, minutes: int = 60) -> Window:
    begin = datetime.fromisoformat(text)
    return Window(begin, begin + timedelta(minutes=minutes))


def test_a_window_that_is_given_is_kept() -> None:
    assert starts([Wish("a", 60), Wish("b", 60, kept=at("2026-12-03T10:00+01:00"))]) == ["Tue 01.12. 09:00", "Thu 03.12. 10:00"]
    assert starts([Wish("a", 60), Wish("b", 60, kept=at("2026-12-05T10:00+01:00"))])[1] == "Tue 01.12. 09:45", "nobody is there on a Saturday"
    assert starts([Wish("a", 60, given=at("2026-12-08T10:00+01:00"), said="x"), Wish("b", 60)]) == ["Tue 08.12. 10:00", "Tue 08.12. 11:00"]
    begun = Wish("a", 60, kept=at("2026-11-20T10:00+01:00"), begun=True)
    assert starts([begun]) == ["Fri 20.11. 10:00"], "what has begun stays where it was"


@pytest.mark.parametrize(("text", "minutes", "says"), [
    ("2026-12-22T10:00+01:00", 60, "frozen period 2026-12-18 to 2027-01-04 .end of the year."),
    ("2026-12-05T10:00+01:00", 60, "outside of the staffed"),
    ("2026-11-24T10:00+01:00", 60, "cannot begin before"), ("2026-12-01T10:00+01:00", 15, "has 15 min, and it needs 45 min"),
])  # fmt: skip
def test_a_window_that_cannot_be(text: str, minutes: int, says: str) -> None:
    with pytest.raises(LotseError, match=says):
        starts([Wish("a", 60, given=at(text, minutes), said="plan.yml: overrides.waves.a")])


@pytest.mark.parametrize(("given_", "says"), [
    ({"start": "x", "end": "y"}, "'x' is no time"), ({"start": "2026-12-01T10:00"}, "a window is"), ("soon", "a window is"),
    ({"start": "2026-12-01T10:00", "end": "2026-12-01T11:00"}, "no offset from UTC"),
    ({"start": "2026-12-01T11:00Z", "end": "2026-12-01T10:00Z"}, "ends .* before it begins"),
])  # fmt: skip
def test_what_is_no_window(given_: Any, says: str) -> None:
    with pytest.raises(LotseError, match=says):
        window(given_, "plan.yml: overrides.waves.a.window", None)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 15000), st.booleans()), max_size=8), st.dates(date(2026, 1, 1), date(2028, 1, 1)), st.integers(0, 3))
def test_what_holds_for_every_calendar(waves: list[tuple[int, bool]], today: date, gap: int) -> None:
    calendar = parse({**OFFICE, "wave_gap_days": gap})
    assert calendar is not None
    wishes = [Wish(str(number), seconds, canary) for number, (seconds, canary) in enumerate(waves)]
    found = [entry for entry, _ in windows(wishes, calendar, today) if entry]
    assert len(found) == len(waves)
    for entry, (seconds, _) in zip(found, waves, strict=True):
        assert entry.start.date() >= today
        assert calendar.trouble(entry) is None
        assert entry.end - entry.start >= timedelta(seconds=seconds, minutes=30)
        assert not date(2026, 12, 18) <= entry.start.date() <= date(2027, 1, 4)
    for first, second, (_, canary) in zip(found, found[1:], waves, strict=False):
        assert second.start >= first.end
        assert (second.start.date() - first.end.date()).days >= max(gap, 2 if canary else 0)
    kept = [Wish(wish.name, wish.seconds, wish.canary, kept=entry) for wish, entry in zip(wishes, found, strict=True)]
    assert [entry for entry, _ in windows(kept, calendar, today)] == found, "planned again, nothing moves"


def test_the_plan_has_windows_and_keeps_them() -> None:
    first = plan(calendar=OFFICE)
    assert [wave["window"]["start"] for wave in first["waves"]] == [
        "2026-12-01T09:00:00+01:00", "2026-12-01T09:45:00+01:00", "2026-12-01T10:30:00+01:00", "2026-12-01T11:15:00+01:00",
    ]  # fmt: skip
    assert plan(previous=first, calendar=OFFICE) == first
    surveys = lab_surveys()
    surveys["web1"]["cron"] = []
    fewer = plan(surveys, previous=first, calendar=OFFICE)
    kept = {wave["name"]: wave["window"] for wave in first["waves"]}
    assert {wave["name"]: wave["window"] for wave in fewer["waves"]} == {name: kept[name] for name in ("edge", "data", "web")}


def test_the_plan_tells_its_calendar_and_the_page_draws_it() -> None:
    found = plan(calendar=OFFICE)
    assert found["calendar"] == {
        "zone": "Europe/Berlin", "staffed": ["tue, wed, thu 09:00 to 16:00"],
        "frozen": [{"start": "2026-12-18", "end": "2027-01-04", "reason": "end of the year"}],
    }  # fmt: skip
    page = render(found, list(lab_surveys().values()))
    assert "Staffed hours: tue, wed, thu 09:00 to 16:00" in page
    assert "2026-12-18 to 2027-01-04, end of the year" in page
    assert plan()["calendar"] is None
