# SPDX-License-Identifier: GPL-3.0-or-later
"""The command itself: it ends when it should, says how it went, and leaves whole records."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.lab.load import Address

from .community import Community

ROOT = Path(__file__).parents[3]
LOAD = [sys.executable, "-m", "tests.lab.load"]


def argv(command: str, folder: Path, address: Address, *options: str) -> list[str]:
    return [*LOAD, command, "--dir", str(folder), "--address", f"{address.host}:{address.port}", *options]


def start(folder: Path, address: Address, *options: str) -> subprocess.Popen[str]:
    options = ("--rate", "50", "--until", str(folder / "stop"), *options)
    return subprocess.Popen(argv("run", folder, address, *options), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def rows(folder: Path, name: str = "requests") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]


def wait_for_rows(folder: Path, count: int, timeout: float = 20) -> None:
    deadline = time.monotonic() + timeout
    while not (folder / "requests.jsonl").exists() or len(rows(folder)) < count:
        assert time.monotonic() < deadline, "the load has not begun"
        time.sleep(0.05)


def test_a_load_and_its_audit(tmp_path: Path, community: Community, address: Address) -> None:
    folder = tmp_path / "load"
    load = start(folder, address)
    wait_for_rows(folder, 150)
    (folder / "stop").touch()
    output, _ = load.communicate(timeout=10)
    assert load.returncode == 0, output
    found, meta = rows(folder), json.loads((folder / "meta.json").read_text())
    assert (meta["ended_by"], meta["rate"], meta["failed"], meta["requests"]) == ("the stop file", 50, 0, len(found))
    assert meta["requests"] == pytest.approx(50 * (meta["ended_at"] - meta["started_at"]), rel=0.15)
    assert len({row["op"] for row in found}) >= 8
    assert len(community.connections) > 5, "visitors come and go"
    assert len(community.requests) == len(found)

    look = subprocess.run(argv("audit", folder, address), cwd=ROOT, text=True, capture_output=True, check=False)
    audit = json.loads((folder / "audit.json").read_text())
    assert look.returncode == 0, look.stdout
    assert audit["writes_acknowledged"] == len(rows(folder, "writes")) == meta["writes"] > 20
    assert (audit["writes_lost"], audit["writes_duplicated"], audit["error"]) == (0, 0, "")

    tokens = Counter(row["kind"] for row in rows(folder, "writes"))
    assert min(tokens[kind] for kind in ("messages", "uploads", "drafts", "profiles")) > 0
    mine = [row["token"] for row in rows(folder, "writes") if row["kind"] == "messages"]
    community.messages.remove(mine[0])
    community.messages.append(mine[1])
    look = subprocess.run(argv("audit", folder, address), cwd=ROOT, text=True, capture_output=True, check=False)
    audit = json.loads((folder / "audit.json").read_text())
    assert look.returncode == 1
    assert (audit["lost"], audit["duplicated"]) == ([f"messages {mine[0]}"], [f"messages {mine[1]}"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_whole_records(tmp_path: Path, address: Address, number: signal.Signals) -> None:
    folder = tmp_path / "load"
    load = start(folder, address)
    wait_for_rows(folder, 20)
    load.send_signal(number)
    load.communicate(timeout=10)
    assert load.returncode == 0
    assert json.loads((folder / "meta.json").read_text())["ended_by"] == number.name


def test_it_has_a_time_limit(tmp_path: Path, address: Address) -> None:
    folder = tmp_path / "load"
    load = start(folder, address, "--limit", "1")
    load.communicate(timeout=10)
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["ended_by"] == "the time limit"
    assert 30 < meta["requests"] < 75


def test_it_ends_when_its_parent_is_gone(tmp_path: Path, address: Address) -> None:
    folder = tmp_path / "load"
    words = argv("run", folder, address, "--rate", "50", "--until", str(folder / "stop"))
    parent = subprocess.Popen(
        [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])", *words],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    wait_for_rows(folder, 20)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while json.loads((folder / "meta.json").read_text())["ended_at"] is None:
        assert time.monotonic() < deadline, "the load goes on without its parent"
        time.sleep(0.1)
    assert json.loads((folder / "meta.json").read_text())["ended_by"] == "the parent is gone"


def test_an_outage_is_counted_and_the_pace_is_kept(tmp_path: Path, community: Community, address: Address) -> None:
    folder = tmp_path / "load"
    load = start(folder, address, "--limit", "4")
    wait_for_rows(folder, 50)
    community.faults.add("503")
    time.sleep(1)
    community.faults.clear()
    output, _ = load.communicate(timeout=30)
    found = rows(folder)
    failed = [row for row in found if not row["ok"]]
    assert load.returncode == 1, output
    assert 25 < len(failed) < 80
    assert {row["status"] for row in failed} <= {503, 401}
    assert len(found) == pytest.approx(200, rel=0.1)
    assert rows(folder, "unanswered"), "a write that was refused is not forgotten"


def test_nobody_listens(tmp_path: Path) -> None:
    folder = tmp_path / "load"
    load = start(folder, Address("127.0.0.1", 9), "--limit", "1")
    load.communicate(timeout=20)
    assert load.returncode == 1
    assert rows(folder)
    assert not any(row["ok"] for row in rows(folder))
    look = subprocess.run(argv("audit", folder, Address("127.0.0.1", 9)), cwd=ROOT, text=True, capture_output=True, check=False, env={**os.environ})
    assert look.returncode == 1
    assert json.loads((folder / "audit.json").read_text())["writes_lost"] is None


def test_records_of_an_earlier_load_are_an_error(tmp_path: Path, address: Address) -> None:
    (tmp_path / "requests.jsonl").touch()
    load = start(tmp_path, address)
    _, errors = load.communicate(timeout=10)
    assert load.returncode == 2
    assert errors.startswith("load: error: ")
    assert "earlier load" in errors


@pytest.mark.parametrize("words", [["run"], ["run", "--dir", "x", "--until", "y", "--rate", "0"], ["audit"], []])
def test_wrong_words_are_an_error(words: list[str], tmp_path: Path) -> None:
    done = subprocess.run([*LOAD, *words], cwd=ROOT, text=True, capture_output=True, check=False)
    assert done.returncode == 2
    assert "usage:" in done.stderr
