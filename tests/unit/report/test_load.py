# SPDX-License-Identifier: GPL-3.0-or-later
"""The live users' records as figures."""

from __future__ import annotations

from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._report import load
from hypothesis import given
from hypothesis import strategies as st

from . import estate

META = {"started_at": estate.START, "ended_at": estate.START + 20, "rate": 25}


def summary(rows: list[dict[str, Any]], audit: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return load.summarize(rows, more.get("meta", META), audit, more.get("writes"), more.get("cuts", ()))


def test_counts_what_failed_and_what_was_slow() -> None:
    rows = estate.requests(20)
    rows[10] |= {"ok": False, "status": 503, "error": "HTTP 503"}
    rows[20] |= {"ms": 2000.1}
    rows[30] |= {"ms": 2000.0}
    found = summary(rows, estate.audit(300))
    assert (found["requests_total"], found["requests_failed"], found["requests_over_2s"]) == (500, 1, 1)
    assert [(row["failed"], row["error"], row["ms"]) for row in found["failures"]] == [(True, "HTTP 503", rows[10]["ms"]), (False, "", 2000.1)]
    assert found["latency_ms"]["max"] == 2000.1
    assert (found["writes_acknowledged"], found["writes_lost"], found["writes_duplicated"]) == (300, 0, 0)


def test_nothing_recorded_is_not_proven_and_not_zero() -> None:
    found = summary([])
    assert found["requests_total"] == 0
    assert [found[name] for name in ("requests_failed", "requests_over_2s", "writes_lost", "writes_duplicated", "writes_acknowledged")] == [None] * 5
    assert set(found["latency_ms"].values()) == {None}


def test_without_an_audit_acknowledged_writes_are_known_and_their_fate_is_not() -> None:
    found = summary(estate.requests(20), None, writes=77)
    assert (found["writes_acknowledged"], found["writes_lost"], found["writes_duplicated"]) == (77, None, None)
    assert "audit.json is missing" in found["audit_error"]


def test_an_audit_that_could_not_be_made_stays_unknown() -> None:
    found = summary(estate.requests(20), estate.audit(5, None, None, "audit.php was not answered"))
    assert (found["writes_lost"], found["writes_duplicated"], found["audit_error"]) == (None, None, "audit.php was not answered")


def test_the_strip_has_each_second_and_each_request_once() -> None:
    rows = estate.requests(20)
    rows[40] |= {"ok": False}
    strip = summary(rows)["strip"]
    assert (strip["bucket_s"], len(strip["rows"])) == (1, 20)
    assert {row[0] for row in strip["rows"]} == {25}
    assert [row[1] for row in strip["rows"]] == [0, 1, *[0] * 18]


def test_a_second_without_requests_has_no_latency() -> None:
    rows = [row for row in estate.requests(20) if not 5 <= row["at"] - estate.START < 6]
    assert summary(rows)["strip"]["rows"][5] == [0, 0, None, None, None]


def test_a_long_load_gets_wider_buckets_and_loses_no_request() -> None:
    rows = estate.requests(7200, rate=1)
    strip = summary(rows, meta={"started_at": estate.START, "ended_at": estate.START + 7200, "rate": 1})["strip"]
    assert strip["bucket_s"] == 6
    assert len(strip["rows"]) <= load.MOST_BUCKETS
    assert sum(row[0] for row in strip["rows"]) == 7200


def test_a_load_that_was_killed_lasts_to_its_last_answer() -> None:
    found = summary(estate.requests(20), meta={"started_at": estate.START, "ended_at": None})
    assert 19.9 < found["ended_at"] - found["started_at"] < 20.1


def test_close_ups_keep_every_request_around_a_cutover() -> None:
    shot = summary(estate.requests(20), cuts=[("mariadb", estate.START + 10, estate.START + 10.04)])["close_ups"][0]
    assert len(shot["points"]) == 25 * 8 + 2
    assert min(shot["points"])[0] == -load.CLOSE_UP_S


@given(st.lists(st.floats(min_value=0.01, max_value=1e5), min_size=1, max_size=300))
def test_percentiles_are_values_that_were_measured_and_in_order(times: list[float]) -> None:
    found = load.latency(times)
    assert found["p50"] <= found["p99"] <= found["max"] == round(max(times), 1)  # type: ignore[operator]
    assert set(found.values()) <= {round(value, 1) for value in times}
    assert sum(round(value, 1) <= found["p50"] for value in times) >= len(times) / 2  # type: ignore[operator]
