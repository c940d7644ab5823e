# SPDX-License-Identifier: GPL-3.0-or-later
"""Surprises planted into a large estate: every case that a detector's tests know, on hosts of its own, with its truth.

A case is a change to a small quiet estate (an edge, a web server, a database). It is made there, then names and addresses are replaced,
and the hosts join the large estate. What changes the edge itself cannot be planted, for an estate has one; ``plant`` says which those are.
"""

from __future__ import annotations

import copy
import importlib
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._survey import schema

from tests.unit.planning import concerns as catalogue
from tests.unit.planning import test_concerns as mixed
from tests.unit.planning.cases import quiet

from .estate import EDGE, Estate

Row = dict[str, Any]
Case = tuple[str, Callable[[dict[str, Row]], None], str, bool]
ADDRESS = re.compile(r"(?<![\d.])10\.77\.0\.(\d+)(?![\d.])")
FIRST = IPv4Address("10.32.0.10")
# These depend on what else is in the estate, or on what the inventory says, and not on the hosts of the case alone.
ELSEWHERE = frozenset({"power-unknown"})


def cases() -> Iterator[Case]:
    """Every firing case of every topic, in the order of the topics' names."""
    for found in sorted(pkgutil.iter_modules(catalogue.__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{catalogue.__name__}.{found.name}")
        yield from getattr(module, "CASES", ())
    yield from mixed.CASES


def plant(estate: Estate) -> list[str]:
    """Adds the hosts of every case and its truth to ``estate.planted``. Returns the ids of cases that could not be planted."""
    left = []
    address = FIRST
    for number, (name, change, severity, applied) in enumerate(cases()):
        before = quiet()
        small = copy.deepcopy(before)
        change(small)
        if name in ELSEWHERE or small["edge1"] != before["edge1"] or any(survey["haproxy"] for host, survey in small.items() if host != "edge1"):
            left.append(name)
            continue
        del small["edge1"]
        names = {host: f"{host}-p{number:03d}" for host in small}
        addresses: dict[str, str] = {"10": EDGE}
        for last in sorted(set(ADDRESS.findall(json.dumps(small))) - {"10"}):
            address += 1
            addresses[last] = str(address)
        for host, survey in json.loads(_renamed(json.dumps(small), names, addresses)).items():
            if load := survey.pop("load", None):
                estate.loads[host] = load
            estate.surveys[host] = complete(survey, schema.SCHEMA)
            estate.policy["legacy_facts"][host] = {"watts": 200, "rack_units": 1, "rack": "planted"}
            if survey["nginx"]:
                row = {"name": f"be_{host}", "servers": [{"name": host, "address": survey["address"], "port": 80}]}
                estate.surveys["edge-0001"]["haproxy"]["backends"].append(row)
        estate.planted.append((name, severity, applied, frozenset(names.values())))
    return left


NEUTRAL: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


def complete(value: Any, shape: Row) -> Any:
    """A test's survey with the fields that its schema wants and the test left out, as empty as the schema allows."""
    if isinstance(value, list):
        return [complete(one, shape.get("items", {})) for one in value]
    if not isinstance(value, dict):
        return value
    fields = shape.get("properties", {})
    wanted = {name: complete(_neutral(fields[name]), fields[name]) for name in shape.get("required", ()) if name not in value}
    return {name: complete(one, fields.get(name, {})) for name, one in value.items()} | wanted


def _neutral(shape: Row) -> Any:
    kinds = shape.get("type", "string")
    if isinstance(kinds, list):
        return None if "null" in kinds else copy.deepcopy(NEUTRAL[kinds[0]])
    return copy.deepcopy(NEUTRAL[kinds])


def _renamed(text: str, names: dict[str, str], addresses: dict[str, str]) -> str:
    for old, new in names.items():
        text = re.sub(rf"\b{re.escape(old)}\b", new, text)
    return ADDRESS.sub(lambda match: addresses[match[1]], text)


def missed(estate: Estate, plan: Row) -> list[str]:
    """Planted surprises that the plan does not tell on one of their hosts, with their severity and whether they are cured."""
    told = {(row["id"], row["severity"], row["applied"], row["host"]) for row in plan["concerns"]}
    return [name for name, severity, applied, hosts in estate.planted if not any((name, severity, applied, host) in told for host in hosts)]


def false_criticals(estate: Estate, plan: Row) -> list[str]:
    """Critical concerns that nothing was planted for: on a host without a case, and not about a service that only people move."""
    planted = {host for *_, hosts in estate.planted for host in hosts}
    true = {("no-mover", service) for service in estate.by_hand()}
    critical = [row for row in plan["concerns"] if row["severity"] == "critical" and not row["applied"] and row["host"] not in planted]
    return [f"{row['id']} on {row['host']}: {row['title']}" for row in critical if (row["id"], row["service"]) not in true]
