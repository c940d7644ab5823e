# SPDX-License-Identifier: GPL-3.0-or-later
"""Large estates: what is said of small ones holds for them, too."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._planning import plan as planning
from ansible_collections.lotse.estate.plugins.module_utils._planning import policy as policies
from ansible_collections.lotse.estate.plugins.module_utils._survey import schema

from tests.synthetic.estate import Estate, make

from .estates import TODAY

Row = dict[str, Any]


@pytest.fixture(scope="module")
def estate() -> Estate:
    return make(150, nodes=10)


def planned(estate: Estate, previous: Row | None = None) -> Row:
    return planning.plan(list(estate.surveys.values()), estate.cluster, policies.parse(estate.policy, TODAY), previous, estate.loads)


@pytest.fixture(scope="module")
def found(estate: Estate) -> Row:
    return planned(estate)


def test_the_same_seed_gives_the_same_estate(estate: Estate) -> None:
    assert make(150, nodes=10) == estate
    assert make(150, seed=2, nodes=10).surveys != estate.surveys


def test_its_surveys_are_surveys(estate: Estate) -> None:
    for name, survey in estate.surveys.items():
        assert schema.load(schema.dump(survey), name) == survey


def test_nothing_is_critical_but_what_people_move(estate: Estate, found: Row) -> None:
    critical = {(row["id"], row["service"]) for row in found["concerns"] if row["severity"] == "critical" and not row["applied"]}
    assert critical == {("no-mover", service) for service in estate.by_hand()}


def test_every_host_has_a_guest_and_every_connection_an_edge(estate: Estate, found: Row) -> None:
    assert {service.split("@")[1] for guest in found["guests"] for service in guest["services"]} == set(estate.surveys)
    told = {(edge["from"].split("@")[1], edge["to"].split("@")[1], edge["port"]) for edge in found["dependencies"]}
    owners = {survey["address"]: name for name, survey in estate.surveys.items()}
    for name, survey in estate.surveys.items():
        for row in survey["connections"]:
            assert (name, owners[row["peer_address"]], row["peer_port"]) in told or row["peer_port"] == 3306


def test_a_peak_at_the_months_end_counts(estate: Estate, found: Row) -> None:
    """A host whose maximum is three times its p95 gets the cores of its p99, not of its usual day."""
    peaks = [name for name, load in estate.loads.items() if load["measures"]["cpu_cores"]["p95"] > 1.5
             and load["measures"]["cpu_cores"]["max"] > 2 * load["measures"]["cpu_cores"]["p95"]]  # fmt: skip
    guests = {service.split("@")[1]: guest for guest in found["guests"] for service in guest["services"]}
    assert peaks
    for name in peaks:
        assert guests[name]["cores"] > estate.loads[name]["measures"]["cpu_cores"]["p95"] * 1.5


def test_ten_changed_hosts_move_no_unrelated_guest(estate: Estate, found: Row) -> None:
    after = copy.deepcopy(estate)
    changed = sorted(after.surveys)[20:120:10]
    for name in changed:
        after.surveys[name]["measured"]["memory_used_mib"] *= 3
        measures = after.loads[name]["measures"]
        measures["memory_mib"] = {share: 3 * mib for share, mib in measures["memory_mib"].items()}
    again = planned(after, found)
    before = {guest["name"]: guest for guest in found["guests"]}
    touched = [guest["name"] for guest in again["guests"] if guest != before[guest["name"]]]
    hosts = {service.split("@")[1] for guest in again["guests"] if guest["name"] in touched for service in guest["services"]}
    assert hosts <= set(changed)
    assert touched, "three times the memory is another size"
    assert planned(after, again) == again
