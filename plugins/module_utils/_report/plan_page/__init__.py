# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.html: the whole plan on one page, for the people who approve it. Pure: the same plan and surveys give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..shell import escape, figure, figures, fold, page, plural, section, table
from . import boxes, changes, concerns, graph, racks, savings, script_estate, script_graph, script_grid, sizing, waves
from .cells import number
from .data import embed
from .facts import Facts, Row, standing
from .style import STYLE

GIB = 1024
BOXES = 60  # services that a picture of boxes can hold; beyond, each host is a cell
MOST_BLOCKING, MOST_HOSTS = 8, 8
SCRIPT = f"{script_grid.SCRIPT}\n{script_graph.SCRIPT}\n{script_estate.SCRIPT}"
LINKS = (
    ("hosts", "Before and after"), ("dependencies", "Dependencies"), ("waves", "Waves"), ("guests", "Sizes"), ("concerns", "Concerns"),
    ("savings", "Savings"),
)  # fmt: skip


def render(plan: Row, surveys: Sequence[Row], *, diff: Sequence[Row] | None = None) -> str:
    """The page. ``plan`` is the content of plan.yml, ``surveys`` those that it was made from, ``diff`` what changed since the former plan."""
    facts = Facts(plan, {str(survey["host"]): survey for survey in surveys})
    large = len(plan["services"]) > BOXES
    grids = [concerns.grid(facts), sizing.grid(facts), waves.grid(facts), waves.summary(facts), graph.grid(facts), graph.outside(facts)]
    body = "".join([
        f"<style>{STYLE}</style>",
        _hero(facts),
        changes.section_of(diff) if diff is not None else "",
        section("hosts", "Before and after", racks.picture(facts) if large else boxes.host_map(plan),
                "What runs where today, and where each service goes."),
        section("dependencies", "Who needs whom", graph.graph(facts) or "", "An arrow goes from who connects to who answers. "
                "The number on a box is the wave in which it moves; red arrows close a ring."),
        section("waves", "Waves", waves.waves(facts), "Which services move when, and how they could come back."),
        section("moves", "Moves", waves.grid(facts).html()),
        section("guests", "Sizes", sizing.grid(facts).html() + _settings(plan),
                "What was observed on the old host beside what the guest gets. Those whose size is furthest from what was observed come first."),
        section("concerns", "Concerns", concerns.grid(facts).html() + _idle(plan),
                "What could surprise people afterwards. Critical ones block until the plan carries the remedy or somebody waives them."),
        section("savings", "Savings", savings.savings(facts), "What the crossing saves, and when."),
        section("capacity", "Room on the nodes", savings.capacity(facts), str(plan["capacity"]["explanation"])),
        section("dropped", "Not moved", _dropped(plan), "Services that somebody decided to leave behind."),
    ])  # fmt: skip
    told = {
        "grids": {grid.name: grid.data() for grid in grids if grid.rows}, "graph": graph.data(facts), "estate": racks.data(facts) if large else None,
    }  # fmt: skip
    links = (("changes", "Changes"), *LINKS) if diff is not None else LINKS
    return page(f"plan of {plan['environment']}", body + embed("plan-data", told), script=SCRIPT, links=links)


def _hero(facts: Facts) -> str:
    plan = facts.plan
    rows, found = plan["concerns"], plan["savings"]
    blocking = [row for row in rows if standing(row) == "open" and row["severity"] == "critical"]
    told = (
        f"{plural(len(blocking), 'critical concern')} {'blocks' if len(blocking) == 1 else 'block'} this crossing"
        if blocking
        else "Nothing blocks this crossing"
    )
    busy = sum(1 for node in plan["capacity"]["nodes"] if node["guests"])
    lead = (
        f"{plural(len(plan['legacy']), 'legacy host')} with {plural(len(plan['services']), 'service')} become {plural(len(plan['guests']), 'guest')} "
        f"on {plural(busy, 'node')}, in {plural(len(plan['waves']), 'wave')}."
    )
    opened = sum(1 for row in rows if standing(row) == "open")
    cured = sum(1 for row in rows if standing(row) == "applied")
    spare = bool(plan["capacity"]["spare_node_proven"])
    memory = number(round(sum(guest["memory_mib"] for guest in plan["guests"]) / GIB, 1))
    cards = [
        figure("Power", _number(found["power_watts_after"]), _before(found["power_watts_before"], "W"), unit="W", tone="good"),
        figure("Rack", _number(found["rack_units_after"]), _before(found["rack_units_before"], "U"), unit="U", tone="good"),
        *_machines(found),
        figure("Guests", f"{found['guests']:,}", f"{memory} GiB of memory in all"),
        figure("Concerns", f"{opened:,}", f"open, {cured:,} more cured by the plan", tone="bad" if blocking else "warn" if opened else "good"),
        figure("Node to spare", "yes" if spare else "no", "any one node may die" if spare else "not asked for", tone="good" if spare else "warn"),
    ]
    return (
        f'<header class="hero {"bad" if blocking else "good"}"><p class="eyebrow">Plan of {escape(plan["environment"])}</p>'
        f'<h1>{escape(told)}</h1><p class="lead">{escape(lead)}</p>{_blocking(blocking)}</header>{figures(cards)}'
    )


def _blocking(rows: Sequence[Row]) -> str:
    """What blocks, each surprise once, with the hosts that have it."""
    by_title: dict[str, list[str]] = {}
    for row in rows:
        by_title.setdefault(str(row["title"]), []).append(str(row["host"]))
    ordered = sorted(by_title.items(), key=lambda item: -len(item[1]))
    lines = [
        f"<li><strong>{escape(title)}</strong>: {escape(', '.join(hosts[:MOST_HOSTS]))}"
        + (f" and {len(hosts) - MOST_HOSTS:,} more" if len(hosts) > MOST_HOSTS else "") + "</li>"
        for title, hosts in ordered[:MOST_BLOCKING]
    ]  # fmt: skip
    if len(ordered) > MOST_BLOCKING:
        lines.append(f'<li><a href="#concerns">and {len(ordered) - MOST_BLOCKING:,} more</a></li>')
    return f"<ul>{''.join(lines)}</ul>" if lines else ""


def _machines(found: Row) -> list[str]:
    """Machines and whether the target is met, where the plan says so; otherwise what is left of the old servers."""
    if found.get("machines_before") is None:
        return [figure("Old servers left", f"{found['hosts_after']:,}", _before(found["hosts_before"], ""))]
    cards = [figure("Machines", _number(found.get("machines_after")), _before(found["machines_before"], ""))]
    target, met = found.get("target"), found.get("target_met")
    if isinstance(target, (int, float)) and not isinstance(target, bool):
        words, tone = (None, "unknown") if met is None else ("met", "good") if met else ("not met", "bad")
        cards.append(figure(f"Target: {100 * (1 - target):.0f} % less", words, "why: see Savings" if found.get("shortfall") else "", tone=tone))
    return cards


def _number(value: int | float | None) -> str | None:
    return None if value is None else number(value)


def _before(value: int | float | None, unit: str) -> str:
    return "before: unknown" if value is None else f"before: {number(value)} {unit}".rstrip()


def _idle(plan: Row) -> str:
    rows = [row for row in plan.get("waivers") or () if not row.get("counts", True)]
    return concerns.idle_waivers(rows) if rows else ""


MOST_SETTINGS = 60


def _settings(plan: Row) -> str:
    """What guests carry over, as people read it; the exact files are guests/<guest>.yml."""
    carrying = [guest for guest in plan["guests"] if guest["settings"]]
    if not carrying:
        return ""
    if len(plan["guests"]) > MOST_SETTINGS:
        told = f"Settings are carried over to {plural(len(carrying), 'guest')}; which ones stands in guests/<guest>.yml."
        return f'<p class="small muted">{escape(told)}</p>'
    return '<h3>Settings that guests carry over</h3>' + "".join(
        fold(f'<span class="title">{escape(guest["name"])}</span><span class="push muted small">{plural(len(guest["settings"]), "setting")}</span>',
             f"<pre>{escape(_tree(guest['settings']))}</pre>") for guest in carrying)  # fmt: skip


def _tree(value: Any, depth: int = 0) -> str:
    pad = "  " * depth
    if isinstance(value, Mapping):
        return "\n".join(f"{pad}{name}:{_below(entry, depth)}" for name, entry in value.items())
    return "\n".join(f"{pad}- {_tree(entry, depth + 1).strip()}" for entry in value) if isinstance(value, list) else f"{pad}{value}"


def _below(entry: Any, depth: int) -> str:
    return "\n" + _tree(entry, depth + 1) if isinstance(entry, (Mapping, list)) and entry else f" {entry}"


def _dropped(plan: Row) -> str:
    if not plan["dropped"]:
        return '<p class="empty">Everything that was found moves.</p>'
    rows = [[escape(row["id"]), escape(str(row["reason"]).removeprefix("declared: ")), escape(row["by"])] for row in plan["dropped"]]
    return f'<div class="card">{table(("Service", "Reason", "Approved by"), rows)}</div>'
