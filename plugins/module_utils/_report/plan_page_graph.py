# SPDX-License-Identifier: GPL-3.0-or-later
"""Two drawings of a plan as inline SVG: hosts before and after, and who needs whom. Positions are computed here, colours are the style's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .shell import escape

Row = Mapping[str, Any]
KIND_TONES = {"edge": "accent", "http": "info", "files": "unknown", "mariadb": "good", "redis": "bad", "cron": "warn"}
STYLE = (
    """
.drawing { padding: .5rem; } .drawing svg { min-width: 720px; width: 100%; height: auto; }
svg .box { fill: var(--surface); stroke: var(--line); } svg .frame { fill: var(--sunk); stroke: var(--line); }
svg .guestbox { fill: var(--surface); stroke: var(--accent); } svg .way { fill: none; stroke-width: 2; opacity: .75; }
svg .halo { paint-order: stroke; stroke: var(--surface); stroke-width: 4px; } svg .dot { fill: var(--accent); }
svg text.in { fill: var(--surface); font-weight: 700; } svg text.small { font-size: 11px; } svg text.big { font-size: 14px; }
.meter { display: inline-block; width: 9rem; height: .6rem; margin-right: .6rem; border-radius: 9px; background: var(--sunk); overflow: hidden; }
.meter i { display: block; height: 100%; background: var(--accent); min-width: 2px; }
.wave { display: inline-block; min-width: 1.7em; text-align: center; border-radius: 999px; font-weight: 700; font-size: .85rem;
  background: var(--accent); color: var(--surface); print-color-adjust: exact; }
.controls { display: flex; flex-wrap: wrap; gap: .5rem .9rem; align-items: center; margin: 0 0 .8rem; font-size: .875rem; color: var(--muted); }
.controls select, .controls input, .controls button { font: inherit; color: var(--ink); background: var(--surface); border: 1px solid var(--line);
  border-radius: 8px; padding: .3rem .55rem; } .controls button { cursor: pointer; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: .75rem; }
.sides > div { background: var(--sunk); border-radius: 8px; padding: .5rem .8rem; } .sides h4 { margin: 0; font-size: .8rem; color: var(--muted); }
.sides p { margin: .15rem 0 0; font-family: var(--mono); font-size: .84rem; overflow-wrap: anywhere; }
.remedy { margin: .7rem 0 .2rem; } #concern-list details + details { margin-top: .5rem; } [hidden] { display: none !important; }
details.card > summary .push { text-align: right; }
"""
    + "".join(
        f"svg .{kind} {{ stroke: var(--{tone}); }} svg .fill-{kind} {{ fill: var(--{tone}); stroke: none; }}\n" for kind, tone in KIND_TONES.items()
    )
).strip()

WIDTH = 1080
LINE = 19
PAD = 12
MIDDLE = {"left": 330.0, "right": 700.0}


def _text(x: float, y: float, content: object, style: str = "", anchor: str = "") -> str:
    extra = (f' class="{style}"' if style else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:g}" y="{y:g}"{extra}>{escape(content)}</text>'


def _rect(x: float, y: float, width: float, height: float, style: str, radius: int = 9) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}" class="{style}"/>'


def _curve(x1: float, y1: float, x2: float, y2: float, style: str, *, arrow: bool = False) -> str:
    bend = max(40.0, abs(x2 - x1) * 0.45)
    end = ' marker-end="url(#tip)"' if arrow else ""
    return f'<path class="{style}" d="M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"{end}/>'


def _svg(height: float, label: str, parts: Sequence[str], width: float = WIDTH) -> str:
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="var(--muted)"/></marker></defs>'
    )
    return (
        f'<div class="card drawing scroll" tabindex="0"><svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{tip}{''.join(parts)}</svg></div>"
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def host_map(plan: Row) -> str:
    """Legacy hosts on the left with their services, nodes on the right with their guests, and each move as a line between them."""
    nodes, ends, height = _nodes(plan)
    hosts, starts, left = _hosts(plan, ends)
    ways = [
        _curve(*starts[move["service"]], *ends[move["to"]], f"way {move['kind']}")
        for move in plan["moves"]
        if move["service"] in starts and move["to"] in ends
    ]
    legend = "".join(
        f'<li><i class="kind-{kind}" style="background:var(--{tone})"></i>{escape(kind)}</li>'
        for kind, tone in KIND_TONES.items()
        if any(move["kind"] == kind for move in plan["moves"])
    )
    heads = [_text(PAD, 20, "Before", "strong big"), _text(MIDDLE["right"], 20, "After", "strong big")]
    label = f"{len(plan['legacy'])} legacy hosts and the {len(plan['guests'])} guests that their services move to"
    return _svg(max(height, left) + PAD, label, [*heads, *ways, *hosts, *nodes]) + f'<ul class="legend">{legend}</ul>'


def _nodes(plan: Row) -> tuple[list[str], dict[str, tuple[float, float]], float]:
    guests = {guest["name"]: guest for guest in plan["guests"]}
    parts: list[str] = []
    ends: dict[str, tuple[float, float]] = {}
    y = 32.0
    x, width = MIDDLE["right"], WIDTH - MIDDLE["right"] - PAD
    for node in plan["capacity"]["nodes"]:
        tall = 34.0 + (52 * len(node["guests"]) or 4)
        parts.append(_rect(x, y, width, tall, "frame"))
        used = f"{node['planned_memory_mib'] / 1024:g} of {node['memory_mib'] / 1024:g} GiB planned"
        parts += [_text(x + PAD, y + 21, node["name"], "strong"), _text(x + width - PAD, y + 21, used, "small", "end")]
        for number, name in enumerate(node["guests"]):
            guest, top = guests[name], y + 30 + 52 * number
            parts.append(_rect(x + 8, top, width - 16, 46, "guestbox", 7))
            cores = f"{guest['cores']} core{'' if guest['cores'] == 1 else 's'}"
            size = f"{cores}, {guest['memory_mib']} MiB, {sum(disk['size_gib'] for disk in guest['disks'].values())} GiB disk"
            parts += [
                _text(x + 20, top + 19, name, "strong"), _text(x + width - 20, top + 19, guest["address"].split("/")[0], "small", "end"),
                _text(x + 20, top + 36, f"{guest['role']}: {size}", "small"),
            ]  # fmt: skip
            ends[name] = (x + 8, top + 23)
        y += tall + 10
    return parts, ends, y


def _hosts(plan: Row, ends: Mapping[str, tuple[float, float]]) -> tuple[list[str], dict[str, tuple[float, float]], float]:
    """Hosts in the order of what becomes of them, so that few lines cross."""
    goals = {move["service"]: ends[move["to"]][1] for move in plan["moves"] if move["to"] in ends}
    own = {host: [service for service in plan["services"] if service["host"] == host] for host in plan["legacy"]}
    gone = {host: [row["id"].split("@")[0] for row in plan["dropped"] if row["host"] == host] for host in plan["legacy"]}

    def rank(host: str) -> tuple[float, str]:
        aims = [goals[service["id"]] for service in own[host] if service["id"] in goals]
        return (sum(aims) / len(aims) if aims else 1e9, host)

    parts: list[str] = []
    starts: dict[str, tuple[float, float]] = {}
    y = 32.0
    width = MIDDLE["left"] - PAD
    for host in sorted(plan["legacy"], key=rank):
        facts = plan["legacy"][host]
        services = sorted(own[host], key=lambda service: (goals.get(service["id"], 0), service["id"]))
        tall = 48 + LINE * (len(services) + len(gone[host])) + 4
        parts.append(_rect(PAD, y, width, tall, "box"))
        power = f"{_known(facts['watts'])} W, {_known(facts['rack_units'])} U"
        parts += [
            _text(PAD * 2, y + 21, host, "strong"), _text(PAD + width - PAD, y + 21, power, "small strong", "end"),
            _text(PAD * 2, y + 38, f"{facts['os']}, {facts['address']}", "small"),
        ]  # fmt: skip
        for number, service in enumerate(services):
            line = y + 38 + LINE * (number + 1)
            parts.append(f'<circle cx="{PAD * 2 + 4}" cy="{line - 4:g}" r="4" class="fill-{service["kind"]}"/>')
            parts.append(_text(PAD * 2 + 16, line, _short(service["name"], 44)))
            starts[service["id"]] = (PAD + width, line - 4)
        parts += [
            _text(PAD * 2 + 16, y + 38 + LINE * (len(services) + number + 1), f"{name} (not moved)", "small")
            for number, name in enumerate(gone[host])
        ]
        y += tall + 12
    return parts, starts, y


def _known(value: object) -> str:
    return "?" if value is None else str(value)


@dataclass(frozen=True)
class _Spot:
    x: float
    y: float


BOX = (210.0, 52.0)
GAP = (150.0, 26.0)


def dependency_graph(plan: Row) -> str:
    """Services in columns: who is needed stands to the right of who needs it."""
    if not plan["services"]:
        return ""
    wave = {move["service"]: move["wave"] for move in plan["moves"]}
    columns = _columns(plan)
    spots = _spots(columns)
    height = max(spot.y for spot in spots.values()) + BOX[1] + PAD
    width = max(spot.x for spot in spots.values()) + BOX[0] + PAD
    kinds = {service["id"]: service["kind"] for service in plan["services"]}
    parts = _arrows(plan["dependencies"], spots, kinds)
    for service in plan["services"]:
        spot = spots[service["id"]]
        parts += [
            _rect(spot.x, spot.y, *BOX, f"box {service['kind']}"),
            _text(spot.x + 14, spot.y + 22, service["id"], "strong"), _text(spot.x + 14, spot.y + 40, _short(service["name"], 30), "small"),
        ]  # fmt: skip
        if service["id"] in wave:
            parts.append(f'<circle cx="{spot.x + BOX[0] - 18:g}" cy="{spot.y + 18:g}" r="10" class="dot"/>')
            parts.append(_text(spot.x + BOX[0] - 18, spot.y + 22, wave[service["id"]], "in", "middle"))
    return _svg(height, f"{len(plan['services'])} services and {len(plan['dependencies'])} dependencies", parts, max(width, 760))


def _columns(plan: Row) -> list[list[str]]:
    """Services by their longest way to one that needs nobody, which stands rightmost. A ring ends the counting, not the program."""
    names = [service["id"] for service in plan["services"]]
    height = dict.fromkeys(names, 0)
    for _ in names:
        for edge in plan["dependencies"]:
            if height[edge["from"]] <= height[edge["to"]] < len(names):
                height[edge["from"]] = height[edge["to"]] + 1
    wave = {move["service"]: move["wave"] for move in plan["moves"]}
    levels = sorted(set(height.values()), reverse=True)
    return [sorted((name for name in names if height[name] == level), key=lambda name: (wave.get(name, 0), name)) for level in levels]


def _spots(columns: Sequence[Sequence[str]]) -> dict[str, _Spot]:
    tallest = max(len(column) for column in columns)
    found = {}
    for number, column in enumerate(columns):
        above = (tallest - len(column)) * (BOX[1] + GAP[1]) / 2
        for place, name in enumerate(column):
            found[name] = _Spot(PAD + number * (BOX[0] + GAP[0]), PAD + above + place * (BOX[1] + GAP[1]))
    return found


def _arrows(edges: Sequence[Row], spots: Mapping[str, _Spot], kinds: Mapping[str, str]) -> list[str]:
    """Arrows leave and arrive spread over the sides of the boxes, in the order of their other ends."""
    leaving = {name: sorted((edge["to"] for edge in edges if edge["from"] == name), key=lambda other: spots[other].y) for name in spots}
    arriving = {name: sorted((edge["from"] for edge in edges if edge["to"] == name), key=lambda other: spots[other].y) for name in spots}
    parts = []
    for edge in edges:
        source, target = spots[edge["from"]], spots[edge["to"]]
        start = source.y + BOX[1] * (leaving[edge["from"]].index(edge["to"]) + 1) / (len(leaving[edge["from"]]) + 1)
        end = target.y + BOX[1] * (arriving[edge["to"]].index(edge["from"]) + 1) / (len(arriving[edge["to"]]) + 1)
        parts.append(_curve(source.x + BOX[0], start, target.x - 2, end, f"way {kinds[edge['from']]}", arrow=True))
        label = str(edge["port"]) if edge["port"] else str(edge["protocol"])
        parts.append(_text(target.x - 14, end - 5, label, "small halo", "end"))
    return parts
