# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plan does not know."""

from __future__ import annotations

from typing import Any

from ..cases import Case, Quiet, added, assessed, check, quiet, section, silent, unseen
from ..estates import concerns

LISTEN = {"protocol": "tcp", "address": "::", "port": 4711, "process": "ledgerd", "unit": "ledgerd.service"}
SSH = {"protocol": "tcp", "address": "::", "port": 22, "process": "sshd", "unit": "ssh.service"}
UNKNOWN_EXE = {"exe": "/usr/local/bin/x", "unit": None, "user": "root", "deleted": True}
PARTLY = [{"section": "machine", "reason": "product_serial: only root may read it"}]

CASES: list[Case] = [
    ("not-assessed", section("db1", "not_assessed", [{"section": "cron", "reason": "permission denied"}]), "critical", False),
    ("not-assessed", unseen("db1", "boot", "it took too long and was ended"), "warning", False),
    ("not-assessed", section("db1", "not_assessed", PARTLY), "info", False),
    ("unknown-service", section("db1", "listening", [LISTEN]), "critical", False),
    ("unknown-service", section("db1", "unpackaged", [UNKNOWN_EXE]), "critical", False),
    ("unpackaged-binary", section("db1", "unpackaged", [UNKNOWN_EXE]), "warning", False),
    ("nothing-to-move", added("old", 40), "warning", False),
]
SILENT: list[Quiet] = [
    ("not-assessed", section("db1", "not_assessed", [])),
    ("unknown-service", section("db1", "listening", [SSH])),
    ("unpackaged-binary", section("db1", "unpackaged", [])),
    ("nothing-to-move", section("db1", "listening", [SSH])),
]
test_a_detector_speaks = check(CASES)
test_a_detector_is_silent = silent(SILENT)


def test_what_was_not_seen_names_the_surprises_that_nobody_looked_for() -> None:
    surveys: dict[str, dict[str, Any]] = quiet()
    unseen("db1", "clock", "no answer")(surveys)
    row = concerns(assessed(surveys), "not-assessed")[0]
    assert "clock-offset (37)" in row["new"] and "tzdata-age (15)" in row["new"]
    assert "nobody looked for" in row["new"]
