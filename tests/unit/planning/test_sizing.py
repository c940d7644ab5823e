# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes from what was observed over time: percentiles, comfort, growth, bounds; and that noise moves nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._planning.policy import Sizing
from hypothesis import given, settings
from hypothesis import strategies as st

from .estates import bare, cluster, load_over_time, mariadb, plan, policy, web

LARGE = {"hardware": {"cpus": 64, "memory_mib": 262144}, "measured": {"load": [0, 0, 1.0], "memory_used_mib": 1000}}


def sized(survey: dict[str, Any], previous: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    found = plan({survey["host"]: survey}, cluster(nodes=3, memory_gib=512, cores=128), previous, dropped_services=[], **changes)
    guest: dict[str, Any] = found["guests"][0]
    return guest | {"whole": found}


Four = tuple[float, float, float, float]


def db(cpu: Four, memory: Four = (1000, 2000, 3000, 4000), **changes: Any) -> dict[str, Any]:
    figures = {name: dict(zip(("p50", "p95", "p99", "max"), row, strict=True)) for name, row in (("cpu_cores", cpu), ("memory_mib", memory))}
    return bare("db1", 31, **mariadb(), **LARGE) | {"load": load_over_time("db1", measures=figures, **changes)}


CPU = (1.0, 4.0, 8.0, 16.0)


@pytest.mark.parametrize(
    ("month_end", "sizing", "cores"),
    [
        (False, {}, 6), (True, {}, 12), (True, {"percentile": 95}, 6), (False, {"percentile": 100}, 24), (True, {"comfort": 1.0}, 8),
        (True, {"cores_most": 10}, 10),
    ],
)  # fmt: skip
def test_cores_are_a_percentile_with_comfort(month_end: bool, sizing: dict[str, Any], cores: int) -> None:
    guest = sized(db(CPU, month_end=month_end), sizing=sizing)
    assert guest["cores"] == guest["sizing"]["chosen"]["cores"] == cores


def test_a_need_beyond_the_most_is_told() -> None:
    guest = sized(db(CPU), sizing={"cores_most": 10})
    assert "12 cores would be needed; plan_sizing.cores_most allows 10" in guest["sizing"]["reasons"]
    decided = sized(db(CPU), sizing={"cores_most": 10}, guests={"db-01": {"cores": 11}})
    assert decided["cores"] == 11 and not any("would be needed" in reason for reason in decided["sizing"]["reasons"])


def test_memory_is_p99_with_comfort_or_the_highest_with_headroom() -> None:
    assert sized(db(CPU))["memory_mib"] == 4608, "3000 MiB times 1.5"
    assert sized(db(CPU, (1, 2, 3, 9000)))["memory_mib"] == 10240, "9000 MiB and a tenth of the guest free"
    assert sized(db(CPU, (1, 2, 3, 9000)), sizing={"headroom": 0})["memory_mib"] == 9216


def test_what_is_configured_stays_the_least() -> None:
    survey = db(CPU, (1, 2, 3, 4))
    survey["mariadb"]["variables"] |= {"innodb_buffer_pool_size": str(8 * 1024**3), "max_connections": "500"}
    assert sized(survey)["memory_mib"] >= (8192 * 1.1 + 250) * 1.5


def test_disks_hold_what_will_have_grown() -> None:
    growing = {"target": "/data", "size_mib": 99999, "used_mib": 20000, "most_mib": 20000, "growth_mib_per_day": 100.0, "days": 30}
    survey = db(CPU, disks=[growing])
    survey["mariadb"] |= {"variables": {"datadir": "/data/mysql/"}, "databases": [{"name": "app", "size_mib": 10000, "tables": 1}]}
    survey["mounts"] = [{"source": "/dev/sdb", "target": "/data", "type": "ext4", "size_mib": 99999, "used_mib": 20000}]
    guest = sized(survey)
    disk = guest["disks"]["scsi0"]["size_gib"]
    assert disk == -(-(20000 * 1.5 + 180 * 100 + 3072) // 1024)
    assert guest["sizing"]["observed"]["disk_mib"] == {"used": 20000, "growth_mib_per_day": 100.0}
    assert "/data grows by 100 MiB a day; 180 days of it" in guest["sizing"]["reasons"]
    assert sized(survey, sizing={"horizon_days": 0})["disks"]["scsi0"]["size_gib"] == 33
    survey["load"]["disks"][0]["growth_mib_per_day"] = 104.0
    assert sized(survey, guest["whole"])["disks"]["scsi0"]["size_gib"] == disk, "noise in the growth moves nothing"
    survey["load"]["disks"][0]["growth_mib_per_day"] = -500.0
    assert sized(survey)["disks"]["scsi0"]["size_gib"] == 33, "shrinking is no reason for a smaller disk"


def test_without_load_over_time_the_moment_counts_and_says_so() -> None:
    survey = {name: part for name, part in db(CPU).items() if name != "load"}
    told = sized(survey)["sizing"]
    assert (told["source"], told["confidence"], told["coverage"]["days"]) == ("the moment of the survey", "low", 0)
    assert told["observed"]["cpu_cores"] is None
    survey["mounts"] = [{"source": "overlay", "target": "/", "type": "overlay", "size_mib": 1, "used_mib": 1}]
    assert sized(survey)["sizing"]["confidence"] == "none", "a container's load is the whole machine's"


def test_the_account_is_whole() -> None:
    told = sized(db(CPU, confidence="medium", month_end=False, reasons=["month's end was never seen"]))["sizing"]
    assert (told["source"], told["confidence"]) == ("load over time", "medium")
    assert told["coverage"] == {"days": 31, "samples": 4464, "month_end": False}
    assert told["observed"]["cpu_cores"] == {"p50": 1.0, "p95": 4.0, "p99": 8.0, "max": 16.0}
    assert "month's end was never seen" in told["reasons"] and any(reason.startswith("p95 of 4 cores") for reason in told["reasons"])


def test_little_confidence_counts_the_moment_too() -> None:
    survey = db((0.1, 0.1, 0.1, 0.1), (10, 10, 10, 10), confidence="low")
    survey["measured"] = {"load": [0, 0, 6.0], "memory_used_mib": 6000}
    assert (sized(survey)["cores"], sized(survey)["memory_mib"]) == (9, 9216)
    survey["load"]["confidence"] = "high"
    assert (sized(survey)["cores"], sized(survey)["memory_mib"]) == (2, 1024)


def test_one_more_survey_is_no_other_plan() -> None:
    first = plan({"db1": db(CPU)}, cluster(nodes=3, memory_gib=512, cores=128), dropped_services=[])
    survey = db((1.1, 4.2, 8.3, 16.5), (1010, 2020, 3030, 4040))
    survey["load"]["coverage"] |= {"days": 32, "samples": 4608}
    again = plan({"db1": survey}, cluster(nodes=3, memory_gib=512, cores=128), first, dropped_services=[])
    assert again["guests"] == first["guests"]
    busier = plan({"db1": db((1.0, 4.0, 20.0, 30.0))}, cluster(nodes=3, memory_gib=512, cores=128), first, dropped_services=[])
    assert busier["guests"][0]["cores"] == 30 and busier["guests"][0]["sizing"]["observed"]["cpu_cores"]["p99"] == 20.0


@settings(deadline=None, max_examples=20)  # a whole plan each
@given(st.lists(st.floats(0, 60), min_size=4, max_size=4), st.floats(0, 20), st.booleans())
def test_more_load_is_no_smaller_guest(cpu: list[float], more: float, month_end: bool) -> None:
    low = sorted(cpu)
    high = [value + more for value in low]
    one, other = (sized(db(tuple(row), month_end=month_end)) for row in (low, high))  # type: ignore[arg-type]
    assert one["cores"] <= other["cores"] <= 32


def test_postgresql_and_memcached_by_what_is_configured() -> None:
    from ansible_collections.lotse.estate.plugins.module_utils._planning.model import LegacyHost
    from ansible_collections.lotse.estate.plugins.module_utils._planning.sizing import NEEDS

    told = {"shared_buffers": "2GB", "max_connections": "200", "work_mem": "8MB", "data_directory": "/var/lib/postgresql/13/main"}
    cluster_ = {"port": 5432, "settings": told, "databases": [{"name": "app", "size_mib": 500}]}
    own = {"postgresql": {"version": "13.1", "clusters": [cluster_]}, "memcached": {"limit_mib": 1024}}
    host = LegacyHost("db1", bare("db1", 31) | own)
    assert NEEDS["postgresql"](host).memory_mib > 2048 + 200 * 9 and NEEDS["postgresql"](host).disk_mib == 1000
    assert NEEDS["memcached"](host).memory_mib > 1024
    for size in ("16384", "16384 x 8kB", "128MB", "131072kB", "unknown"):
        plain = LegacyHost("db1", bare("db1", 31) | {"postgresql": {"clusters": [{"port": 1, "settings": {"shared_buffers": size}}]}})
        assert "shared buffers 128 MiB" in NEEDS["postgresql"](plain).reasons[0], "a plain number counts blocks of 8 kB"


def test_children_that_are_no_number_are_five() -> None:
    page = copy.deepcopy(web("web1"))
    page["php"]["pools"][0]["pm"]["pm.max_children"] = "many"
    assert any("5 PHP children" in reason for reason in sized(bare("web1", 32, **page, **LARGE))["sizing"]["reasons"])


@pytest.mark.parametrize(
    ("sizing", "says"),
    [
        ({"percentile": 90}, "plan_sizing.percentile is 90"), ({"comfort": 0.5}, "plan_sizing.comfort is 0.5"), ({"headroom": 1}, "headroom is 1"),
        ({"headroom": "x"}, "plan_sizing.headroom"), ({"horizon_days": -1}, "horizon_days"), ({"cores_most": 0}, "cores_most"),
        ({"cores": 4}, "plan_sizing knows no cores"),
    ],
)  # fmt: skip
def test_policies_of_sizing_that_cannot_be(sizing: dict[str, Any], says: str) -> None:
    with pytest.raises(LotseError, match=says):
        policy(sizing=sizing)


def test_a_policy_of_sizing() -> None:
    assert policy().sizing == Sizing() and policy(sizing={"percentile": None, "comfort": 2}).comfort == 2
