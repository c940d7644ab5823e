# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two plans, and why, in words: ``{what, from, to, why}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .model import Row
from .seal import differences

Plan = Mapping[str, Any]
# Told in their own words, or looked into.
ASIDE = frozenset({"sizing", "settings", "settings_reasons", "tags", "nics", "disks", "os", "reasons", "services"})

INSIDE = ("settings", "disks", "nics", "tags", "services")


def between(before: Plan | None, after: Plan) -> list[Row]:
    """Every change that people care about, guests first. Empty for a first plan: all of it is new."""
    if not before or not before.get("guests"):
        return []
    found = [*_guests(before, after), *_moves(before, after), *_waves(before, after), *_concerns(before, after), *_services(before, after)]
    return [*found, *_waivers(before, after), *_sums(before, after)]


def _row(what: str, old: Any, new: Any, why: str) -> Row:
    return {"what": what, "from": _words(old), "to": _words(new), "why": why}


def _words(value: Any) -> str:
    if value is None or value == "":
        return "nothing"
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(entry) for entry in value) or "nothing"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(entry)}" for name, entry in value.items()) or "nothing"
    return str(value)


def _by(rows: Any, *names: str) -> dict[str, Row]:
    return {" on ".join(str(row.get(name)) for name in names): row for row in rows or ()}


# --- guests


def _guests(before: Plan, after: Plan) -> Iterator[Row]:
    old, new = _by(before["guests"], "name"), _by(after["guests"], "name")
    for name in [name for name in old if name not in new]:
        yield _row(f"guest {name}", "planned", None, _gone(old[name]["services"], after))
    for name, guest in new.items():
        if name not in old:
            yield _row(f"guest {name}", None, "planned", f"for {', '.join(guest['services'])}, found by the survey")
            continue
        yield from _guest(name, old[name], guest, before, after)


def _guest(name: str, old: Row, new: Row, before: Plan, after: Plan) -> Iterator[Row]:
    fields = {"cores": "cores", "memory_mib": "memory_mib"}
    for field in fields:
        if old[field] != new[field]:
            yield _row(f"guest {name}: {field}", old[field], new[field], _size_why(field, name, old, new, after))
    sizes = [sum(int(disk["size_gib"]) for disk in guest["disks"].values()) for guest in (old, new)]
    if sizes[0] != sizes[1]:
        yield _row(f"guest {name}: disk_gib", sizes[0], sizes[1], _size_why("disk_gib", name, old, new, after))
    if old["node"] != new["node"]:
        yield _row(f"guest {name}: node", old["node"], new["node"], _node_why(name, old, before, after))
    if old.get("os") != new.get("os") and old.get("os"):
        yield _row(f"guest {name}: os", _system(old), _system(new), new["os"]["reason"])
    told = {*fields, *ASIDE, "node"}
    sides = [{key: guest.get(key) for key in guest if key not in told} | {key: guest.get(key) for key in INSIDE} for guest in (old, new)]
    for field, first, second in differences(sides[0], sides[1]):
        if not field.endswith("size_gib"):
            why = _said("guests", name, field.split(".")[-1].split("[")[0], after) or "the survey or the inventory changed"
            yield _row(f"guest {name}: {field}", first, second, why)


def _system(guest: Row) -> str:
    return f"{guest['os']['choice']} to {guest['os']['to']}" if guest["os"]["choice"] == "lift" else f"carry {guest['os']['to']}"


def _size_why(field: str, name: str, old: Row, new: Row, after: Plan) -> str:
    if said := _said("guests", name, field, after):
        return said
    resource = {"cores": "cpu_cores", "memory_mib": "memory_mib", "disk_gib": "disk_mib"}[field]
    seen = [((guest.get("sizing") or {}).get("observed") or {}).get(resource) or {} for guest in (old, new)]
    for quantile in ("p99", "max", "growth_mib_per_day"):
        first, second = (row.get(quantile) for row in seen)
        if first is not None and second is not None and first != second:
            return f"{quantile} of {resource} {'rose' if second > first else 'fell'} from {first:g} to {second:g}"
    reasons = [((guest.get("sizing") or {}).get("reasons")) or [] for guest in (old, new)]
    fresh = [str(reason) for reason in reasons[1] if reason not in reasons[0]]
    if fresh:
        return "; ".join(fresh[:3])
    sources = [(guest.get("sizing") or {}).get("source") for guest in (old, new)]
    return f"sized from {sources[1]}, before from {sources[0]}" if sources[0] != sources[1] else "what was measured or configured changed"


def _node_why(name: str, old: Row, before: Plan, after: Plan) -> str:
    if said := _said("guests", name, "node", after):
        return said
    nodes = [{str(node["name"]) for node in plan["capacity"]["nodes"]} for plan in (before, after)]
    if old["node"] not in nodes[1]:
        return f"{old['node']} is gone or offline"
    if nodes[0] != nodes[1]:
        return f"the cluster changed: {_words(sorted(nodes[0] ^ nodes[1]))}"
    return "with the sizes of now, it no longer fits there together with the others and a node to spare"


def _said(part: str, name: str, field: str, after: Plan) -> str | None:
    row = (after.get("overrides") or {}).get(part, {}).get(name, {})
    return f"overrides.{part}.{name}.{field} says so" if field in row else None


def _gone(services: Any, after: Plan) -> str:
    dropped = {str(row["id"]): row for row in after["dropped"]}
    rows = [dropped[name] for name in services if name in dropped]
    left = [f"{row['id']} was dropped by {row['by']} ({row['reason'].removeprefix('declared: ')})" for row in rows]
    return "; ".join(left) or f"the survey has no {', '.join(services)} any more"


# --- moves and waves


def _moves(before: Plan, after: Plan) -> Iterator[Row]:
    old, new = _by(before["moves"], "id"), _by(after["moves"], "id")
    waves = [{move: str(wave.get("name", wave["number"])) for wave in plan["waves"] for move in wave["moves"]} for plan in (before, after)]
    needs = [{(str(edge["from"]), str(edge["to"])) for edge in plan["dependencies"]} for plan in (before, after)]
    for name in [name for name in old if name not in new]:
        yield _row(f"move {name}", waves[0].get(name), None, _gone([old[name]["service"]], after))
    for name, move in new.items():
        if name not in old:
            yield _row(f"move {name}", None, f"in wave {waves[1][name]}", f"{move['service']} was found")
            continue
        if waves[0].get(name) != waves[1][name]:
            yield _row(f"move {name}: wave", waves[0].get(name), waves[1][name], _wave_why(name, move, needs, after))
        for field in ("to", "mover", "rollback", "volume_mib", "expected_pause_ms"):
            if field in old[name] and old[name][field] != move[field]:
                yield _row(f"move {name}: {field}", old[name][field], move[field], "; ".join(move.get("reasons") or ()) or "the survey changed")
        for field, first, second in differences(old[name]["parameters"], move["parameters"]):
            yield _row(f"move {name}: {field}", first, second, "the survey or the inventory changed")


def _wave_why(name: str, move: Row, needs: list[set[tuple[str, str]]], after: Plan) -> str:
    if said := _said("moves", name, "wave", after):
        return said
    service = str(move["service"])
    fresh = sorted(f"{source} needs {target}" for source, target in needs[1] - needs[0] if service in (source, target))
    gone = sorted(f"{source} no longer needs {target}" for source, target in needs[0] - needs[1] if service in (source, target))
    if fresh or gone:
        return "; ".join([*fresh, *gone][:4])
    wave = next(row for row in after["waves"] if name in row["moves"])
    return "; ".join(reason for reason in wave["reasons"] if "window" not in reason) or "the waves were cut anew"


def _waves(before: Plan, after: Plan) -> Iterator[Row]:
    old, new = _by(before["waves"], "name"), _by(after["waves"], "name")
    for name, wave in new.items():
        if name in old and old[name].get("window") != wave["window"]:
            yield _row(f"wave {name}: window", old[name].get("window"), wave["window"], wave["reasons"][-1] if wave["reasons"] else "")
        elif name not in old and before.get("schema") == after["schema"]:
            yield _row(f"wave {name}", None, wave["moves"], "; ".join(wave["reasons"]))
    for name in [name for name in old if name not in new and name != "None"]:
        yield _row(f"wave {name}", old[name]["moves"], None, "none of its moves is left in it")


# --- concerns, services, sums


def _concerns(before: Plan, after: Plan) -> Iterator[Row]:
    names = ("id", "host", "service", "title", "old")
    old, new = ({tuple(str(row[name]) for name in names): row for row in plan["concerns"]} for plan in (before, after))
    places = [{(key[0], key[1], key[2]) for key in side} for side in (old, new)]
    for key, row in new.items():
        if key not in old:
            appeared = (key[0], key[1], key[2]) not in places[0]
            yield _row(_name(row), None if appeared else "seen otherwise", _standing(row), f"{row['title']}: {row['old']}")
        elif _standing(old[key]) != _standing(row):
            yield _row(_name(row), _standing(old[key]), _standing(row), _standing_why(row))
    for key, row in old.items():
        if key not in new and (key[0], key[1], key[2]) not in places[1]:
            yield _row(_name(row), _standing(row), None, "the survey or the plan no longer has its cause")


def _name(row: Row) -> str:
    return f"concern {row['id']} on {row['host']}" + (f" ({row['service']})" if row["service"] else "")


def _standing(row: Row) -> str:
    if row["applied"]:
        return f"{row['severity']}, cured by the plan"
    return f"{row['severity']}, waived by {row['waived']['approver']}" if row["waived"] else f"{row['severity']}, open"


def _standing_why(row: Row) -> str:
    if row["applied"]:
        return f"the plan carries the remedy: {row['remedy']}"
    if row["waived"]:
        return f"waived until {row['waived']['expires']}: {row['waived']['reason']}"
    return "nothing carries the remedy, and no waiver counts"


def _services(before: Plan, after: Plan) -> Iterator[Row]:
    old, new = _by(before["dependencies"], "from", "to"), _by(after["dependencies"], "from", "to")
    for name, row in new.items():
        if name not in old:
            yield _row(f"dependency {row['from']} needs {row['to']}", None, "seen", row["evidence"])
    for name, row in old.items():
        if name not in new:
            yield _row(f"dependency {row['from']} needs {row['to']}", "seen", None, "the survey no longer shows it")


def _waivers(before: Plan, after: Plan) -> Iterator[Row]:
    scope = ("id", "host", "guest", "service", "approver", "reason")
    old, new = _by(before.get("waivers"), *scope), _by(after["waivers"], *scope)
    for name, row in new.items():
        first, second = _counts(old.get(name)), _counts(row)
        if first != second:
            yield _row(f"waiver of {row['id']}", first, second, row["why"] or f"{row['reason']} ({row['approver']})")
    for name, row in old.items():
        if name not in new:
            yield _row(f"waiver of {row['id']}", _counts(row), None, "plan_waivers has it no more")


def _counts(row: Row | None) -> str | None:
    return None if row is None else f"counts until {row['expires']}" if row["counts"] else "does not count"


def _sums(before: Plan, after: Plan) -> Iterator[Row]:
    for field in ("power_watts_after", "rack_units_after", "machines_after", "target_met"):
        old, new = before["savings"].get(field), after["savings"].get(field)
        if field in before["savings"] and old != new:
            yield _row(f"savings: {field}", old, new, after["savings"]["shortfall"] or "the guests or the legacy hosts changed")
    for where, old, new in differences(before.get("overrides") or {}, after["overrides"]):
        yield _row(f"overrides.{where}", old, new, "people decided so")
