# SPDX-License-Identifier: GPL-3.0-or-later
"""A large estate before and after: racks as they stand, and nodes with the memory that their guests take. Each host and guest is one cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..chart import num, rect, text
from ..shell import escape
from .facts import FAMILIES, Facts, Row, family

WIDTH = 1130.0
UNIT = 7.0  # height of one rack unit
FULL = 42  # units of a rack that nobody declared, and the least that one is drawn with
BAR, GAP, NAME = 20.0, 7.0, 74.0
NO_RACK = "rack not declared"


def picture(facts: Facts) -> str:
    racks = _racks(facts)
    tall, before = _draw_racks(facts, racks)
    height, after = _draw_nodes(facts)
    used = {family(facts.role_of(host)) for host in facts.plan["legacy"]} | {family(str(row["role"])) for row in facts.plan["guests"]}
    legend = "".join(f'<li><i class="fam-{name}"></i>{name}</li>' for name in (*FAMILIES, "other") if name in used)
    count = len(facts.plan["legacy"])
    told = f"{count:,} old servers in {len(racks):,} racks"
    declared = all(row.get("rack_units") for row in facts.plan["legacy"].values())
    units = "" if declared else " A server whose height is not declared is drawn as one unit."
    return (
        f'<div class="card estate" id="estate"><h3>Before: {escape(told)}</h3>{_svg("estate-before", tall, before, told)}'
        f'<h3>After: {len(facts.plan["guests"]):,} guests on {len(facts.plan["capacity"]["nodes"]):,} nodes</h3>'
        f"{_svg('estate-after', height, after, 'guests on the nodes, as wide as their memory')}"
        f'<ul class="legend">{legend}</ul><p class="small muted">A server is as high as its rack units, in the order of names, because '
        f"a survey does not see its place in the rack. A guest is as wide as its memory; what is empty is free.{units}</p></div>"
    )


def _svg(identity: str, height: float, body: str, label: str) -> str:
    return (
        f'<div class="scroll"><svg id="{identity}" class="cells" viewBox="0 0 {num(WIDTH)} {num(height)}" role="img" aria-label="{escape(label)}" '
        f'style="width:100%;height:auto;min-width:760px">{body}</svg></div>'
    )


def _racks(facts: Facts) -> list[tuple[str, list[tuple[str, Row]]]]:
    """Racks by name with their hosts. Hosts without one stand in racks of their own that say so."""
    found: dict[str, list[tuple[str, Row]]] = {}
    loose: list[tuple[str, Row]] = []
    for name, row in facts.plan["legacy"].items():
        if row.get("rack"):
            found.setdefault(str(row["rack"]), []).append((str(name), row))
        else:
            loose.append((str(name), row))
    racks = [(name, sorted(found[name])) for name in sorted(found)]
    filled: list[tuple[str, Row]] = []
    units = 0
    for entry in sorted(loose, key=lambda pair: pair[0]):
        if filled and units + _units(entry[1]) > FULL:
            racks.append(("", filled))
            filled, units = [], 0
        filled.append(entry)
        units += _units(entry[1])
    return [*racks, ("", filled)] if filled else racks


def _units(row: Row) -> int:
    value = row.get("rack_units")
    return max(1, int(value)) if isinstance(value, (int, float)) and not isinstance(value, bool) else 1


def _draw_racks(facts: Facts, racks: Sequence[tuple[str, list[tuple[str, Row]]]]) -> tuple[float, str]:
    index = {str(name): place for place, name in enumerate(facts.plan["legacy"])}
    rows = max(1, -(-len(racks) // 24))
    across = max(1, -(-len(racks) // rows))
    wide = min(90.0, WIDTH / across)
    full = max([sum(_units(row) for _name, row in hosts) for _rack, hosts in racks] or [1])
    full = max(full, min(FULL, full + 4))
    tall = full * UNIT
    parts = []
    for place, (rack, hosts) in enumerate(racks):
        x, y = place % across * wide, place // across * (tall + 34)
        parts += [rect(x + 1, y + 16, wide - 6, tall + 4, css="frame", radius=3), text(x + wide / 2 - 2, y + 11, rack or "no rack", anchor="middle")]
        foot = y + 18 + tall
        for name, row in hosts:
            high = _units(row) * UNIT
            foot -= high
            wave = facts.freed.get(name)
            data = f'data-host="{index[name]}"' + (f' data-wave="{wave}"' if wave is not None else "")
            parts.append(_cell(x + 3, foot + 0.75, wide - 10, high - 1.5, family(facts.role_of(name)), data))
    return rows * (tall + 34), "".join(parts)


def _draw_nodes(facts: Facts) -> tuple[float, str]:
    index = {name: place for place, name in enumerate(facts.guests)}
    nodes = facts.plan["capacity"]["nodes"]
    columns = 2 if len(nodes) > 8 else 1
    lines = -(-len(nodes) // columns)
    across = WIDTH / columns
    room = across - NAME - 12
    most = max((node["memory_mib"] for node in nodes), default=1) or 1
    parts = []
    for place, node in enumerate(nodes):
        x, y = place // lines * across, place % lines * (BAR + GAP)
        parts.append(text(x, y + 14, node["name"], css="strong"))
        parts.append(rect(x + NAME, y, room * node["memory_mib"] / most, BAR, css="frame", radius=3))
        at = x + NAME
        own = [facts.guests[str(name)] for name in node["guests"] if str(name) in facts.guests]
        for guest in sorted(own, key=lambda row: (family(str(row["role"])), str(row["role"]), str(row["name"]))):
            wide = room * guest["memory_mib"] / most
            data = f'data-guest="{index[str(guest["name"])]}" data-wave="{facts.arrives.get(str(guest["name"]), 0)}"'
            parts.append(_cell(at + 0.5, y + 1.5, max(0.8, wide - 1), BAR - 3, family(str(guest["role"])), data))
            at += wide
    return lines * (BAR + GAP), "".join(parts)


def _cell(x: float, y: float, width: float, height: float, name: str, data: str) -> str:
    return f'<rect x="{num(x)}" y="{num(y)}" width="{num(width)}" height="{num(height)}" rx="1.5" class="cell fam-{name}" {data}/>'


def data(facts: Facts) -> dict[str, Any]:
    """What the card of a host or guest says, by its place in the picture. Texts that repeat stand once."""
    texts: dict[str, int] = {}

    def place(value: object) -> int:
        return texts.setdefault(str(value), len(texts))

    home = {str(service): name for name, guest in facts.guests.items() for service in guest["services"]}
    hosts = []
    for name, row in facts.plan["legacy"].items():
        own = facts.on_host.get(str(name), ())
        guests = sorted({home[str(service["id"])] for service in own if str(service["id"]) in home})
        hosts.append([name, place(row.get("os") or ""), row.get("watts"), row.get("rack_units"), place(row.get("rack") or NO_RACK),
                      str(row["address"]), [f"{service['kind']} {service['name']}" for service in own][:8], guests, facts.freed.get(str(name)),
                      place(facts.grave.get(str(name), "")), place(family(facts.role_of(str(name))))])  # fmt: skip
    known = [[name, place(row["role"]), place(row["node"]), row["cores"], row["memory_mib"], str(row["address"]), list(row["services"])[:8],
               facts.arrives.get(name), place(family(str(row["role"])))] for name, row in facts.guests.items()]  # fmt: skip
    return {"texts": list(texts), "hosts": hosts, "guests": known}
