# SPDX-License-Identifier: GPL-3.0-or-later
"""Who needs whom. A small estate is drawn service by service, a large one by kinds; ``script_graph`` draws the same and whatever else is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..chart import num, short
from ..shell import escape, fold, plural
from .cells import Column, Grid
from .facts import Facts, Row, family

MOST = 60  # services that are drawn one by one without being asked
BOX, GAP, PAD, TALL = (200.0, 46.0), (110.0, 18.0), 14.0, 12
HUB = 20  # a service with more neighbours than this ties everything together and says nothing about what belongs together
MOST_RINGS = 100
COLUMNS = (
    Column("from", "Needs", "strong"),
    Column("to", "Is needed", "strong"),
    Column("by", "By", filters=True),
    Column("frequency", "Seen in", none="unknown"),
    Column("evidence", "Evidence"),
)
OUTSIDE = (
    Column("service", "Service", "strong"),
    Column("direction", "Direction", filters=True),
    Column("peer", "Peer", "code"),
    Column("name", "Name", none="unknown"),
    Column("by", "By"),
    Column("kind", "Kind", filters=True),
    Column("evidence", "Evidence"),
)
WAYS = {"out": "leaves the estate", "in": "comes from outside"}


def grid(facts: Facts) -> Grid:
    rows = [{**row, "by": _by(row)} for row in facts.plan["dependencies"]]
    return Grid("dependencies", COLUMNS, rows, "Every arrow, with what it was seen by.", "dependency", empty="No dependency was seen.")


def outside(facts: Facts) -> Grid:
    rows = [{**row, "direction": WAYS.get(str(row["direction"]), row["direction"]), "by": _by(row)} for row in facts.external]
    return Grid("external", OUTSIDE, rows, "What the estate talks to beyond itself. Tell these partners before their peer changes its address.",
                "way out", empty="None was seen.")  # fmt: skip


def _by(row: Row) -> str:
    return f"{row['protocol'] or ''} {row['port'] or ''}".strip()


def graph(facts: Facts) -> str:
    if not facts.services:
        return ""
    boxes, edges = _small(facts) if len(facts.services) <= MOST else _by_kind(facts)
    about = f"{plural(len(facts.services), 'service')} and {plural(len(facts.plan['dependencies']), 'dependency')}"
    tables = _folded("Every arrow as a table, with its evidence", len(facts.plan["dependencies"]), grid(facts))
    beyond = _folded("Ways out of the estate", len(facts.external), outside(facts)) if facts.external else ""
    return f'<div class="card graph" id="graph"><div class="canvas">{_drawn(boxes, edges, about)}</div></div>{_rings(facts)}{tables}{beyond}'


def _folded(title: str, count: int, grid: Grid) -> str:
    return fold(f'<span class="title">{title}</span> <span class="push muted small">{count:,}</span>', grid.html())


def _rings(facts: Facts) -> str:
    rings = facts.rings
    if not rings:
        return ""
    items = "".join(
        f'<li><button type="button" class="link" data-ring="{place}">{escape(_way(ring))}</button></li>'
        for place, ring in enumerate(rings[:MOST_RINGS])
    )
    more = f"<li>and {len(rings) - MOST_RINGS} more</li>" if len(rings) > MOST_RINGS else ""
    told = "They need each other, so they move in one wave, or one of them is told to bear the other's absence."
    return f'<div class="card rings"><h3>{plural(len(rings), "ring")} of services</h3><p class="about small">{told}</p><ul>{items}{more}</ul></div>'


def _way(ring: Sequence[str]) -> str:
    return " → ".join([*ring[:8], *(["…"] if len(ring) > 8 else []), *ring[:1]])


@dataclass(frozen=True)
class _Node:
    title: str
    below: str
    family: str
    wave: str = ""


def _small(facts: Facts) -> tuple[dict[str, _Node], list[tuple[str, str, str, bool]]]:
    wave = facts.wave
    nodes = {name: _Node(name, str(row["name"]), family(str(row["kind"])), str(wave.get(name, ""))) for name, row in facts.services.items()}
    bound = _bound(facts.rings)
    edges = [(str(row["from"]), str(row["to"]), str(row["port"] or row["protocol"] or ""), bound(row))
             for row in facts.plan["dependencies"] if str(row["from"]) in nodes and str(row["to"]) in nodes]  # fmt: skip
    return nodes, edges


def _bound(rings: Sequence[Sequence[str]]) -> Callable[[Row], bool]:
    """Says of a dependency whether both of its ends are in one ring."""
    member: dict[str, set[int]] = {}
    for place, ring in enumerate(rings):
        for name in ring:
            member.setdefault(name, set()).add(place)
    return lambda row: row["from"] != row["to"] and not member.get(str(row["from"]), set()).isdisjoint(member.get(str(row["to"]), ()))


def _by_kind(facts: Facts) -> tuple[dict[str, _Node], list[tuple[str, str, str, bool]]]:
    tally: dict[str, int] = {}
    for row in facts.services.values():
        tally[str(row["kind"])] = tally.get(str(row["kind"]), 0) + 1
    arrows: dict[tuple[str, str], int] = {}
    for row in facts.plan["dependencies"]:
        one, two = facts.services.get(str(row["from"])), facts.services.get(str(row["to"]))
        if one and two and one["kind"] != two["kind"]:
            pair = (str(one["kind"]), str(two["kind"]))
            arrows[pair] = arrows.get(pair, 0) + 1
    nodes = {kind: _Node(kind, plural(count, "service"), family(kind)) for kind, count in sorted(tally.items())}
    return nodes, [(one, two, f"{count:,}", False) for (one, two), count in sorted(arrows.items())]


def layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """How far each is from those that need nobody, along the longest way. Arrows that close a ring are left out of the counting."""
    onward: dict[str, list[str]] = {name: [] for name in names}
    for one, two in edges:
        if one != two and two not in onward[one]:
            onward[one].append(two)
    depth: dict[str, int] = {}
    under: set[str] = set()
    for root in names:
        stack = [(root, 0)]
        while stack:
            name, place = stack.pop()
            if place == 0:
                if name in depth:
                    continue
                under.add(name)
            if place < len(onward[name]):
                stack.append((name, place + 1))
                after = onward[name][place]
                if after not in depth and after not in under:
                    stack.append((after, 0))
            else:
                under.discard(name)
                depth[name] = max((depth[after] + 1 for after in onward[name] if after in depth and after not in under), default=0)
    return depth


def _drawn(nodes: Mapping[str, _Node], edges: Sequence[tuple[str, str, str, bool]], label: str) -> str:
    depth = layers(list(nodes), [(one, two) for one, two, _label, _ring in edges])
    columns: list[list[str]] = []
    for level in range(max(depth.values(), default=0), -1, -1):
        names = [name for name in nodes if depth[name] == level]
        columns += [names[place : place + TALL] for place in range(0, len(names), TALL)]
    tallest = max(len(column) for column in columns)
    spots = {
        name: (PAD + place * (BOX[0] + GAP[0]), PAD + (tallest - len(column)) * (BOX[1] + GAP[1]) / 2 + row * (BOX[1] + GAP[1]))
        for place, column in enumerate(columns) for row, name in enumerate(column)
    }  # fmt: skip
    width = max(760.0, PAD * 2 + len(columns) * BOX[0] + (len(columns) - 1) * GAP[0])
    height = PAD * 2 + tallest * BOX[1] + (tallest - 1) * GAP[1]
    arrows = "".join(_arrow(spots[one], spots[two], nodes[one].family, told, ring) for one, two, told, ring in edges)
    boxes = "".join(_box(spots[name], node) for name, node in nodes.items())
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>'
    )
    return f'<svg viewBox="0 0 {num(width)} {num(height)}" role="img" aria-label="{escape(label)}">{tip}{arrows}{boxes}</svg>'


def _arrow(start: tuple[float, float], end: tuple[float, float], name: str, label: str, ring: bool) -> str:
    x1, y1, x2, y2 = start[0] + BOX[0], start[1] + BOX[1] / 2, end[0] - 2, end[1] + BOX[1] / 2
    bend = max(40.0, abs(x2 - x1) * 0.45)
    curve = f"M{num(x1)} {num(y1)}C{num(x1 + bend)} {num(y1)} {num(x2 - bend)} {num(y2)} {num(x2)} {num(y2)}"
    told = f'<text class="small halo" x="{num(x2 - 12)}" y="{num(y2 - 5)}" text-anchor="end">{escape(label)}</text>'
    return f'<path class="way {"ring" if ring else f"fam-{name}"}" d="{curve}" marker-end="url(#tip)"/>{told}'


def _box(spot: tuple[float, float], node: _Node) -> str:
    x, y = spot
    wave = ""
    if node.wave:
        wave = f'<circle cx="{num(x + BOX[0] - 17)}" cy="{num(y + 16)}" r="10" class="dot"/>'
        wave += f'<text x="{num(x + BOX[0] - 17)}" y="{num(y + 20)}" class="in" text-anchor="middle">{escape(node.wave)}</text>'
    return (
        f'<rect x="{num(x)}" y="{num(y)}" width="{num(BOX[0])}" height="{num(BOX[1])}" rx="9" class="box"/>'
        f'<rect x="{num(x)}" y="{num(y + 8)}" width="4" height="{num(BOX[1] - 16)}" rx="2" class="cell fam-{node.family}"/>'
        f'<text x="{num(x + 14)}" y="{num(y + 20)}" class="strong">{escape(short(node.title, 24))}</text>'
        f'<text x="{num(x + 14)}" y="{num(y + 36)}" class="small">{escape(short(node.below, 30))}</text>{wave}'
    )


def clusters(facts: Facts) -> dict[str, str]:
    """What belongs together: services that are tied by arrows, where ties to services that everybody uses do not count. By service: a name."""
    degree: dict[str, int] = dict.fromkeys(facts.services, 0)
    pairs = [(str(row["from"]), str(row["to"])) for row in facts.plan["dependencies"]]
    pairs = [pair for pair in pairs if pair[0] in degree and pair[1] in degree]
    for pair in pairs:
        for name in pair:
            degree[name] += 1
    head = {name: name for name in facts.services}

    def top(name: str) -> str:
        while head[name] != name:
            head[name] = head[head[name]]
            name = head[name]
        return name

    homes: dict[str, str] = {}
    for name, row in facts.services.items():
        first = homes.setdefault(str(row["host"]), name)
        if degree[name] <= HUB and degree[first] <= HUB:
            head[max(top(first), top(name))] = min(top(first), top(name))
    for one, two in pairs:
        if degree[one] <= HUB and degree[two] <= HUB:
            head[max(top(one), top(two))] = min(top(one), top(two))
    return {name: top(name) for name in facts.services}


def data(facts: Facts) -> dict[str, Any]:
    """Services, arrows and rings by number."""
    numbers = {name: place for place, name in enumerate(facts.services)}
    kinds = sorted({str(row["kind"]) for row in facts.services.values()})
    together = clusters(facts)
    groups = list(dict.fromkeys(together.values()))
    where = {name: place for place, name in enumerate(groups)}
    kind_at = {kind: place for place, kind in enumerate(kinds)}
    services = [[name, kind_at[str(row["kind"])], str(row["name"]), facts.wave.get(name), where[together[name]]]
                for name, row in facts.services.items()]  # fmt: skip
    bound = _bound(facts.rings)
    edges = [[numbers[str(row["from"])], numbers[str(row["to"])], str(row["port"] or row["protocol"] or ""), 1 if bound(row) else 0]
             for row in facts.plan["dependencies"] if str(row["from"]) in numbers and str(row["to"]) in numbers]  # fmt: skip
    beyond = [[numbers[str(row["service"])], 1 if row["direction"] == "out" else 0, str(row["kind"]), str(row["name"] or row["peer"]), _by(row)]
              for row in facts.external if str(row["service"]) in numbers]  # fmt: skip
    return {
        "kinds": kinds, "families": [family(kind) for kind in kinds], "services": services, "edges": edges,
        "external": beyond, "rings": [[numbers[name] for name in ring] for ring in facts.rings], "groups": groups, "most": MOST,
    }  # fmt: skip
