# SPDX-License-Identifier: GPL-3.0-or-later
"""Load over time: percentiles, coverage, what two readings give, how a history grows and stays bounded."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import survey_load
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._survey.load import connections, counters, coverage, history, observe, samples, summary
from ansible_collections.lotse.estate.plugins.module_utils._survey.load.percentiles import growth, percentiles
from ansible_collections.lotse.estate.plugins.module_utils._survey.load.samples import DAY, FINE_DAYS, KEPT_DAYS, MEASURES, Sample, Source
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section
from hypothesis import given, settings
from hypothesis import strategies as st

NOW = 1_795_535_000
PAIRS = st.lists(st.tuples(st.floats(0, 1e6), st.integers(1, 100_000)), min_size=1, max_size=60)
READING = {
    "clock": 0, "uptime_s": 1000, "boot": "a", "container": "", "cpu_s": 100.0, "memory_mib": 500, "disk_read_mib": 10.0,
    "disk_written_mib": 10.0, "disk_operations": 100, "network_mib": 50.0,
}  # fmt: skip
NOTHING = {"sysstat": Section("sysstat", absent=True)}


relaxed = settings(deadline=None, max_examples=60)  # a busy machine is no finding


def day_of(text: str) -> int:
    return (datetime.date.fromisoformat(text) - coverage.EPOCH).days


def one(end: int, seconds: int = 600, cpu: float = 1.0, memory: float = 100.0) -> Sample:
    return samples.sample(end, seconds, {"cpu_cores": cpu, "memory_mib": memory})


def days(first: str, count: int, seconds: int = 3600, cpu: float = 1.0) -> list[Sample]:
    start = day_of(first) * DAY
    return [one(start + step, seconds, cpu) for step in range(seconds, count * DAY + 1, seconds)]


def survey(**changes: Any) -> dict[str, Any]:
    return {
        "host": "db1", "address": "10.77.0.13", "not_assessed": [], "counters": dict(READING), "mounts": [], "connections": [], "listening": [],
        "measured": {"memory_used_mib": 321}, "sysstat": None, **changes,
    }  # fmt: skip


# --- percentiles


@relaxed
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_samples_is_irrelevant(pairs: list[tuple[float, int]], random: Any) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert percentiles(shuffled) == percentiles(pairs)


@relaxed
@given(PAIRS)
def test_percentiles_rise_and_are_values_that_were_seen(pairs: list[tuple[float, int]]) -> None:
    found = percentiles(pairs)
    assert found and found["p50"] <= found["p95"] <= found["p99"] <= found["max"] == max(value for value, _ in pairs)
    assert set(found.values()) <= {value for value, _ in pairs}


@relaxed
@given(PAIRS, st.data())
def test_a_sample_may_be_cut_into_two_of_the_same_value(pairs: list[tuple[float, int]], data: Any) -> None:
    place = data.draw(st.integers(0, len(pairs) - 1))
    value, seconds = pairs[place]
    part = data.draw(st.integers(0, seconds))
    assert percentiles([*pairs[:place], (value, part), (value, seconds - part), *pairs[place + 1 :]]) == percentiles(pairs)


@relaxed
@given(PAIRS, st.integers(2, 9))
def test_only_the_share_of_the_time_counts(pairs: list[tuple[float, int]], factor: int) -> None:
    assert percentiles([(value, seconds * factor) for value, seconds in pairs]) == percentiles(pairs)


@relaxed
@given(PAIRS, PAIRS)
def test_together_two_sources_lie_between_each_of_them(left: list[tuple[float, int]], right: list[tuple[float, int]]) -> None:
    both, one_, other = percentiles([*left, *right]), percentiles(left), percentiles(right)
    assert both and one_ and other
    for name in both:
        assert min(one_[name], other[name]) <= both[name] <= max(one_[name], other[name])


def test_an_hour_in_a_hundred_is_the_last_percent() -> None:
    found = percentiles([(1.0, 3600)] * 98 + [(8.0, 3600)] * 2)
    assert found == {"p50": 1.0, "p95": 1.0, "p99": 8.0, "max": 8.0}
    assert percentiles([(1.0, 99 * 3600), (8.0, 3600)]) == {"p50": 1.0, "p95": 1.0, "p99": 1.0, "max": 8.0}
    assert percentiles([]) is None and percentiles([(1.0, 0)]) is None


@relaxed
@given(st.floats(-50, 50), st.integers(15, 200), st.integers(0, 10**5))
def test_growth_of_a_straight_line(slope: float, count: int, start: int) -> None:
    found = growth([(day, start + slope * day) for day in range(count)])
    assert found == pytest.approx(slope, abs=1e-6, rel=1e-6)


def test_a_clean_up_is_no_shrinking_and_a_week_is_no_growth() -> None:
    saw = [(day, 1000.0 + 10 * (day % 20)) for day in range(60)]
    found = growth(saw)
    assert found is not None and found > 0
    assert growth(saw[:7]) is None and growth([(0, 1.0), (30, 2.0)]) is None


# --- readings


def test_two_readings_give_the_average_between_them() -> None:
    after = {**READING, "uptime_s": 4600, "cpu_s": 5500.0, "disk_read_mib": 46.0, "disk_operations": 3700, "network_mib": 86.0}
    found = counters.between(READING, after, NOW, 700)
    assert found and (found.end, found.seconds) == (NOW, 3600)
    assert dict(zip(MEASURES, found.values, strict=True)) == {
        "cpu_cores": 1.5, "memory_mib": 700, "disk_read_mib_s": 0.01, "disk_write_mib_s": 0, "disk_iops": 1, "network_mib_s": 0.01,
    }  # fmt: skip


@pytest.mark.parametrize("after", [{"boot": "b", "uptime_s": 9000}, {"uptime_s": 1200}, {"uptime_s": 900}])
def test_no_average_over_a_reboot_or_a_moment(after: dict[str, Any]) -> None:
    assert counters.between(READING, {**READING, **after}, NOW, 1) is None
    assert counters.between(None, READING, NOW, 1) is None


def test_a_counter_that_went_back_is_not_seen() -> None:
    found = counters.between(READING, {**READING, "uptime_s": 5000, "cpu_s": 3.0, "network_mib": None, "disk_operations": 4100}, NOW, None)
    assert found
    values = dict(zip(MEASURES, found.values, strict=True))
    assert values["cpu_cores"] is None and values["network_mib_s"] is None and values["memory_mib"] is None and values["disk_iops"] == 1


def test_surveys_in_a_row_keep_the_first_reading() -> None:
    kept = observe.observe(history.History("db1"), survey(), NOW)
    kept = observe.observe(kept, survey(counters={**READING, "uptime_s": 1100}), NOW + 100)
    kept = observe.observe(kept, survey(counters={**READING, "uptime_s": 1700, "cpu_s": 800.0}), NOW + 700)
    assert [(sample.end, sample.seconds, sample.values[0]) for sample in kept.sources["surveys"].samples] == [(NOW + 700, 700, 1.0)]


def test_a_clock_that_jumps_changes_no_average() -> None:
    """The host's clock is not asked; a controller whose clock was in the future for a while loses what it wrote then."""
    kept = observe.observe(history.History("db1"), survey(), NOW)
    far = NOW + 900 * DAY
    kept = observe.observe(kept, survey(counters={**READING, "uptime_s": 4600, "cpu_s": 3700.0}), far)
    assert kept.sources["surveys"].samples[-1].end == far
    kept = observe.observe(kept, survey(counters={**READING, "uptime_s": 8200, "cpu_s": 7300.0}), NOW + 7200)
    assert [(sample.end, sample.seconds, sample.values[0]) for sample in kept.sources["surveys"].samples] == [(NOW + 7200, 3600, 1.0)]


def test_a_container_without_counters_of_its_own() -> None:
    nothing = dict.fromkeys(("cpu_s", "memory_mib", "disk_read_mib", "disk_written_mib", "disk_operations"))
    contained = {**READING, "container": "lxc", **nothing}
    kept = observe.observe(history.History("db1"), survey(counters=contained), NOW)
    kept = observe.observe(kept, survey(counters={**contained, "uptime_s": 4600, "network_mib": 86.0}), NOW + 3600)
    assert kept.sources["surveys"].machine == ("cpu_cores", "disk_read_mib_s", "disk_write_mib_s", "disk_iops")
    found = summary.summary(kept)
    assert found["measures"]["cpu_cores"] is None and found["measures"]["memory_mib"]["max"] == 321, "its processes' memory is its own"
    assert "cpu_cores of the whole machine only was seen" in found["reasons"]


def test_counters_that_were_not_seen_say_why() -> None:
    unseen = survey(not_assessed=[{"section": "counters", "reason": "it took too long"}])
    del unseen["counters"]
    kept = observe.observe(history.History("db1"), unseen, NOW)
    assert kept.sources["surveys"].unseen == "it took too long"
    assert "surveys: it took too long" in summary.summary(kept)["reasons"]


# --- bounds


def test_a_year_stays_small_and_keeps_its_highest_value() -> None:
    start = NOW - 390 * DAY
    many = [one(start + step, 600, 31.0 if step == 6000 else 1.0 + step % 7) for step in range(600, 390 * DAY, 600)]
    source = samples.add(Source(), many, NOW)
    assert len(source.samples) <= FINE_DAYS * 144 + 1 + (KEPT_DAYS - FINE_DAYS) * 24 + 24
    assert sum(sample.seconds for sample in source.samples) == sum(sample.seconds for sample in many), "each kept one stands for its hour"
    assert max([*(sample.values[0] or 0 for sample in source.samples), source.peaks["cpu_cores"]]) == 31.0
    assert samples.add(source, [], NOW) == source
    text = history.dump(history.History("db1", None, {"sysstat": source}))
    assert len(text) < 1_000_000 and history.load(text, "x").sources["sysstat"] == source


@relaxed
@given(st.lists(st.tuples(st.integers(NOW - 60 * DAY, NOW + DAY), st.integers(1, 4000), st.floats(0, 100)), max_size=40), st.integers(1, 39))
def test_samples_may_come_in_parts(rows: list[tuple[int, int, float]], cut: int) -> None:
    """What is young comes out the same, all at once or one after another."""
    found = [one(end, seconds, round(cpu, 3)) for end, seconds, cpu in rows]
    young = [sample for sample in found if sample.end > NOW - 30 * DAY]
    at_once = samples.add(Source(), young, NOW)
    assert samples.add(samples.add(Source(), young[:cut], NOW), young[cut:], NOW) == at_once
    ends = [sample.end for sample in samples.add(Source(), found, NOW).samples]
    assert ends == sorted(set(ends)) and all(end <= NOW for end in ends)


def test_a_day_is_counted_once_and_by_the_finest_source() -> None:
    fine, rough = days("2026-11-01", 2, 600, 2.0), days("2026-11-01", 3, DAY, 1.0)
    found = samples.combined({"surveys": Source(tuple(rough)), "sysstat": Source(tuple(fine))})["cpu_cores"]
    assert percentiles(found) == {"p50": 2.0, "p95": 2.0, "p99": 2.0, "max": 2.0}
    assert sum(seconds for _, seconds in found) == 3 * DAY
    whole_machine = samples.combined({"surveys": Source(tuple(rough)), "sysstat": Source(tuple(fine), machine=("cpu_cores",))})["cpu_cores"]
    assert {value for value, _ in whole_machine} == {1.0}


# --- coverage


@pytest.mark.parametrize(
    ("parts", "level", "reason"),
    [
        ([], "none", "nothing was seen"), ([("2026-11-20", 3)], "low", "no whole week"),
        ([("2026-11-02", 10)], "medium", "month's end was never seen"),
        ([("2026-10-28", 10)], "medium", "fewer than 28 days"), ([("2026-10-20", 30)], "high", ""), ([("2026-11-02", 27)], "medium", "fewer than 28"),
        ([("2026-10-30", 1), ("2026-11-01", 25)], "medium", "month's end was never seen"),
    ],
)  # fmt: skip
def test_confidence_and_why(parts: list[tuple[str, int]], level: str, reason: str) -> None:
    found = [sample for first, count in parts for sample in days(first, count)]
    seen = coverage.coverage(found)
    got, reasons = coverage.confidence(seen)
    assert got == level
    assert any(reason in text for text in reasons) if reason else reasons == []


def test_averages_of_days_hide_peaks() -> None:
    got, reasons = coverage.confidence(coverage.coverage(days("2026-09-01", 60, DAY)))
    assert got == "low" and any("hide peaks" in text for text in reasons)


def test_two_halves_of_a_day_from_two_sources_are_two_halves() -> None:
    morning = [one(day_of("2026-11-03") * DAY + 3600 * hour, 3600) for hour in range(1, 9)]
    seen = coverage.together([coverage.coverage(morning), coverage.coverage(morning)])
    assert seen.days == 0, "the same eight hours twice are no day"
    assert coverage.together([]) == coverage.NOTHING


@relaxed
@given(st.sets(st.integers(20_000, 20_100), max_size=60))
def test_a_months_end_is_four_days_in_a_row(found: set[int]) -> None:
    turns = [day for day in range(20_000, 20_101) if (coverage.EPOCH + datetime.timedelta(days=day)).day == 1]
    assert coverage.month_end(found) == any(all(turn + step in found for step in (-2, -1, 0, 1)) for turn in turns)
    text = "".join("x" if day in found else " " for day in range(20_000, 20_101))
    assert coverage.longest_run(found) == max(len(run) for run in text.split(" "))


# --- connections


def test_how_often_a_connection_was_there() -> None:
    row = {"local_address": "", "local_port": 40000, "peer_address": "10.77.0.14", "peer_port": 6379, "process": "php-fpm", "unit": None}
    served = {**row, "local_port": 3306, "peer_port": 50000}
    listening = [{"protocol": "tcp", "address": "::", "port": 3306, "process": None, "unit": None}]
    kept = history.History("db1")
    for number in range(12):
        there = [row, served] if number % 4 else [served]
        kept = observe.observe(kept, survey(connections=there, listening=listening), NOW + number * DAY)
    unseen = survey(not_assessed=[])
    del unseen["connections"]
    kept = observe.observe(kept, unseen, NOW + 13 * DAY)
    assert summary.summary(kept)["connections"] == [
        {"peer_address": "10.77.0.14", "peer_port": 6379, "process": "php-fpm", "unit": None, "seen": 9, "of": 12}
    ]


def test_what_was_not_seen_for_long_is_forgotten_and_peers_are_bounded() -> None:
    key = ("10.0.0.1", 80, "", "")
    count, seen = connections.add(0, {}, {key})
    for _ in range(connections.LOOKED_BACK):
        count, seen = connections.add(count, seen, set())
    assert (count, seen) == (connections.LOOKED_BACK, {})
    many = {(f"10.{number // 250}.0.{number % 250}", 80, "", "") for number in range(3000)}
    assert len(connections.add(0, {}, many)[1]) == connections.MOST


# --- files


def test_what_a_survey_adds_to_the_files(tmp_path: Path) -> None:
    mounts = [{"target": "/", "used_mib": 500, "size_mib": 1000}]
    survey_load.update(tmp_path, survey(mounts=mounts), NOTHING, NOW)
    later = survey(counters={**READING, "uptime_s": 4600, "cpu_s": 3700.0}, mounts=[{**mounts[0], "used_mib": 510}])
    found = survey_load.update(tmp_path, later, NOTHING, NOW + 3600)
    assert (found["confidence"], found["coverage"]["samples"], found["measures"]["cpu_cores"]["max"]) == ("low", 1, 1.0)
    assert found["disks"] == [{"target": "/", "size_mib": 1000, "used_mib": 510, "most_mib": 510, "growth_mib_per_day": None, "days": 1}]
    assert survey_load.read(tmp_path, ["db1", "web1"]) == {"db1": found}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert len(before) == 2
    again = history.load((tmp_path / "load" / "samples" / "db1.json").read_text(encoding="utf-8"), "x")
    assert history.dump(again).encode() == before[tmp_path / "load" / "samples" / "db1.json"]
    assert summary.dump(summary.summary(again)).encode() == before[tmp_path / "load" / "db1.json"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda data: data.update(schema="lotse/load/9"), "schema"), (lambda data: data["measures"].pop("cpu_cores"), "cpu_cores"),
        (lambda data: data["measures"].update(memory_mib={"p50": 9, "p95": 1, "p99": 1, "max": 1}), "measures.memory_mib"),
        (lambda data: data.update(connections=[{"peer_address": "10.0.0.1"}]), r"connections\.0"),
        (lambda data: data.update(confidence="sure"), "confidence"), (lambda data: data.update(host="db2"), "the load of db2"),
    ],
)  # fmt: skip
def test_a_summary_that_somebody_changed(tmp_path: Path, change: Any, says: str) -> None:
    survey_load.update(tmp_path, survey(), NOTHING, NOW)
    path = tmp_path / "load" / "db1.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(LotseError, match=says) as error:
        survey_load.read(tmp_path, ["db1"])
    assert str(path) in str(error.value)


WRONG = [[1, 2], "x", [1, 0, *[None] * 6], [1, 600, *["1"] * 6], [1, 600, *[float("inf")] * 6], [1, 600, *[-1] * 6], [True, 600, *[1] * 6]]
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@pytest.mark.parametrize("row", WRONG)
def test_samples_that_somebody_changed(row: Any) -> None:
    kept = history.History("db1", None, {"surveys": Source((one(NOW),))})
    data = json.loads(history.dump(kept))
    data["sources"]["surveys"]["samples"][0] = row
    with pytest.raises(LotseError, match=r"sources.surveys.samples\[0\]"):
        history.load(json.dumps(data), "x")


@relaxed
@given(st.recursive(ANYTHING, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_files_that_are_none(data: Any) -> None:
    for read in (history.load, summary.load):
        with pytest.raises(LotseError):
            read(json.dumps(data), "x")


def test_a_plan_reads_summaries_and_never_samples(tmp_path: Path) -> None:
    """A thousand hosts with a year of samples each cost a plan as much as a thousand with one."""
    kept = history.History("db1", dict(READING), {"sysstat": samples.add(Source(), days("2026-11-01", 20, 600), NOW)})
    (tmp_path / "load" / "samples").mkdir(parents=True)
    (tmp_path / "load" / "samples" / "db1.json").write_text(history.dump(kept), encoding="utf-8")
    found = survey_load.update(tmp_path, survey(), NOTHING, NOW)
    assert found["coverage"]["samples"] == 20 * 144
    (tmp_path / "load" / "samples" / "db1.json").write_text("damaged", encoding="utf-8")
    assert survey_load.read(tmp_path, ["db1"]) == {"db1": found}
    assert (tmp_path / "load" / "db1.json").stat().st_size < 4000
