# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.html as text: the same bytes, nothing that a browser could take for markup, and nothing made up where the plan is silent."""

from __future__ import annotations

import copy
import html
import itertools
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._report.plan_page import cells, data, facts, graph, render, savings

from .plans import make

# What ends elements, attributes, strings, comments or lines in HTML, SVG, CSS, JSON and JavaScript.
CANARY = "</script><img src=x onerror=alert(1)>\"'`${1}\u2028\u2029]]>--><svg onload=alert(2)>\\\ud800&lt;\x00\x1b[31m"


@pytest.fixture(scope="module")
def small() -> dict[str, Any]:
    return make(10)


@pytest.fixture(scope="module")
def large() -> dict[str, Any]:
    return make(1000, concerns_per_host=10)


def embedded(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="plan-data">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def shape(page: str) -> list[tuple[str, tuple[str, ...]]]:
    """Elements with the names of their attributes, as a parser of HTML sees them."""
    found: list[tuple[str, tuple[str, ...]]] = []

    class Parser(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, tuple(name for name, _value in attrs)))

    Parser().feed(page)
    return found


def column(grid: dict[str, Any], key: str) -> list[Any]:
    """A column of the page's data as it was before each text was written once."""
    found = next(entry for entry in grid["columns"] if entry["key"] == key)
    return [None if value == -1 else found["texts"][value] for value in found["values"]] if "texts" in found else found["values"]


def poisoned(value: Any, sign: str = CANARY) -> Any:
    """Every text of a plan with ``sign`` behind it, but for those that programs compare."""
    if isinstance(value, dict):
        return {key: entry if key in {"severity", "schema", "start", "end", "direction", "confidence", "rollback"} else poisoned(entry, sign)
                for key, entry in value.items()}  # fmt: skip
    if isinstance(value, list):
        return [poisoned(entry, sign) for entry in value]
    return value + sign if isinstance(value, str) else value


def test_the_same_plan_gives_the_same_bytes(small: dict[str, Any], large: dict[str, Any]) -> None:
    assert render(small, []) == render(copy.deepcopy(small), [])
    assert render(large, []) == render(copy.deepcopy(large), [])


@pytest.mark.parametrize("hosts", [10, 80])
def test_no_text_of_a_plan_becomes_markup(hosts: int) -> None:
    clean, evil = render(poisoned(make(hosts), "=harmless"), []), render(poisoned(make(hosts)), [])
    assert "alert(1)" in evil
    for sign in ("<img", "<svg onload", "\u2028", "\u2029", "\x00", "\x1b", "\ud800"):
        assert sign not in evil, repr(sign)
    # Elements and their attributes are those of a page with harmless texts of the same order: no text ended one, or began one.
    assert shape(evil) == shape(clean)


def test_data_survives_whatever_it_holds() -> None:
    told = data.embed("x", {CANARY: [CANARY]})
    inner = told.removeprefix('<script type="application/json" id="x">').removesuffix("</script>")
    assert inner.isascii()
    assert not set(inner) & set("<>&")
    assert json.loads(inner) == {CANARY: [CANARY]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        data.embed("x", float("nan"))


def test_a_large_plan_is_one_small_file_with_every_row(large: dict[str, Any]) -> None:
    page = render(large, [])
    assert len(page.encode()) < 6_000_000
    told = embedded(page)
    grids = told["grids"]
    assert sorted(column(grids["concerns"], "host")) == sorted(row["host"] for row in large["concerns"])
    assert sorted(column(grids["moves"], "id")) == sorted(row["id"] for row in large["moves"])
    assert sorted(column(grids["sizing"], "guest")) == sorted(row["name"] for row in large["guests"])
    assert len(told["graph"]["edges"]) == len(large["dependencies"])
    assert page.count('data-host="') == len(large["legacy"])
    assert page.count('data-guest="') == len(large["guests"])
    assert "60 of 10,000 are printed here" in page


def test_a_small_plan_says_everything_without_a_script(small: dict[str, Any]) -> None:
    page = re.sub(r"<script.*?</script>", "", render(small, []), flags=re.DOTALL)
    told = html.unescape(page)
    for row in small["concerns"]:
        for key in ("id", "host", "title", "old", "new", "remedy"):
            assert row[key] in told
    for wave in small["waves"]:
        assert f">{wave['number']}<" in told
    for row in [*small["guests"], *small["capacity"]["nodes"]]:
        assert row["name"] in told
    for edge in small["dependencies"]:
        assert edge["evidence"] in told
    for edge in small["external"]:
        assert edge["peer"] in told


def test_what_an_older_plan_does_not_say_is_not_made_up(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    for key in ("external", "cycles"):
        del plan[key]
    for guest in plan["guests"]:
        del guest["sizing"], guest["os"]
    for move in plan["moves"]:
        for key in ("mover", "volume_mib", "duration_s", "rollback_until"):
            del move[key]
    plan["waves"] = [{"number": wave["number"], "moves": wave["moves"]} for wave in plan["waves"]]
    for key in ("machines_before", "machines_after", "target", "target_met", "shortfall"):
        del plan["savings"][key]
    page = render(plan, [])
    told = embedded(page)["grids"]
    assert set(column(told["sizing"], "confidence")) == {"none"}
    assert column(told["sizing"], "outlier") == [None] * 10
    assert all(value[:4] == [None] * 4 for value in column(told["sizing"], "cores"))
    assert set(column(told["moves"], "volume")) == {None}
    assert set(column(told["moves"], "until")) == {None}
    assert "No windows are planned" in page
    assert "Target" not in page
    assert "The target" not in page


def test_waves_stand_on_the_days_of_their_own_zone(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    plan["waves"][0]["window"] = {"start": "2027-03-31T23:30:00+02:00", "end": "2027-04-01T03:00:00+02:00"}
    plan["waves"] = plan["waves"][:1]
    frozen = {"start": "2027-03-20", "end": "2027-03-22", "reason": "Easter sale"}
    plan["calendar"] = {"staffed": {"Mon to Fri": "20:00 to 04:00"}, "frozen": [frozen]}
    page = render(plan, [])
    assert "March 2027" in page
    assert "April 2027" not in page
    assert re.search(r'<span class="day">31</span><a class="pill canary"', page)
    assert "Wed 2027-03-31 23:30 to 03:00" in page
    assert "Times are UTC+02:00." in page
    assert page.count('class="frozen" title="Easter sale"') == 3
    assert "Staffed hours: Mon to Fri 20:00 to 04:00." in page


def test_a_window_that_is_no_date_is_no_window(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    for wave in plan["waves"]:
        wave["window"] = {"start": "tomorrow", "end": None}
    assert "No windows are planned" in render(plan, [])


def test_savings_run_down_as_hosts_become_empty(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    found = facts.Facts(plan, {})
    running = savings.totals(found, "watts", plan["savings"]["power_watts_after"])
    assert running is not None
    assert running[0] == plan["savings"]["power_watts_before"]
    assert running[-1] == plan["savings"]["power_watts_after"]
    assert running[1:] == sorted(running[1:], reverse=True)
    first = next(iter(plan["legacy"]))
    plan["legacy"][first]["watts"] = None
    assert savings.totals(facts.Facts(plan, {}), "watts", 100) is None


def test_the_plans_own_running_total_is_taken(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    before = plan["savings"]["power_watts_before"]
    plan["savings"]["by_wave"] = [{"wave": 1, "off": [], "power_watts": 900, "rack_units": None, "machines": 3}]
    assert savings.totals(facts.Facts(plan, {}), "watts", 900) == [before, 900]
    assert savings.totals(facts.Facts(plan, {}), "rack_units", 1) is None
    assert "wave 1: 900 W" in render(plan, [])


def test_a_host_that_keeps_a_service_is_never_empty(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    host = plan["moves"][0]["from"]
    plan["services"].append({"id": f"mystery@{host}", "kind": "mystery", "host": host, "name": "?", "port": None})
    assert host not in facts.Facts(plan, {}).freed
    assert host in facts.Facts(small, {}).freed


def test_layers_bear_rings_and_long_chains() -> None:
    names = [f"s{n}" for n in range(3000)]
    chain = list(itertools.pairwise(names))
    assert graph.layers(names, chain)["s0"] == 2999
    assert graph.layers(["a", "b", "c"], [("a", "b"), ("b", "a"), ("b", "c")]) == {"a": 2, "b": 1, "c": 0}
    assert graph.layers(["a"], [("a", "a")]) == {"a": 0}


def test_what_everybody_uses_ties_nothing_together(small: dict[str, Any]) -> None:
    plan = make(200)
    together = graph.clusters(facts.Facts(plan, {}))
    assert set(together) == {row["id"] for row in plan["services"]}
    assert len(set(together.values())) > 5
    ring = plan["cycles"][0]
    assert together[ring[0]] == together[ring[1]]


def test_rings_are_told_and_marked(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    one, two = plan["dependencies"][0]["from"], plan["dependencies"][0]["to"]
    plan["dependencies"].append({"from": two, "to": one, "port": None, "protocol": "tcp", "evidence": "seen", "frequency": None})
    plan["cycles"] = [[one, two]]
    page = render(plan, [])
    assert "1 ring of services" in page
    assert page.count('class="way ring"') == 2
    assert sum(edge[3] for edge in embedded(page)["graph"]["edges"]) == 2
    assert "ring of services" not in render(small, [])


def test_outliers_come_first_and_a_peak_above_the_size_before_all(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    quiet = {"p50": 1.0, "p95": 2.0, "p99": 2.0, "max": 2.0}
    for guest in plan["guests"]:
        guest["cores"] = 2
        guest["sizing"]["observed"] = {"cpu_cores": quiet}
    plan["guests"][4]["sizing"]["observed"] = {"cpu_cores": {**quiet, "p95": 0.1}}
    plan["guests"][7]["sizing"]["observed"] = {"cpu_cores": {**quiet, "max": 2.5}}
    told = embedded(render(plan, []))["grids"]["sizing"]
    assert column(told, "guest")[:2] == [plan["guests"][7]["name"], plan["guests"][4]["name"]]
    assert column(told, "outlier")[:3] == [1.0, 20.0, 1.0]


def test_how_full_a_disk_is_counts_as_seen_once(small: dict[str, Any]) -> None:
    plan = copy.deepcopy(small)
    observed = {"cpu_cores": None, "memory_mib": None, "disk_mib": {"used": 3072, "growth_mib_per_day": None}}
    coverage = {"days": 0, "samples": 0, "month_end": False}
    plan["guests"][0]["sizing"] |= {"observed": observed, "confidence": "none", "source": "the moment of the survey", "coverage": coverage}
    told = embedded(render(plan, []))["grids"]["sizing"]
    row = column(told, "guest").index(plan["guests"][0]["name"])
    assert column(told, "disk")[row][:4] == [None, None, None, 3.0]
    assert column(told, "outlier")[row] is None
    assert column(told, "seen")[row] == "the moment of the survey"


@pytest.mark.parametrize("value", [None, True, float("nan"), float("inf"), "3"])
def test_what_is_no_number_is_not_drawn(value: object) -> None:
    assert cells.bullet({"p95": value}, 4) == [None, None, None, None, 4]
    assert cells.bullet({"p95": value}, value) is None


def test_changes_and_waivers_that_do_not_count_are_shown(small: dict[str, Any]) -> None:
    page = render(small, [], diff=[{"what": "guest web1", "from": "2 cores", "to": "4 cores", "why": "p95 rose <b>"}])
    assert "Changed since the last plan" in page
    assert "p95 rose &lt;b&gt;" in page
    assert "Nothing changed since the last plan" in render(small, [], diff=[])
    assert "Changed since" not in render(small, [])
    waiver = {"id": "sql-mode", "host": "db1", "approver": "dba", "expires": "2026-01-01", "why": "it ended"}
    assert "Waivers that do not count" not in render({**small, "waivers": [{**waiver, "counts": True}]}, [])
    idle = {**small, "waivers": [{**waiver, "counts": False}]}
    assert "Waivers that do not count" in render(idle, [])
