# SPDX-License-Identifier: GPL-3.0-or-later
"""plan.html: the whole plan on one page, for the people who approve it. Pure: the same plan and surveys give the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._planning.model import LegacyHost
from .._planning.sizing import NEEDS
from .plan_page_concerns import SCRIPT, concerns, standing
from .plan_page_graph import STYLE, dependency_graph, host_map
from .shell import badge, empty, escape, figure, figures, fold, page, pairs, plural, section, table

Row = Mapping[str, Any]
GIB = 1024


def render(plan: Row, surveys: Sequence[Row]) -> str:
    """The page. ``plan`` is the content of plan.yml, ``surveys`` those that it was made from."""
    hosts = {str(survey["host"]): LegacyHost(str(survey["host"]), survey) for survey in surveys}
    body = "".join([
        f"<style>{STYLE}</style>",
        _hero(plan),
        section("hosts", "Before and after", host_map(plan), "What runs where today, and where each service goes."),
        section("capacity", "Room on the nodes", _capacity(plan), str(plan["capacity"]["explanation"])),
        section("dependencies", "Who needs whom", dependency_graph(plan) + _evidence(plan),
                "An arrow goes from who connects to who answers. The number is the wave in which a service moves."),
        section("waves", "Waves", _waves(plan), "Moves of one section are cut together, in one held breath at the edge."),
        section("guests", "Guests", _guests(plan, hosts), "What was observed on the old host beside what the guest gets, and why."),
        section("concerns", "Concerns", concerns(plan["concerns"]),
                "What could surprise people afterwards. Critical ones block until the plan carries the remedy or somebody waives them."),
        section("dropped", "Not moved", _dropped(plan), "Services that somebody decided to leave behind."),
    ])  # fmt: skip
    links = [("hosts", "Hosts"), ("dependencies", "Dependencies"), ("waves", "Waves"), ("guests", "Guests"), ("concerns", "Concerns")]
    return page(f"plan of {plan['environment']}", body, script=SCRIPT, links=links)


def _hero(plan: Row) -> str:
    rows, savings = plan["concerns"], plan["savings"]
    blocking = [row for row in rows if standing(row) == "open" and row["severity"] == "critical"]
    told = (
        f"{plural(len(blocking), 'critical concern')} {'blocks' if len(blocking) == 1 else 'block'} this crossing"
        if blocking
        else "Nothing blocks this crossing"
    )
    names = "".join(f"<li>{escape(row['host'])}: {escape(row['title'])}</li>" for row in blocking)
    busy = sum(1 for node in plan["capacity"]["nodes"] if node["guests"])
    lead = (
        f"{plural(len(plan['legacy']), 'legacy host')} with {plural(len(plan['services']), 'service')} become {plural(len(plan['guests']), 'guest')} "
        f"on {plural(busy, 'node')}, in {plural(len(plan['waves']), 'wave')}."
    )
    opened = sum(1 for row in rows if standing(row) == "open")
    cured = sum(1 for row in rows if standing(row) == "applied")
    spare = bool(plan["capacity"]["spare_node_proven"])
    cards = [
        figure("Power", savings["power_watts_after"], _before(savings["power_watts_before"], "W"), unit="W", tone="good"),
        figure("Rack", savings["rack_units_after"], _before(savings["rack_units_before"], "U"), unit="U", tone="good"),
        figure("Old servers left", savings["hosts_after"], _before(savings["hosts_before"], "")),
        figure("Guests", savings["guests"], f"{sum(guest['memory_mib'] for guest in plan['guests']) / GIB:g} GiB of memory in all"),
        figure("Concerns", opened, f"open, {cured} more cured by the plan", tone="bad" if blocking else "warn" if opened else "good"),
        figure("Node to spare", "yes" if spare else "no", "any one node may die" if spare else "not asked for", tone="good" if spare else "warn"),
    ]
    shown = f"<ul>{names}</ul>" if names else ""
    return (
        f'<header class="hero {"bad" if blocking else "good"}"><p class="eyebrow">Plan of {escape(plan["environment"])}</p>'
        f'<h1>{escape(told)}</h1><p class="lead">{escape(lead)}</p>{shown}</header>{figures(cards)}'
    )


def _before(value: int | None, unit: str) -> str:
    return "before: unknown" if value is None else f"before: {value} {unit}".rstrip()


def _capacity(plan: Row) -> str:
    def bar(node: Row) -> str:
        share = 100 * node["planned_memory_mib"] / max(1, node["memory_mib"])
        told = escape(f"{node['planned_memory_mib'] / GIB:g} of {node['memory_mib'] / GIB:g} GiB")
        return f'<span class="meter" aria-hidden="true"><i style="width:{share:.1f}%"></i></span><span class="small">{told}</span>'

    rows = [
        [f"<strong>{escape(node['name'])}</strong>", escape(node["cores"]), bar(node), escape(", ".join(node["guests"]) or "none")]
        for node in plan["capacity"]["nodes"]
    ]
    return f'<div class="card">{table(("Node", "Cores", "Memory for planned guests", "Guests"), rows, numbers=frozenset({1}))}</div>'


def _evidence(plan: Row) -> str:
    if not plan["dependencies"]:
        return empty("No dependency was seen.")
    rows = [
        [escape(edge["from"]), escape(edge["to"]), escape(f"{edge['protocol']} {edge['port'] or ''}".strip()), escape(edge["evidence"])]
        for edge in plan["dependencies"]
    ]
    return fold('<span class="title">Evidence for each arrow</span>', table(("Needs", "Is needed", "By", "Seen"), rows))


def _waves(plan: Row) -> str:
    heads = ("Wave", "Move", "From", "To", "Section", "Way back", "Pause expected")
    moves = {move["id"]: move for move in plan["moves"]}
    rows = [
        [f'<span class="wave">{wave["number"]}</span>' if name == wave["moves"][0] else "", *_move(moves[name])]
        for wave in plan["waves"]
        for name in wave["moves"]
    ]
    return f'<div class="card">{table(heads, rows, numbers=frozenset({6}))}</div>'


def _move(move: Row) -> list[str]:
    pause = f"{move['expected_pause_ms']} ms" if move["expected_pause_ms"] else "none"
    way = badge("applied" if move["rollback"] == "lossless" else "warning", move["rollback"])
    return [f"<strong>{escape(move['id'])}</strong>", escape(move["from"]), escape(move["to"]), escape(move["section"]), way, escape(pause)]


def _guests(plan: Row, hosts: Mapping[str, LegacyHost]) -> str:
    homes = [(guest, hosts[guest["services"][0].split("@")[1]]) for guest in plan["guests"]]
    heads = ("Guest", "Node", "Old host", "CPUs, load", "Cores", "Memory used", "Memory", "Disk")
    rows = [_sizes(guest, host) for guest, host in homes]
    sizes = f'<div class="card">{table(heads, rows, numbers=frozenset({3, 4, 5, 6, 7}))}</div>'
    return sizes + "".join(_guest(guest, host) for guest, host in homes)


def _sizes(guest: Row, host: LegacyHost) -> list[str]:
    """Observed beside chosen. What was not measured is said to be unknown."""
    measured, hardware = host.part("measured"), host.part("hardware")
    load = measured.get("load") or ()
    disk = sum(int(entry["size_gib"]) for entry in guest["disks"].values())
    return [
        f"<strong>{escape(guest['name'])}</strong>",
        escape(guest["node"]),
        escape(host.name),
        escape(f"{hardware.get('cpus', 'unknown')}, {load[-1]:g}" if load else hardware.get("cpus", "unknown")),
        f"<strong>{guest['cores']}</strong>",
        escape(f"{measured.get('memory_used_mib', 'unknown')} of {hardware.get('memory_mib', 'unknown')} MiB"),
        f"<strong>{guest['memory_mib']} MiB</strong>",
        f"<strong>{disk} GiB</strong>",
    ]


def _guest(guest: Row, host: LegacyHost) -> str:
    disks = "; ".join(f"{key} {disk['size_gib']} GiB on {disk['storage']}" for key, disk in guest["disks"].items())
    about = pairs([
        ("Services", escape(", ".join(guest["services"]))),
        ("Size because of", escape("; ".join(NEEDS[guest["role"]](host).reasons))),
        ("File systems of the old host", escape(_mounts(host))),
        ("Disks", escape(disks)),
        ("Address", escape(f"{guest['address']} through {guest['gateway']} on {guest['nics']['net0']['bridge']}")),
        ("From", escape(f"template {guest['template']}, in pool {guest['pool']}")),
        ("Identity", f"<code>{escape(guest['uuid'])}</code>"),
    ])  # fmt: skip
    carried = f"<h3>Settings it carries over</h3><pre>{escape(_settings(guest['settings']))}</pre>" if guest["settings"] else ""
    summary = (
        f'<span class="title">{escape(guest["name"])}</span> {badge("", guest["role"])}'
        f'<span class="push muted">{plural(len(guest["settings"]), "setting")} carried over, {escape(guest["address"].split("/")[0])}</span>'
    )
    return fold(summary, f"{about}{carried}")


def _mounts(host: LegacyHost) -> str:
    rows = [f"{row['target']} {row.get('used_mib', '?')} of {row.get('size_mib', '?')} MiB ({row.get('type')})" for row in host.rows("mounts")]
    return "; ".join(rows[:4]) or "unknown"


def _settings(value: Any, depth: int = 0) -> str:
    """Settings as people read them; the exact file is guests/<guest>.yml."""
    pad = "  " * depth
    if isinstance(value, Mapping):
        return "\n".join(f"{pad}{name}:{_below(entry, depth)}" for name, entry in value.items())
    return "\n".join(f"{pad}- {_settings(entry, depth + 1).strip()}" for entry in value) if isinstance(value, list) else f"{pad}{value}"


def _below(entry: Any, depth: int) -> str:
    return "\n" + _settings(entry, depth + 1) if isinstance(entry, (Mapping, list)) and entry else f" {entry}"


def _dropped(plan: Row) -> str:
    if not plan["dropped"]:
        return empty("Everything that was found moves.")
    rows = [[escape(row["id"]), escape(row["reason"].removeprefix("declared: ")), escape(row["by"])] for row in plan["dropped"]]
    return f'<div class="card">{table(("Service", "Reason", "Approved by"), rows)}</div>'
