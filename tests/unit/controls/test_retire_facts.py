# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import ledger
from ansible_collections.lotse.estate.plugins.module_utils._ansible.retire_facts import load_facts, parse_watched
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

LOOK = """== sockets
0 0 10.77.0.13:22 10.77.0.1:50000
== counters
table ip lotse_forward {
	chain prerouting {
		ip saddr != 10.77.0.103 tcp dport 3306 counter packets %d bytes 600 dnat to 10.77.0.103:3306
	}
}
"""


def test_both_looks_are_read() -> None:
    before, after = parse_watched(LOOK % 7 + "== again\n" + LOOK % 9 + "== end\n")
    rule = "ip saddr != 10.77.0.103 tcp dport 3306 dnat to 10.77.0.103:3306"
    assert (before.counters, after.counters) == ({rule: 7}, {rule: 9})
    assert "10.77.0.1:50000" in before.sockets


@pytest.mark.parametrize("output", ["", LOOK % 7, LOOK % 7 + "== again\n" + LOOK % 7])
def test_half_a_look_proves_nothing(output: str) -> None:
    with pytest.raises(LotseError, match="not watched to the end"):
        parse_watched(output)


def test_a_missing_plan_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LotseError, match=r"plan\.yml"):
        load_facts(tmp_path)


def test_the_ledger_keeps_its_rows(tmp_path: Path) -> None:
    ledger.add(tmp_path, "db1", {"watts": 350})
    ledger.add(tmp_path, "web1", {"watts": 320})
    assert ledger.read(tmp_path)["retired"] == {"db1": {"watts": 350}, "web1": {"watts": 320}}


def test_a_host_that_is_being_switched_off_is_noted_before(tmp_path: Path) -> None:
    ledger.begin(tmp_path, "db1", {"watts": 350})
    assert (ledger.read(tmp_path)["retired"], ledger.read(tmp_path)["retiring"]) == ({}, {"db1": {"watts": 350}})
    ledger.add(tmp_path, "db1", {"watts": 350, "retired_at": "2026-11-24"})
    assert ledger.read(tmp_path) == {"schema": ledger.SCHEMA, "retired": {"db1": {"watts": 350, "retired_at": "2026-11-24"}}}


def test_ansibles_tagged_strings_can_be_written(tmp_path: Path) -> None:
    from ansible.template import trust_as_template

    host, facts = trust_as_template("db1"), {"watts": 350, "note": trust_as_template("old")}
    ledger.add(tmp_path, host, facts)
    assert ledger.read(tmp_path)["retired"] == {"db1": {"watts": 350, "note": "old"}}


def test_a_foreign_ledger_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ledger.yml").write_text("{}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not a ledger"):
        ledger.read(tmp_path)
