# SPDX-License-Identifier: GPL-3.0-or-later
"""A small estate before and after: a box for each host with its services, and for each node with its guests. Colours are the style's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..shell import escape
from .facts import FAMILIES, family

Row = Mapping[str, Any]
WIDTH = 1080
LINE = 19
PAD = 12
MIDDLE = {"left": 330.0, "right": 700.0}


def _text(x: float, y: float, content: object, style: str = "", anchor: str = "") -> str:
    extra = (f' class="{style}"' if style else "") + (f' text-anchor="{anchor}"' if anchor else "")
    return f'<text x="{x:g}" y="{y:g}"{extra}>{escape(content)}</text>'


def _rect(x: float, y: float, width: float, height: float, style: str, radius: int = 9) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}" class="{style}"/>'


def _curve(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    bend = max(40.0, abs(x2 - x1) * 0.45)
    return f'<path class="{style}" d="M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2:g} {y2:g}"/>'


def _svg(height: float, label: str, parts: Sequence[str], width: float = WIDTH) -> str:
    return (
        f'<div class="card drawing scroll" tabindex="0"><svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg></div>"
    )


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def host_map(plan: Row) -> str:
    """Legacy hosts on the left with their services, nodes on the right with their guests, and each move as a line between them."""
    nodes, ends, height = _nodes(plan)
    hosts, starts, left = _hosts(plan, ends)
    ways = [
        _curve(*starts[move["service"]], *ends[move["to"]], f"way fam-{family(move['kind'])}")
        for move in plan["moves"]
        if move["service"] in starts and move["to"] in ends
    ]
    used = {family(move["kind"]) for move in plan["moves"]}
    legend = "".join(f'<li><i class="fam-{name}"></i>{name}</li>' for name in (*FAMILIES, "other") if name in used)
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
                _text(x + 20, top + 19, _short(str(name), 26), "strong"),
                _text(x + width - 20, top + 19, str(guest["address"]).split("/")[0], "small", "end"),
                _text(x + 20, top + 36, _short(f"{guest['role']}: {size}", 52), "small"),
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
        about = ", ".join(str(fact) for fact in (facts["os"], facts["address"], facts.get("rack") and f"rack {facts['rack']}") if fact)
        power = f"{_known(facts['watts'])} W, {_known(facts['rack_units'])} U"
        parts += [
            _text(PAD * 2, y + 21, _short(str(host), 32), "strong"), _text(PAD + width - PAD, y + 21, power, "small strong", "end"),
            _text(PAD * 2, y + 38, _short(about, 50), "small"),
        ]  # fmt: skip
        for number, service in enumerate(services):
            line = y + 38 + LINE * (number + 1)
            parts.append(f'<circle cx="{PAD * 2 + 4}" cy="{line - 4:g}" r="4" class="fam-{family(service["kind"])}"/>')
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
