# SPDX-License-Identifier: GPL-3.0-or-later
"""Before and after on one picture: legacy hosts with their services, the guests that take them, the nodes that carry the guests. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .chart import num, rect, short, svg, text
from .shell import badge, escape, table

Row = Mapping[str, Any]

WIDTH = 1130.0
HOST_X, GUEST_X, NODE_X = 4.0, 470.0, 856.0
HOST_W, GUEST_W, NODE_W = 300.0, 230.0, 270.0
HEAD, LINE, GAP = 42.0, 20.0, 12.0
MOST_SERVICES = 60  # beyond this a picture is a tangle; a table says it better


@dataclass(frozen=True)
class Box:
    """A titled box with lines in it; ``anchors`` are the heights of its lines by key."""

    picture: str
    y: float
    height: float
    anchors: Mapping[str, float]


def estate_map(plan: Row, states: Mapping[str, str] | None = None, retired: Collection[str] = ()) -> str:
    """The picture, or a table where there are too many services. ``states`` are the moves' states by id; without them all is planned."""
    moves = [{**move, "state": (states or {}).get(str(move["id"]), "planned")} for move in plan["moves"]]
    if len(plan["services"]) > MOST_SERVICES:
        return _as_table(plan, moves)
    hosts = _hosts(plan, moves, retired)
    guests = _guests(plan)
    nodes = _nodes(plan)
    height = max((box.y + box.height for column in (hosts, guests, nodes) for box in column.values()), default=40) + 6
    links = [_move_link(move, hosts, guests) for move in moves]
    links += [_node_link(guest, guests, nodes) for guest in plan["guests"]]
    boxes = "".join(box.picture for column in (hosts, guests, nodes) for box in column.values())
    heads = "".join(text(x, 14, words, css="strong") for x, words in ((HOST_X, "Old servers"), (GUEST_X, "Guests"), (NODE_X, "Cluster nodes")))
    label = f"{len(hosts)} old servers, {len(guests)} guests, {len(nodes)} nodes"
    return svg(height, heads + "".join(links) + boxes, label)


def _hosts(plan: Row, moves: Sequence[Row], retired: Collection[str]) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    y = 24.0
    for name, host in _ordered(plan, moves):
        services = [service for service in plan["services"] if service["host"] == name]
        states = {move["service"]: str(move["state"]) for move in moves}
        lines = [(str(service["id"]), f"{service['kind']}  {service['name']}", states.get(service["id"], "stays")) for service in services]
        facts = [str(host.get("os") or ""), "switched off" if name in retired else _watts(host)]
        boxes[name] = _box(HOST_X, y, HOST_W, str(name), " · ".join(fact for fact in facts if fact), lines, off=name in retired)
        y += boxes[name].height + GAP
    return boxes


def _ordered(plan: Row, moves: Sequence[Row]) -> list[tuple[str, Row]]:
    """Hosts beside the guests that they go to, so that few lines cross."""
    places = {str(guest["name"]): number for number, guest in enumerate(plan["guests"])}
    targets = {str(name): [places.get(str(move["to"]), 0) for move in moves if move["from"] == name] for name in plan["legacy"]}
    middle = {name: sum(found) / len(found) if found else len(places) for name, found in targets.items()}
    return sorted(plan["legacy"].items(), key=lambda item: (middle[str(item[0])], str(item[0])))


def _watts(host: Row) -> str:
    parts = [f"{host['watts']} W" if host.get("watts") is not None else "", f"{host['rack_units']} U" if host.get("rack_units") is not None else ""]
    return ", ".join(part for part in parts if part)


def _guests(plan: Row) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    y = 24.0
    for guest in plan["guests"]:
        name = str(guest["name"])
        size = f"{guest['cores']} cores, {guest['memory_mib'] / 1024:g} GiB" if guest["cores"] != 1 else f"1 core, {guest['memory_mib'] / 1024:g} GiB"
        boxes[name] = _box(GUEST_X, y, GUEST_W, name, f"{str(guest['address']).split('/')[0]} · {size}", ())
        y += boxes[name].height + GAP
    return boxes


def _nodes(plan: Row) -> dict[str, Box]:
    boxes: dict[str, Box] = {}
    y = 24.0
    for node in plan["capacity"]["nodes"]:
        guests = [str(guest) for guest in node["guests"]]
        used, all_of_it = node["planned_memory_mib"] / 1024, node["memory_mib"] / 1024
        lines = [(guest, guest, "") for guest in guests]
        name = str(node["name"])
        boxes[name] = _box(NODE_X, y, NODE_W, name, f"{used:.3g} of {all_of_it:.4g} GiB planned" if guests else "to spare", lines)
        y += boxes[name].height + GAP
    return boxes


def _box(x: float, y: float, width: float, title: str, below: str, lines: Sequence[tuple[str, str, str]], *, off: bool = False) -> Box:
    height = HEAD + LINE * len(lines) + (6 if lines else 0)
    pieces = [rect(x, y, width, height, css="box off" if off else "box", radius=8), text(x + 12, y + 18, short(title, 30), css="strong")]
    pieces.append(text(x + 12, y + 34, short(below, int(width / 6.6))))
    anchors: dict[str, float] = {"": y + HEAD / 2}
    for number, (key, words, state) in enumerate(lines):
        anchors[key] = y + HEAD + LINE * number + LINE / 2 - 2
        told = state.replace("_", " ") if state not in {"", "planned"} else ""
        room = int(width / 6.6) - len(told) - 4
        pieces.append(text(x + 20, anchors[key] + 4, short(words, room)))
        pieces.append(text(x + width - 10, anchors[key] + 4, told, anchor="end") if told else "")
    return Box("".join(pieces), y, height, anchors)


def _move_link(move: Row, hosts: Mapping[str, Box], guests: Mapping[str, Box]) -> str:
    host, guest = hosts.get(str(move["from"])), guests.get(str(move["to"]))
    if host is None or guest is None:
        return ""
    start = host.anchors.get(str(move["service"]), host.anchors[""])
    title = f"{move['id']}: {move['from']} to {move['to']}, {str(move['state']).replace('_', ' ')}"
    return _link(HOST_X + HOST_W, start, GUEST_X, guest.anchors[""], str(move["state"]), title)


def _node_link(guest: Row, guests: Mapping[str, Box], nodes: Mapping[str, Box]) -> str:
    box, node = guests[str(guest["name"])], nodes.get(str(guest["node"]))
    if node is None:
        return ""
    end = node.anchors.get(str(guest["name"]), node.anchors[""])
    return _link(GUEST_X + GUEST_W, box.anchors[""], NODE_X, end, "", f"{guest['name']} on {guest['node']}")


def _link(x1: float, y1: float, x2: float, y2: float, css: str, title: str) -> str:
    bend = (x2 - x1) / 2
    curve = f"M{num(x1)} {num(y1)}C{num(x1 + bend)} {num(y1)} {num(x2 - bend)} {num(y2)} {num(x2)} {num(y2)}"
    return f'<path d="{curve}" class="link {escape(css)}"><title>{escape(title)}</title></path>'


def _as_table(plan: Row, moves: Sequence[Row]) -> str:
    nodes = {str(guest["name"]): str(guest["node"]) for guest in plan["guests"]}
    rows = [
        [*map(escape, (move["service"], move["from"], move["to"], nodes.get(str(move["to"]), ""))), badge(str(move["state"]))] for move in moves
    ]
    return table(("Service", "Old server", "Guest", "Node", "State"), rows)
