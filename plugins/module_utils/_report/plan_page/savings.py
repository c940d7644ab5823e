# SPDX-License-Identifier: GPL-3.0-or-later
"""What the whole saves, after which wave, and the room that is left on the nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..chart import line, num, rect, svg, text
from ..shell import escape, fold, plural, table
from .cells import number
from .facts import Facts, Row

WIDTH, HEIGHT, LEFT, RIGHT, TOP, FOOT = 1130.0, 210.0, 74.0, 16.0, 14.0, 180.0
GIB = 1024
UNKNOWN = "unknown"


def savings(facts: Facts) -> str:
    before_after = (
        ("Power", "W", "power_watts_before", "power_watts_after"), ("Rack units", "U", "rack_units_before", "rack_units_after"),
        ("Machines", "", "machines_before", "machines_after"), ("Old servers", "", "hosts_before", "hosts_after"),
    )  # fmt: skip
    found = facts.plan["savings"]
    bars = "".join(_pair(name, unit, found.get(before), found.get(after), found.get("target")) for name, unit, before, after in before_after
                   if before in found)  # fmt: skip
    return f'<div class="card"><div class="scales">{bars}</div>{_target(found)}</div>{_running(facts)}'


def _pair(name: str, unit: str, before: Any, after: Any, target: Any) -> str:
    if before is None or after is None:
        known = f"before {_said(before, unit)}, after {_said(after, unit)}"
        return f'<div class="scale"><h3>{escape(name)}</h3><p class="muted">{escape(known)}: not every host declares it.</p></div>'
    most = max(before, after, 1)
    change = f"{100 * (before - after) / before:.0f} % less" if before > after else "no less" if before else ""
    goal = ""
    if isinstance(target, (int, float)) and not isinstance(target, bool) and name in {"Power", "Rack units"}:
        goal = f'<i class="goal" style="left:{num(100 * before * target / most)}%"></i>'
    rows = "".join(
        f'<div class="beam"><span>{label}</span><span class="track"><i class="{css}" style="width:{num(100 * value / most)}%"></i>{goal}</span>'
        f"<b>{escape(_said(value, unit))}</b></div>"
        for label, css, value in (("before", "was", before), ("after", "will", after))
    )
    return f'<div class="scale"><h3>{escape(name)} <small>{escape(change)}</small></h3>{rows}</div>'


def _said(value: Any, unit: str) -> str:
    return UNKNOWN if value is None else f"{number(value)} {unit}".rstrip()


def _target(found: Row) -> str:
    target, met = found.get("target"), found.get("target_met")
    if not isinstance(target, (int, float)) or isinstance(target, bool):
        return ""
    share = f"{100 * (1 - target):.0f} %"
    if met is None:
        told, tone = f"Whether the target of {share} less is met is unknown.", "unknown"
    else:
        told, tone = (f"The target of {share} less is met.", "good") if met else (f"The target of {share} less is not met.", "bad")
    return f'<p class="verdict {tone}"><strong>{escape(told)}</strong> {escape(found.get("shortfall") or "")}</p>'


def totals(facts: Facts, key: str, after: Any) -> list[float] | None:
    """``key`` (watts, rack_units) before and after each wave, or None where one host does not declare it.

    They are the plan's own where it has them. An older plan's are computed: the new side counts in full from the first wave on, so that no
    number is better than what will be measured.
    """
    found = facts.plan["savings"]
    name = {"watts": "power_watts", "rack_units": "rack_units"}[key]
    if found.get("by_wave") is not None:
        told = [found.get(f"{name}_before"), *(row.get(name) for row in found["by_wave"])]
        return None if len(told) < 2 or any(value is None for value in told) else [float(value) for value in told]
    values = {str(name): row.get(key) for name, row in facts.plan["legacy"].items()}
    if after is None or not values or any(not isinstance(value, (int, float)) for value in values.values()):
        return None
    known = {name: float(value) for name, value in values.items() if value is not None}
    staying = sum(value for name, value in known.items() if name not in facts.freed)
    new = max(0.0, float(after) - staying)
    numbers = [int(wave["number"]) for wave in facts.plan["waves"]]
    running = [new + sum(value for name, value in known.items() if facts.freed.get(name, wave + 1) > wave) for wave in numbers]
    return [sum(known.values()), *running]


def _running(facts: Facts) -> str:
    found = facts.plan["savings"]
    numbers = [int(row["wave"]) for row in found.get("by_wave") or ()] or [int(wave["number"]) for wave in facts.plan["waves"]]
    watts, units = totals(facts, "watts", found.get("power_watts_after")), totals(facts, "rack_units", found.get("rack_units_after"))
    if not numbers or (watts is None and units is None):
        return ""
    chart = _steps(numbers, watts, found) if watts is not None else ""
    labels = ["today", *[f"wave {wave}" for wave in numbers]]
    left = [sum(1 for host in facts.plan["legacy"] if facts.freed.get(host, wave + 1) > wave) for wave in (0, *numbers)]
    rows = [
        [escape(label), escape(_at(watts, place, "W")), escape(_at(units, place, "U")), escape(left[place])]
        for place, label in enumerate(labels)
    ]  # fmt: skip
    as_table = table(("After", "Power", "Rack", "Old servers left"), rows, numbers=frozenset({1, 2, 3}))
    told = "Old servers count until their last service has moved; the new side counts from the wave in which it is first needed, or earlier."
    summary = f'<span class="title">The running total as a table</span> <span class="push muted small">{plural(len(numbers), "wave")}</span>'
    return f'<div class="card"><h3>Running total over the waves</h3><p class="about small">{told}</p>{chart}</div>{fold(summary, as_table)}'


def _at(values: Sequence[float] | None, place: int, unit: str) -> str:
    return UNKNOWN if values is None else f"{number(round(values[place]))} {unit}"


def _steps(waves: Sequence[int], values: Sequence[float], found: Row) -> str:
    most = max(values) or 1
    step = (WIDTH - LEFT - RIGHT) / len(values)

    def y(value: float) -> float:
        return FOOT - (FOOT - TOP) * value / most

    levels = [most * share for share in (0, 0.25, 0.5, 0.75, 1)]
    parts = [line(LEFT, y(level), WIDTH - RIGHT, y(level)) for level in levels]
    parts += [text(LEFT - 8, y(level) + 4, f"{number(round(level))} W", anchor="end") for level in levels]
    every = -(-len(waves) // 20)
    target = found.get("target")
    goal = values[0] * target if isinstance(target, (int, float)) and not isinstance(target, bool) else None
    for place, value in enumerate(values):
        name = "today" if place == 0 else f"wave {waves[place - 1]}"
        css = "was" if place == 0 else "will" if goal is None or value <= goal else "underway"
        at, wide, title = LEFT + (place + 0.12) * step, step * 0.76, f"{name}: {number(round(value))} W"
        parts.append(rect(at, y(value), wide, FOOT - y(value), css=css, title=title, radius=2))
        if place == 0 or place % every == 0:
            parts.append(text(LEFT + (place + 0.5) * step, FOOT + 17, "today" if place == 0 else waves[place - 1], anchor="middle"))
    if goal is not None:
        parts += [line(LEFT, y(goal), WIDTH - RIGHT, y(goal), "limit"), text(WIDTH - RIGHT, y(goal) - 5, "target", anchor="end")]
    return svg(HEIGHT, "".join(parts), f"Power from {number(round(values[0]))} W today to {number(round(values[-1]))} W after the last wave")


def capacity(facts: Facts) -> str:
    nodes = facts.plan["capacity"]["nodes"]
    most = max((node["memory_mib"] for node in nodes), default=1) or 1
    rows = [_node(facts, node, most) for node in nodes]
    return f'<div class="card">{table(("Node", "Cores planned", "Memory for planned guests", "Guests"), rows, numbers=frozenset({3}))}</div>'


def _node(facts: Facts, node: Mapping[str, Any], most: float) -> list[str]:
    share = 100 * node["planned_memory_mib"] / max(1, node["memory_mib"])
    told = f"{number(node['planned_memory_mib'] / GIB)} of {number(node['memory_mib'] / GIB)} GiB, {share:.0f} %"
    cores = sum(int(facts.guests[str(name)]["cores"]) for name in node["guests"] if str(name) in facts.guests)
    wide = num(11 * node["memory_mib"] / most)
    meter = f'<span class="meter" aria-hidden="true" style="width:{wide}rem"><i style="width:{num(share)}%"></i></span>'
    names = ", ".join(str(name) for name in node["guests"]) or "none"
    shown = escape(names) if len(node["guests"]) <= 8 else f'<span title="{escape(names)}">{len(node["guests"])}</span>'
    memory = f'{meter} <span class="small">{escape(told)}</span>'
    return [f"<strong>{escape(node['name'])}</strong>", escape(f"{cores} of {node['cores']}"), memory, shown]
