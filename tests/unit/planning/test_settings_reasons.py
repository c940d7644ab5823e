# SPDX-License-Identifier: GPL-3.0-or-later
"""The reason of each setting, and the operating system of each guest."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning import concerns as catalogue
from ansible_collections.lotse.estate.plugins.module_utils._planning.concerns.detector import Detector
from ansible_collections.lotse.estate.plugins.module_utils._planning.model import Draft, Finding

from .estates import lab_cluster, plan


def guest(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in found["guests"] if row["name"] == name)


def test_each_setting_says_what_debian_13_would_have() -> None:
    found = plan()
    reasons = guest(found, "db-01")["settings_reasons"]
    assert reasons["mariadb_settings.sql_mode"].startswith("carried over; Debian 13 has STRICT_TRANS_TABLES")
    assert reasons["base_time_zone, mariadb_nofile"] == "as on db1"
    assert reasons["everything else"].startswith("Debian 13's default")
    assert guest(found, "web-01")["settings_reasons"]["web_php_pools[classic].memory_limit"] == "carried over; Debian 13 has 128M"


def carried(**changes: Any) -> dict[str, Any]:
    cluster = lab_cluster()
    cluster["templates"].append({**cluster["templates"][0], "name": "bullseye", "vmid": 9011})
    return plan(cluster=cluster, os={"guests": {"db-01": "carry"}}, templates={"Debian 11": "bullseye"}, **changes)


def test_a_guest_may_carry_the_old_system_on() -> None:
    found = carried()
    assert guest(found, "db-01")["template"] == "bullseye"
    assert guest(found, "db-01")["os"] == {"choice": "carry", "from": "debian 11", "to": "debian 11", "reason": "plan_os.guests.db-01 is carry"}
    assert guest(found, "web-01")["os"]["choice"] == "lift"


@pytest.mark.parametrize(("changes", "says"), [
    ({"os": {"guests": {"db-01": "carry"}}}, "db-01 is to carry debian 11 of db1 on, and there is no template for that"),
    ({"os": {"default": "keep"}}, "plan_os.default is 'keep', not lift or carry"), ({"os": {"db-01": "carry"}}, "plan_os knows no db-01"),
    ({"os": {"guests": {"db-09": "carry"}}}, "plan_os.guests decides about db-09"),
    ({"rates": {"db": 1}}, "plan_rates knows no db"), ({"target": -1}, "plan_target is -1"), ({"waves": {"most": 1}}, "plan_waves knows no most"),
])  # fmt: skip
def test_what_cannot_be(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(LotseError, match=says):
        plan(**changes)


def test_what_a_new_version_changes_is_no_concern_of_a_guest_that_carries_the_old_one_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(_: Draft) -> Any:
        yield Finding("db1", "warning", "old", "new", "remedy", service="mariadb@db1")
        yield Finding("web1", "warning", "old", "new", "remedy", service="http@web1")

    monkeypatch.setattr(catalogue, "DETECTORS", (Detector("a", "t", find, only_lifted=True), Detector("b", "t", find)))
    assert [(row["id"], row["host"]) for row in carried()["concerns"]] == [("a", "web1"), ("b", "db1"), ("b", "web1")]
