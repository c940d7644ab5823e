# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module `report` does: reads the estate's files, computes, writes reports/crossing.json and .html when their bytes differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .._conduct import journal
from .._domain.errors import LotseError
from .._report import figures, page
from .._report.load import SCHEMA as LOAD_SCHEMA
from .._report.load import summarize
from . import estate_file, ledger
from .plan_file import read_plan

Result = dict[str, Any]

VERIFY_SCHEMA = "lotse/verify/1"
NEEDED = {"at", "ms", "ok"}


def run(params: Mapping[str, Any], *, check: bool) -> Result:
    """The module's result. Raises LotseError for a file that is missing, damaged, or of another schema; nothing was written then."""
    estate_dir = Path(params["estate_dir"])
    plan = read_plan(estate_dir)
    journals = {str(move["id"]): journal.read(estate_dir / "journal" / f"{move['id']}.jsonl") for move in plan["moves"]}
    journals = {name: entries for name, entries in journals.items() if entries}
    load = _load(estate_dir, params.get("load_dir"), figures.all_cuts(plan, journals))
    controls = _document(estate_dir / "evidence" / "verify.json", VERIFY_SCHEMA, "verify")
    rows = controls["controls"] if controls else None
    retired = _retired(estate_dir)
    crossing = figures.compute(plan, journals, load=load, controls=rows, retired=retired, phases=_phases(estate_dir))
    targets = {
        estate_dir / "reports" / "crossing.json": _json(crossing),
        estate_dir / "reports" / "crossing.html": page.render(crossing, plan, journals, load, rows),
    }
    if load and params.get("load_dir"):
        targets[estate_dir / "evidence" / "load.json"] = _json(load)
    differing = {path: text for path, text in targets.items() if _bytes(path) != text.encode("utf-8")}
    diff = [_diff(path, text) for path, text in differing.items()]
    if not check:
        for path, text in differing.items():
            estate_file.put(path, text)
    return {
        "changed": bool(differing),
        "crossing": crossing,
        "page": str(estate_dir / "reports" / "crossing.html"),
        "data": str(estate_dir / "reports" / "crossing.json"),
        "diff": diff,
    }


def _load(estate_dir: Path, load_dir: str | None, cuts: list[tuple[str, float, float]]) -> dict[str, Any] | None:
    """The load's summary: from its records, else what an earlier report kept of them."""
    if not load_dir:
        return _document(estate_dir / "evidence" / "load.json", LOAD_SCHEMA, "report with report_load_dir")
    folder = Path(load_dir)
    requests = folder / "requests.jsonl"
    if not requests.is_file():
        raise LotseError("there are no records of live users", str(requests), "name the load's directory in report_load_dir, or leave it empty")
    rows = _lines(requests)
    if broken := next((number for number, row in enumerate(rows, 1) if not isinstance(row, dict) or not row.keys() >= NEEDED), None):
        raise LotseError("this line is not the record of a request", f"{requests}, line {broken}", "the figures would be wrong; start a new load")
    writes = folder / "writes.jsonl"
    meta, audit = (_json_file(folder / name) for name in ("meta.json", "audit.json"))
    return summarize(rows, meta or {}, audit, len(_lines(writes)) if writes.is_file() else None, cuts)


def _lines(path: Path) -> list[Any]:
    """The objects of a file with one on each line. A last line without an end was cut off by the death of its writer, and does not count."""
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n")[:-1], 1):
        try:
            rows.append(json.loads(line))
        except ValueError as error:
            raise LotseError(f"this line is damaged ({error})", f"{path}, line {number}", "the figures would be wrong; restore the file") from error
    return rows


def _phases(estate_dir: Path) -> list[dict[str, Any]]:
    """Rows of phases.jsonl. It only adorns the timeline, so whatever is odd in it is left out."""
    path = estate_dir / "journal" / "phases.jsonl"
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
            if isinstance(row, dict) and {"at", "event", "name"} <= row.keys():
                rows.append(row)
        except ValueError:
            continue
    return rows


def _document(path: Path, schema: str, playbook: str) -> dict[str, Any] | None:
    """A JSON file of the estate; None where there is none."""
    found = _json_file(path)
    if found is not None and found.get("schema") != schema:
        raise LotseError(f"this is not a file of schema {schema}", str(path), f"run {playbook} again")
    return found


def _json_file(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LotseError(f"the file is damaged ({error})", str(path), "write it again") from error
    if not isinstance(loaded, dict):
        raise LotseError("the file does not hold an object", str(path), "write it again")
    return loaded


def _retired(estate_dir: Path) -> list[str]:
    try:
        return sorted(ledger.read(estate_dir)["retired"])
    except (ValueError, yaml.YAMLError) as error:
        raise LotseError(f"the savings ledger cannot be read ({str(error).splitlines()[0]})", str(estate_dir / "ledger.yml")) from error


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _diff(path: Path, text: str) -> dict[str, str]:
    """That a file differs, and of the figures how: each one before and after."""
    lines = [f"{path} ({'changes' if path.is_file() else 'new'})"]
    if path.name == "crossing.json":
        try:
            before = _flat(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
        except ValueError:
            before = {}
        after = _flat(json.loads(text))
        names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
        lines += [f"  {name}: {before.get(name, 'nothing')} -> {after.get(name, 'nothing')}" for name in names]
    return {"prepared": "\n".join(lines) + "\n"}


def _flat(value: Any, name: str = "") -> dict[str, str]:
    """Figures by dotted name. Of a list of moves each move's state and pause, of other lists the number of entries."""
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for key, entry in value.items():
            found |= _flat(entry, f"{name}.{key}" if name else key)
        return found
    if name == "moves":
        return {f"moves.{move['id']}": f"{move['state']}, pause {json.dumps(move['write_pause_ms'])} ms" for move in value}
    return {name: f"{len(value)} entries" if isinstance(value, list) else json.dumps(value)}


