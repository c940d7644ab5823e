# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that hang, flood, lie or break off, on connections that are made to: one clear error each, and the others are surveyed."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import bounded, survey_estate
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._survey import schema

from .helpers import surveyed
from .test_survey_playbook import Estate

# What stands in for ssh: its last argument is what the host would run. Each call is a line in the log: a round trip.
CLIENT = """#!/bin/sh
echo "$$" >> {log}
for last; do :; done
{does}
"""
RUNS = 'exec sh -c "$last"'


class Connection:
    """A connection to this machine that counts its calls."""

    def __init__(self, folder: Path, name: str, does: str) -> None:
        self.log, self.program = folder / f"{name}.log", folder / name
        self.program.write_text(CLIENT.format(log=self.log, does=does), encoding="utf-8")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)
        self.variables: dict[str, Any] = {"ansible_host": "192.0.2.1", "ansible_ssh_executable": str(self.program)}

    def calls(self) -> list[int]:
        return [int(line) for line in self.log.read_text(encoding="utf-8").split()] if self.log.is_file() else []


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_bad_hosts_are_one_clear_error_each_and_the_good_one_is_surveyed(tmp_path: Path) -> None:
    does = {
        "good1": RUNS,
        "hangs1": "cat > /dev/null & exec sleep 300",
        "floods1": "exec yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "binary1": "head -c 100000 /dev/urandom; cat > /dev/null",
        "cut1": 'sh -c "$last" | head -c 3000',
        "silent1": "cat > /dev/null",
    }
    hosts = {name: Connection(tmp_path, name, what) for name, what in does.items()}
    estate = Estate(tmp_path)
    began = time.monotonic()
    done = estate.play({name: host.variables for name, host in hosts.items()}, "-e", "survey_timeout=25")
    took = time.monotonic() - began
    assert done.returncode != 0
    assert "Not surveyed: binary1, cut1, floods1, hangs1, silent1. Unreachable is not absent" in done.stdout
    assert "Timed out after 29 second(s)" in done.stdout
    # On a busy machine the time is over before the memory.
    assert "its answer does not end; it was not read further \u2014 floods1" in done.stdout or done.stdout.count("Timed out after") > 2
    ended = "the survey's program did not run to its end \u2014 "
    for name in ("cut1", "silent1"):
        assert ended + name in done.stdout
    assert ended + "binary1" in done.stdout or done.stdout.count("Timed out after") > 2
    assert all(character.isprintable() or character in "\n\t" for character in done.stdout)
    assert took < 180
    assert estate.survey("good1")["host"] == "good1"
    assert sorted(path.name for path in (estate.folder / "survey").iterdir()) == ["good1.json"]
    assert {name: len(host.calls()) for name, host in hosts.items()} == dict.fromkeys(hosts, 1), "more than one round trip"
    assert not [pid for host in hosts.values() for pid in host.calls() if alive(pid)], "a connection was left behind"


def test_a_survey_of_an_older_shape_is_replaced_and_one_of_a_newer_is_not(tmp_path: Path) -> None:
    path = survey_estate.path_of(tmp_path, "db1")
    path.parent.mkdir(parents=True)
    text = schema.dump(surveyed("db1"))
    path.write_text(text.replace(schema.NAME, "lotse/survey/1"), encoding="utf-8")
    assert survey_estate.former(path) is None
    with pytest.raises(LotseError, match=r"schema: 'lotse/survey/1', and this Lotse reads 'lotse/survey/2' .* run the playbook survey again"):
        survey_estate.read(path)
    path.write_text(text.replace(schema.NAME, "lotse/survey/9"), encoding="utf-8")
    with pytest.raises(LotseError, match="written by a newer Lotse: use that one, or delete the file"):
        survey_estate.former(path)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda text: text[: len(text) // 2], "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "the file"),
        (lambda text: text.replace('"lotse/survey/2"', "7"), "schema: '7'"),
        (lambda text: text.replace('"port": 3306,', '"port": 99999999,'), r"listening\[\d+\]\.port"),
        (lambda text: text.replace('"uptime_s": ', '"uptime_s": -'), r"measured\.uptime_s"),
        (lambda text: text.replace('"kernel"', '"kernels"'), "os: 'kernel' is a required property"),
        (lambda text: text.replace('"cron": ', '"corn": '), "cron: neither surveyed nor listed"),
    ],
)
def test_a_survey_edited_by_hand_is_named_with_its_field(damage: Any, named: str) -> None:
    text = schema.dump(surveyed("db1"))
    damaged = damage(text) if callable(damage) else damage
    assert damaged != text
    with pytest.raises(LotseError, match=named) as error:
        schema.load(damaged, "survey/db1.json")
    assert error.value.where == "survey/db1.json"
    assert error.value.remedy


def test_a_survey_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "db1.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(LotseError, match="not text in UTF-8"):
        survey_estate.read(path)


def test_memory_is_bounded_and_free_again_afterwards() -> None:
    with pytest.raises(MemoryError), bounded.memory(64):
        bytearray(256 * 2**20)
    assert len(bytearray(256 * 2**20)) == 256 * 2**20
