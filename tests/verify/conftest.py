# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the suites against the old and the new side of every move and writes evidence/verify.json.

A control is one statement: an id, a title, a severity, and a test marked ``@pytest.mark.control``. Its result is passed, failed
or not_assessed (with the reason); a host that cannot be reached makes it not assessed, never passed. What was proven about a
retired host stays as it was recorded while the host lived.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from testinfra.host import Host

SCHEMA = "lotse/verify/1"


@dataclass
class Estate:
    """The plan, the connection to its hosts, and the results so far."""

    directory: Path
    plan: dict[str, Any]
    ssh_config: Path
    recorded: dict[tuple[str, str, str], dict[str, Any]]
    retired: frozenset[str]
    results: list[dict[str, Any]] = field(default_factory=list)
    connections: dict[str, Host] = field(default_factory=dict)

    def guest(self, name: str) -> dict[str, Any]:
        return next(guest for guest in self.plan["guests"] if guest["name"] == name)

    def address(self, name: str) -> str:
        if name in self.plan["legacy"]:
            return str(self.plan["legacy"][name]["address"])
        return str(self.guest(name)["address"]).split("/")[0]

    def survey(self, host: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.directory / "survey" / f"{host}.json").read_text(encoding="utf-8"))
        return loaded

    def connect(self, name: str) -> Host:
        """One multiplexed connection for each host; unreachable and retired hosts leave the control unassessed."""
        if name in self.retired:
            pytest.skip(f"{name} is retired")
        if name not in self.connections:
            host = testinfra.get_host(f"ssh://{name}", ssh_config=str(self.ssh_config))
            if host.backend.run("true").rc != 0:
                pytest.skip(f"{name} ({self.address(name)}) cannot be reached over ssh")
            self.connections[name] = host
        return self.connections[name]


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lotse")
    group.addoption("--estate", required=True, help="directory estate/<env> with plan.yml")
    group.addoption("--ssh-key", required=True)
    group.addoption("--ssh-known-hosts", action="append", required=True)
    group.addoption("--ssh-user", default="root")
    group.addoption("--slot-query", default="", help="SQL that gives slot and number of runs, where cron jobs record their runs")


def pytest_configure(config: pytest.Config) -> None:
    directory = Path(config.getoption("estate"))
    plan_file = directory / "plan.yml"
    if not plan_file.is_file():
        raise pytest.UsageError(f"there is no plan in {plan_file}: run the playbook plan first")
    plan = yaml.safe_load(plan_file.read_text(encoding="utf-8"))
    if not plan.get("moves"):
        raise pytest.UsageError(f"{plan_file} has no moves: there is nothing to verify")
    ledger_file, evidence_file = directory / "ledger.yml", directory / "evidence" / "verify.json"
    ledger = yaml.safe_load(ledger_file.read_text(encoding="utf-8")) if ledger_file.is_file() else {}
    recorded = json.loads(evidence_file.read_text(encoding="utf-8"))["controls"] if evidence_file.is_file() else []
    work = Path(tempfile.mkdtemp(prefix="lotse-verify-"))
    config.estate = Estate(  # type: ignore[attr-defined]
        directory=directory,
        plan=plan,
        ssh_config=work / "ssh_config",
        recorded={(row["id"], row["move"], row["host"]): row for row in recorded},
        retired=frozenset(ledger.get("retired", {})),
    )
    write_ssh_config(config, config.estate)  # type: ignore[attr-defined]


def write_ssh_config(config: pytest.Config, estate: Estate) -> None:
    known = " ".join(config.getoption("ssh_known_hosts"))
    lines = [
        "Host *",
        f"  User {config.getoption('ssh_user')}",
        f"  IdentityFile {config.getoption('ssh_key')}",
        "  IdentitiesOnly yes",
        "  StrictHostKeyChecking yes",
        f"  UserKnownHostsFile {known}",
        "  GlobalKnownHostsFile /dev/null",
        "  BatchMode yes",
        "  ConnectTimeout 5",
        "  ControlMaster auto",
        f"  ControlPath {estate.ssh_config.parent}/%C",
        "  ControlPersist 20",
    ]
    for name in [*estate.plan["legacy"], *(guest["name"] for guest in estate.plan["guests"])]:
        lines += [f"Host {name}", f"  HostName {estate.address(name)}"]
    estate.ssh_config.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def estate(pytestconfig: pytest.Config) -> Estate:
    return pytestconfig.estate  # type: ignore[attr-defined,no-any-return]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """``move`` runs a test for each move of the suite's kind; ``guest`` for each guest of the plan."""
    plan = metafunc.config.estate.plan  # type: ignore[attr-defined]
    if "move" in metafunc.fixturenames:
        kinds = set(getattr(metafunc.module, "KINDS", ()))
        moves = [move for move in plan["moves"] if move["kind"] in kinds]
        metafunc.parametrize("move", moves, ids=[move["id"] for move in moves])
    if "guest" in metafunc.fixturenames:
        metafunc.parametrize("guest", plan["guests"], ids=[guest["name"] for guest in plan["guests"]])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """For a kind that the plan does not move there is nothing to verify; pytest leaves a placeholder for it, which is no control."""
    items[:] = [item for item in items if all(isinstance(value, dict) for name, value in _parameters(item).items() if name in {"move", "guest"})]


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


@pytest.fixture
def old(estate: Estate, move: dict[str, Any]) -> Host:
    return estate.connect(move["from"])


@pytest.fixture
def new(estate: Estate, move: dict[str, Any]) -> Host:
    return estate.connect(move["to"])


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    marker = item.get_closest_marker("control")
    if marker is None or (report.when != "call" and report.outcome == "passed"):
        return
    estate: Estate = item.config.estate  # type: ignore[attr-defined]
    parameters = item.callspec.params  # type: ignore[attr-defined]
    move, guest = parameters.get("move"), parameters.get("guest")
    names = set(item.fixturenames)  # type: ignore[attr-defined]
    pair = move is not None and {"old", "new"} <= names
    row = {
        "id": marker.kwargs["id"],
        "title": marker.kwargs["title"],
        "severity": marker.kwargs.get("severity", "warning"),
        "move": move["id"] if move else "",
        "side": "pair" if pair else "old" if "old" in names else "new",
        "host": f"{move['from']} -> {move['to']}"
        if pair and move
        else (guest or {}).get("name") or (move["from"] if "old" in names else move["to"]),
        "state": {"passed": "passed", "failed": "failed", "skipped": "not_assessed"}[report.outcome],
        "evidence": _evidence(report, call),
    }
    kept = estate.recorded.get((row["id"], row["move"], row["host"]))
    involved = {move["from"]} if move and "old" in names else set()
    if row["state"] == "not_assessed" and involved & estate.retired and kept:
        row = kept
    estate.results.append(row)


def _evidence(report: pytest.TestReport, call: pytest.CallInfo[None]) -> str:
    if report.outcome == "passed":
        return ""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(call.excinfo.value)[:2000] if call.excinfo else str(report.longrepr)[:2000]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    estate: Estate = session.config.estate  # type: ignore[attr-defined]
    for host in estate.connections.values():
        host.backend.run_local(f"ssh -F {estate.ssh_config} -O exit {host.backend.hostname}")
    if not estate.results:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
        return
    expected = {item.nodeid for item in session.items}
    if len(estate.results) < len(expected):
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
    rows = sorted(estate.results, key=lambda row: (row["move"], row["id"], row["host"]))
    target = estate.directory / "evidence" / "verify.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".tmp")
    partial.write_text(json.dumps({"schema": SCHEMA, "controls": rows}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(target)
    if any(row["state"] != "passed" for row in rows) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
