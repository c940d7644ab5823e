# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's work on files: written once, not in check mode, shown in the diff, refused with one clear error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.report_run import run
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError

from . import estate
from .estate import LAB


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    more = {"controls": estate.controls(LAB), "retired": ["db1"], "phases": estate.phases("Plan | a")}
    return estate.write(tmp_path / "estate", LAB, estate.crossed(LAB), **more)


@pytest.fixture
def load_dir(tmp_path: Path) -> Path:
    return estate.write_load(tmp_path / "load", estate.requests(330), estate.audit(), seconds=330)


def report(directory: Path, load_dir: Path | None = None, *, check: bool = False) -> dict[str, Any]:
    return run({"estate_dir": str(directory), "load_dir": str(load_dir) if load_dir else None}, check=check)


def figures(directory: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / "reports" / "crossing.json").read_text(encoding="utf-8"))
    return found


def files(directory: Path) -> dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()}


def test_writes_figures_and_page(directory: Path, load_dir: Path) -> None:
    result = report(directory, load_dir)
    assert result["changed"]
    assert figures(directory) == result["crossing"]
    assert figures(directory)["requests_total"] == 8250
    assert Path(result["page"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_second_run_changes_nothing(directory: Path, load_dir: Path) -> None:
    report(directory, load_dir)
    before = files(directory)
    for again in (report(directory, load_dir), report(directory, load_dir, check=True)):
        assert (again["changed"], again["diff"]) == (False, [])
    assert files(directory) == before


def test_a_later_run_needs_the_records_no_more(directory: Path, load_dir: Path) -> None:
    report(directory, load_dir)
    with (directory / "journal" / "phases.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"at": "2026-11-24T09:00:00+00:00", "run": "r9", "event": "play started", "name": "Survey | again"}) + "\n")
    assert not report(directory)["changed"]


def test_without_any_records_what_users_saw_is_null(directory: Path) -> None:
    report(directory)
    assert (figures(directory)["requests_total"], figures(directory)["writes_lost"]) == (None, None)
    assert not (directory / "evidence" / "load.json").exists()


def test_kept_records_of_another_time_are_not_used(directory: Path, load_dir: Path) -> None:
    report(directory, load_dir)
    for name, entries in estate.crossed(LAB, start=90_000).items():
        (directory / "journal" / f"{name}.jsonl").write_text(estate.lines(entries), encoding="utf-8")
    assert report(directory)["crossing"]["requests_total"] is None


def test_check_mode_writes_nothing_and_says_what_would_change(directory: Path, load_dir: Path) -> None:
    before = files(directory)
    result = report(directory, load_dir, check=True)
    assert result["changed"]
    assert result["crossing"]["requests_total"] == 8250
    assert files(directory) == before


def test_the_diff_shows_the_figures_that_change(directory: Path, load_dir: Path) -> None:
    report(directory, load_dir)
    (directory / "ledger.yml").unlink()
    text = "".join(piece["prepared"] for piece in report(directory, load_dir, check=True)["diff"])
    assert "  power_watts_after: 772 -> 1122\n" in text
    assert "crossing.html (changes)" in text
    assert "requests_total" not in text
    fresh = "".join(piece["prepared"] for piece in report(estate.write(directory.parent / "fresh", LAB, estate.crossed(LAB)), check=True)["diff"])
    assert "  moves.mariadb: nothing -> committed, pause 34.5 ms\n" in fresh


def test_a_torn_last_line_is_no_record(directory: Path, load_dir: Path) -> None:
    with (load_dir / "requests.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"at": 17')
    assert report(directory, load_dir)["crossing"]["requests_total"] == 8250


def break_chain(directory: Path) -> None:
    path = directory / "journal" / "redis.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"writes": 0', '"writes": 1'), encoding="utf-8")


ERRORS = {
    "no plan": (lambda directory, _load: (directory / "plan.yml").unlink(), "there is no plan"),
    "another schema": (lambda directory, _load: (directory / "plan.yml").write_text("schema: lotse/plan/9\n"), "not a plan of schema"),
    "no yaml": (lambda directory, _load: (directory / "plan.yml").write_text("a: [\n"), "the plan cannot be read"),
    "changed journal": (lambda directory, _load: break_chain(directory), "the journal was changed"),
    "damaged evidence": (lambda directory, _load: (directory / "evidence" / "verify.json").write_text("{"), "the file is damaged"),
    "other evidence": (lambda directory, _load: (directory / "evidence" / "verify.json").write_text("{}"), "not a file of schema lotse/verify/1"),
    "damaged ledger": (lambda directory, _load: (directory / "ledger.yml").write_text("schema: x\n"), "savings ledger"),
    "no records": (lambda _directory, load: (load / "requests.jsonl").unlink(), "no records of live users"),
    "damaged record": (lambda _directory, load: (load / "requests.jsonl").write_text("{}\nx\n"), "line 2"),
    "no request": (lambda _directory, load: (load / "requests.jsonl").write_text('{"at": 1, "ms": 2, "ok": true}\n{"at": 1}\n'), "line 2"),
}


@pytest.mark.parametrize(("spoil", "expected"), ERRORS.values(), ids=ERRORS)
def test_one_clear_error_and_nothing_written(directory: Path, load_dir: Path, spoil: Any, expected: str) -> None:
    spoil(directory, load_dir)
    before = files(directory)
    with pytest.raises(LotseError, match=expected):
        report(directory, load_dir)
    assert files(directory) == before
