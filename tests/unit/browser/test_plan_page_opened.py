# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.html in Chromium: it opens without an error or a request, and sorting, filters, search, zoom, keyboard, paper and dark mode do what they say.

They assert what is there and how much of it, never how long it took; tests/bench measures that.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._report.plan_page import render
from playwright.sync_api import expect

from tests import browser as browsers
from tests.unit.report.plans import make
from tests.unit.report.test_plan_page import poisoned

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(browsers.executable() is None, reason="no Chromium: install the package chromium, or name one in LOTSE_BROWSER"),
]
LARGE = 1000
expect.set_options(timeout=30_000)  # machines that are busy with other tests
Open = Callable[..., browsers.Watched]


@pytest.fixture(scope="module")
def plans() -> dict[str, dict[str, Any]]:
    large = make(LARGE, concerns_per_host=10)
    return {"small": make(10), "large": large, "evil": poisoned(make(10)), "evil-large": poisoned(make(80))}


@pytest.fixture(scope="module")
def files(plans: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    for name, plan in plans.items():
        (folder / f"{name}.html").write_text(render(plan, []), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in plans}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsers.chromium() as found:
        yield found


@pytest.fixture
def opened(chromium: Any, files: dict[str, Path]) -> Iterator[Open]:
    """Opens a page by its plan's name. At the end none may have had an error or asked the network for anything."""
    pages: list[browsers.Watched] = []

    def open_it(name: str, **options: Any) -> browsers.Watched:
        pages.append(browsers.Watched(chromium, files[name], **options))
        return pages[-1]

    yield open_it
    for page in pages:
        page.close()
        assert page.errors == []
        assert page.requests == []


@pytest.mark.parametrize("name", ["small", "large", "evil", "evil-large"])
def test_it_opens_without_an_error_or_a_request(opened: Open, plans: dict[str, dict[str, Any]], files: dict[str, Path], name: str) -> None:
    page = opened(name).page
    for row in ("concerns", "sizing", "moves", "waves", "dependencies"):
        assert page.locator(f"#grid-{row} .controls").count() == 1
    assert int(page.locator("#graph svg.stage").get_attribute("data-nodes")) > 0
    # Whatever the texts are, they are texts: nothing of them became an element.
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if name == "large":
        assert files[name].stat().st_size < 15_000_000
        assert page.evaluate("document.querySelectorAll('*').length") < 15_000
        assert page.locator("#estate-before .cell").count() == LARGE
        assert page.locator("#estate-after .cell").count() == len(plans["large"]["guests"])


def column(page: Any, grid: str, number: int) -> list[str]:
    return [str(text).strip() for text in page.locator(f"#grid-{grid} tbody tr:not(.detail) td:nth-child({number})").all_text_contents()]


def test_ten_thousand_concerns_sort_filter_search_and_turn_pages(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page, rows = opened("large").page, plans["large"]["concerns"]
    grid = page.locator("#grid-concerns")
    status = grid.locator("[role=status]")
    assert status.text_content() == "10,000 concerns"
    assert grid.locator("tbody").count() == 25
    assert set(column(page, "concerns", 2)) == {"critical"}
    assert set(column(page, "concerns", 3)) == {"open"}

    head = grid.locator("th", has_text="Host")
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, "concerns", 4)[0] == "app1"
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, "concerns", 4)[0] == max((row["host"] for row in rows if row["host"].startswith("web")), key=lambda host: int(host[3:]))

    severity = grid.locator("label", has_text="Severity").locator("select")
    severity.select_option(label=next(text for text in severity.locator("option").all_inner_texts() if text.startswith("warning")))
    warnings = [row for row in rows if row["severity"] == "warning"]
    assert status.text_content() == f"{len(warnings):,} of 10,000 concerns"
    assert set(column(page, "concerns", 2)) == {"warning"}

    grid.locator("input[type=search]").fill("nginx.conf 1.3 web12")
    expected = [row for row in warnings if "nginx.conf" in row["old"] and any("web12" in row[key] for key in ("host", "service"))]
    expect(status).to_have_text(f"{len(expected)} of 10,000 concerns")
    grid.locator("input[type=search]").fill("no such word")
    expect(grid.locator(".note")).to_have_text("Nothing fits.")
    assert grid.locator("tbody").count() == 0

    grid.locator("input[type=search]").fill("")
    expect(grid.locator("tbody")).to_have_count(25)
    first = column(page, "concerns", 4)
    grid.locator(".pager button", has_text="Next").click()
    assert column(page, "concerns", 4) != first
    assert "26 to 50" in grid.locator(".pager").text_content()
    grid.locator(".pager button", has_text="Last").click()
    assert grid.locator(".pager button", has_text="Next").is_disabled()


def test_a_concern_opens_to_both_sides_by_keyboard(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page = opened("small").page
    more = page.locator("#grid-concerns button.more").first
    detail = page.locator("#grid-concerns tr.detail").first
    assert detail.is_hidden()
    more.focus()
    page.keyboard.press("Enter")
    assert more.get_attribute("aria-expanded") == "true"
    text = detail.inner_text()
    assert any(row["old"] in text and row["new"] in text and row["remedy"] in text for row in plans["small"]["concerns"])
    page.keyboard.press("Enter")
    assert detail.is_hidden()


def test_sizes_sort_by_how_far_they_are_from_what_was_seen(opened: Open) -> None:
    page = opened("large").page
    head = page.locator("#grid-sizing th", has_text="Times apart")
    head.locator("button").click()
    apart = [float(text) for text in column(page, "sizing", 7)]
    assert apart == sorted(apart, reverse=True)
    head.locator("button").click()
    assert column(page, "sizing", 7)[0] == "not measured"
    page.locator("#grid-sizing th", has_text="Cores").locator("button").click()
    label = page.locator("#grid-sizing svg[role=img]").first.get_attribute("aria-label")
    assert re.fullmatch(r"p50 [\d.]+, p95 [\d.]+, p99 [\d.]+, max [\d.]+; chosen [\d.]+ (cores|GiB)", label)


def test_a_wave_in_the_calendar_shows_its_moves(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page = opened("large").page
    wave = plans["large"]["waves"][2]
    pill = page.locator(".pill", has=page.locator("b", has_text=re.compile(f"^{wave['number']}$")))
    pill.click()
    assert set(column(page, "moves", 2)) == {str(wave["number"])}
    assert page.locator("#grid-moves [role=status]").text_content().startswith(f"{len(wave['moves'])} of ")


def stage(page: Any) -> Any:
    return page.locator("#graph svg.stage")


def nodes(page: Any) -> int:
    return int(stage(page).get_attribute("data-nodes"))


def test_the_graph_opens_from_kinds_to_services_and_goes_back(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page, plan = opened("large").page, plans["large"]
    stage(page).scroll_into_view_if_needed()
    kinds = sorted({row["kind"] for row in plan["services"]})
    assert nodes(page) == len(kinds)
    edge = page.locator("#graph .node", has_text=re.compile("^edge"))
    edge.focus()
    assert "services" in page.locator("#graph .told").text_content()
    page.keyboard.press("Enter")
    assert nodes(page) == len(kinds) - 1 + sum(1 for row in plan["services"] if row["kind"] == "edge")
    page.keyboard.press("Escape")
    assert nodes(page) == len(kinds)

    # One service and what is around it, found by its host's name.
    service = "mariadb@db7"
    page.locator("#graph input[type=search]").fill("db7")
    around = {edge["from"] for edge in plan["dependencies"] if edge["to"] == service} | {
        edge["to"] for edge in plan["dependencies"] if edge["from"] == service
    }
    expect(stage(page)).to_have_attribute("data-nodes", str(len(around) + 1))
    titles = set(page.locator("#graph .node").evaluate_all("(nodes) => nodes.map((node) => node.getAttribute('aria-label').split(',')[0])"))
    assert titles == around | {service}

    page.locator("#graph button", has_text="Back").click()
    page.locator("#graph label", has_text="Group by").locator("select").select_option("wave")
    assert nodes(page) == len(plan["waves"])
    page.locator("#graph label", has_text="Group by").locator("select").select_option("kind")
    page.locator("#graph label", has_text=re.compile("^Kind")).locator("select").select_option(label="edge")
    assert nodes(page) == sum(1 for row in plan["services"] if row["kind"] == "edge")


def test_rings_and_ways_out_are_shown_apart(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page, plan = opened("large").page, plans["large"]
    before = nodes(page)
    page.locator("#graph label", has_text="ways out").locator("input").check()
    assert page.locator("#graph .node.beyond").count() == len({(row["direction"], row["name"] or row["peer"]) for row in plan["external"]})
    assert nodes(page) == before + page.locator("#graph .node.beyond").count()
    page.locator("#graph label", has_text="ways out").locator("input").uncheck()
    page.locator("[data-ring]").first.click()
    assert nodes(page) == len(plan["cycles"][0])
    assert page.locator("#graph path.ring").count() == 2


def test_the_graph_pans_and_zooms_by_keyboard_and_pointer(opened: Open) -> None:
    page = opened("small").page
    stage(page).scroll_into_view_if_needed()
    expect(stage(page)).to_have_attribute("data-scale", re.compile(r"[\d.]+"))

    def scale() -> float:
        return float(stage(page).get_attribute("data-scale"))

    def place() -> str:
        return str(page.locator("#graph svg.stage > g").get_attribute("transform"))

    stage(page).focus()
    begun, where = scale(), place()
    page.keyboard.press("+")
    assert scale() > begun
    page.keyboard.press("-")
    page.keyboard.press("-")
    assert scale() < begun
    page.keyboard.press("0")
    assert (scale(), place()) == (begun, where)
    page.keyboard.press("ArrowRight")
    assert place() != where
    page.keyboard.press("ArrowLeft")
    assert place() == where
    box = stage(page).bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 60, steps=4)
    page.mouse.up()
    assert place() != where
    page.mouse.wheel(0, -300)
    expect(stage(page)).not_to_have_attribute("data-scale", f"{begun:.4f}")
    assert scale() > begun
    # Tab goes from node to node, in the order of the picture.
    stage(page).focus()
    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.dataset.key")
    page.keyboard.press("Tab")
    assert first
    assert page.evaluate("document.activeElement.dataset.key") not in {first, None}


def test_the_racks_are_searched_walked_and_run_through_the_waves(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page, plan = opened("large").page, plans["large"]
    page.locator("#estate input[type=search]").fill("db77")
    found = [name for name in plan["legacy"] if "db77" in name]
    expect(page.locator("#estate-before .hit")).to_have_count(len(found))
    assert page.locator("#estate-after .hit").count() == len([row for row in plan["guests"] if "db77" in row["name"]])
    page.locator("#estate input[type=search]").fill("")
    expect(page.locator("#estate .hit")).to_have_count(0)

    page.locator("#estate-before").focus()
    page.keyboard.press("ArrowRight")
    card = page.locator(".hover")
    one = card.inner_text()
    page.keyboard.press("ArrowRight")
    assert card.is_visible()
    assert card.inner_text() != one
    assert page.locator("#estate-after .lit").count() == 1
    page.keyboard.press("Escape")
    assert card.is_hidden()

    slider = page.locator("#estate-wave")
    slider.fill("0")
    assert page.locator("#estate-before .off").count() == 0
    assert page.locator("#estate-after .off").count() == len(plan["guests"])
    slider.fill(str(plan["waves"][-1]["number"]))
    assert page.locator("#estate-before .off").count() == LARGE
    assert page.locator("#estate-after .off").count() == 0
    assert "0 old servers left" in page.locator("#estate output").text_content()


def luminance(colour: str) -> float:
    parts = [float(part) / 255 for part in re.findall(r"[\d.]+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# Every text that is shown, with its colour and the first ground that is not transparent.
COLOURS = """() => {
  const found = new Map();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || node.closest('script, style, option, title, [hidden], svg, :disabled')) continue;
    let ground = node;
    while (ground && /^rgba\\(.*, 0\\)$/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
    const pair = getComputedStyle(node).color + '|' + (ground ? getComputedStyle(ground).backgroundColor : 'rgb(255,255,255)');
    if (!found.has(pair)) found.set(pair, node.className + ' ' + walk.currentNode.textContent.trim().slice(0, 40));
  }
  return [...found];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["small", "large"])
def test_every_text_has_the_contrast_that_people_need(opened: Open, name: str, scheme: str) -> None:
    page = opened(name, color_scheme=scheme).page
    pairs = page.evaluate(COLOURS)
    assert len(pairs) > 8
    weak = []
    for pair, where in pairs:
        ink, ground = pair.split("|")
        if not ground.startswith("rgb"):
            continue  # a mixture of two colours that are both in the list
        light, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
        if (light + 0.05) / (dark + 0.05) < 4.5:
            weak.append((round((light + 0.05) / (dark + 0.05), 2), pair, where))
    assert weak == []


@pytest.mark.parametrize("name", ["small", "large"])
def test_on_a_phone_nothing_is_wider_than_the_screen(opened: Open, name: str) -> None:
    page = opened(name, viewport=browsers.PHONE, has_touch=True, is_mobile=True).page
    assert page.evaluate("document.documentElement.scrollWidth") <= browsers.PHONE["width"]
    assert page.locator("#grid-concerns td").first.is_visible()


def test_paper_has_every_section_and_says_where_the_rest_is(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    watched = opened("large")
    page = watched.page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for identity in ("hosts", "dependencies", "waves", "moves", "guests", "concerns", "savings", "capacity", "dropped"):
        assert page.locator(f"#{identity} h2").is_visible(), identity
    assert page.locator("#grid-concerns tbody").count() == 400
    assert "400 of 10,000 are printed here" in page.locator("#grid-concerns .note").text_content()
    assert page.evaluate("[...document.querySelectorAll('#grid-concerns tr.detail')].every((row) => getComputedStyle(row).display === 'table-row')")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(".controls:visible").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#grid-concerns tbody").count() == 25


def test_a_small_plan_becomes_a_pdf(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page = opened("small").page
    printed = page.pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 40


def test_without_scripts_the_essentials_are_there(opened: Open, plans: dict[str, dict[str, Any]]) -> None:
    page = opened("small", java_script_enabled=False).page
    text = page.locator("main").text_content()
    for row in plans["small"]["concerns"]:
        assert row["title"] in text
        assert row["old"] in text
    assert page.locator("#graph svg .box").count() == len(plans["small"]["services"])
    assert page.locator("[data-grid] tbody").count() > 30


def test_what_an_older_plan_lacks_is_no_error(chromium: Any, plans: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    plan = copy.deepcopy(plans["small"])
    for key in ("external", "cycles"):
        del plan[key]
    plan["concerns"], plan["dependencies"] = [], []
    for wave in plan["waves"]:
        wave["window"] = None
    for guest in plan["guests"]:
        del guest["sizing"]
    (tmp_path / "old.html").write_text(render(plan, []), encoding="utf-8")
    watched = browsers.Watched(chromium, tmp_path / "old.html")
    assert "None was found." in watched.page.locator("#concerns").text_content()
    assert watched.page.locator("#waves .sequence .pill").count() == len(plan["waves"])
    assert json.loads(watched.page.locator("#plan-data").text_content())["grids"].keys() == {"sizing", "moves", "waves"}
    watched.close()
    assert watched.errors == []
