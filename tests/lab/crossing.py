# SPDX-License-Identifier: GPL-3.0-or-later
"""Crosses the practice estate under live load: what `make demo` runs and what the integration tests drive.

A crossing is: the lab is up, users are busy, `site.yml` runs, the users stop, every acknowledged write is looked for, the report
is written. The estate's directory and the load's records stay for reading.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
ENTER = ROOT / "tests" / "lab" / "enter"
RATE = 25


@dataclass
class Crossing:
    """One lab by its name, and the commands that cross it."""

    lab: str = field(default_factory=lambda: os.environ.get("LOTSE_LAB", "lab"))

    @property
    def state(self) -> Path:
        return ROOT / ".lab" / self.lab

    @property
    def estate(self) -> Path:
        return ROOT / "estate" / "lab" if self.lab == "lab" else self.state / "estate"

    @property
    def load(self) -> Path:
        return self.state / "load"

    def environment(self, **extra: str) -> dict[str, str]:
        return {**os.environ, "LOTSE_LAB": self.lab, "PYTHONUNBUFFERED": "1", **extra}

    def lab_command(self, word: str) -> None:
        subprocess.run([sys.executable, "-m", "tests.lab", word], cwd=ROOT, env=self.environment(), check=True)

    def playbook_argv(self, name: str, *options: str) -> list[str]:
        return [str(ENTER), "ansible-playbook", f"playbooks/{name}.yml", "-i", "inventories/lab", *options]

    def playbook(self, name: str, *options: str, check: bool = True, capture: bool = False, **extra: str) -> subprocess.CompletedProcess[str]:
        """Runs one playbook against the lab to its end."""
        return subprocess.run(
            self.playbook_argv(name, *options), cwd=ROOT, env=self.environment(**extra), check=check, text=True, capture_output=capture
        )

    @contextlib.contextmanager
    def live_users(self, rate: int = RATE, settle: float = 3) -> Iterator[None]:
        """Users browse and write for as long as the block runs, and a little longer on both sides."""
        stop = self.load / "stop"
        self.load.mkdir(parents=True, exist_ok=True)
        for old in self.load.iterdir():
            old.unlink()
        argv = [str(ENTER), "python", "-m", "tests.lab.load", "run", "--dir", str(self.load), "--rate", str(rate), "--until", str(stop)]
        with (self.state / "load.log").open("wb") as log:
            users = subprocess.Popen(argv, cwd=ROOT, env=self.environment(), stdout=log, stderr=subprocess.STDOUT)
        try:
            time.sleep(settle)
            if users.poll() is not None:
                raise SystemExit(f"the live users did not start: {(self.state / 'load.log').read_text(encoding='utf-8')[-2000:]}")
            yield
            time.sleep(settle)
        finally:
            stop.touch()
            try:
                users.wait(timeout=30)
            except subprocess.TimeoutExpired:
                users.send_signal(signal.SIGTERM)
                users.wait(timeout=10)

    def audit(self) -> dict[str, Any]:
        """Looks for every acknowledged write through the edge. Lost and doubled writes are in the answer, not in the exit code."""
        argv = [str(ENTER), "python", "-m", "tests.lab.load", "audit", "--dir", str(self.load)]
        subprocess.run(argv, cwd=ROOT, env=self.environment(), check=False, stdout=subprocess.DEVNULL)
        answer: dict[str, Any] = json.loads((self.load / "audit.json").read_text(encoding="utf-8"))
        return answer

    def report(self) -> dict[str, Any]:
        self.playbook("report", "-e", f"report_load_dir={self.load}", capture=True)
        answer: dict[str, Any] = json.loads((self.estate / "reports" / "crossing.json").read_text(encoding="utf-8"))
        return answer


def ten_lines(figures: dict[str, Any], report: Path, seconds: float) -> str:
    """What matters, for a terminal."""

    def shown(value: Any) -> str:
        return "not proven" if value is None else str(value)

    latency = figures["latency_ms"]
    pauses = ", ".join(f"{move['service']} {shown(move['write_pause_ms'])} ms" for move in figures["moves"] if move["write_pause_ms"] is not None)
    controls = figures["controls"]
    return "\n".join(
        [
            f"requests        {shown(figures['requests_total'])}, failed {shown(figures['requests_failed'])}, over 2 s {shown(figures['requests_over_2s'])}",
            f"latency         p50 {latency['p50']} ms, p99 {latency['p99']} ms, max {latency['max']} ms",
            f"writes          {shown(figures['writes_acknowledged'])} acknowledged, "
            f"{shown(figures['writes_lost'])} lost, {shown(figures['writes_duplicated'])} duplicated",
            f"fenced side     {shown(figures['writes_on_fenced_side'])} writes",
            f"moves           {', '.join(move['service'] + ' ' + move['state'] for move in figures['moves'])}",
            f"write pauses    {pauses or 'none measured'}",
            f"controls        {controls['passed']} passed, {controls['failed']} failed, {controls['not_assessed']} not assessed",
            f"power           {shown(figures['power_watts_before'])} W before, {shown(figures['power_watts_after'])} W after",
            f"rack            {shown(figures['rack_units_before'])} U before, {shown(figures['rack_units_after'])} U after",
            f"report          {report} ({seconds:.0f} s in all)",
        ]
    )


def demo() -> int:
    started = time.monotonic()
    crossing = Crossing()
    crossing.lab_command("up")
    with crossing.live_users():
        crossed = crossing.playbook("site", check=False)
    if crossed.returncode != 0:
        print(f"demo: the crossing stopped (exit {crossed.returncode}); the lab is still up: make lab-down ends it", file=sys.stderr)
        return crossed.returncode
    crossing.audit()
    figures = crossing.report()
    print()
    print(ten_lines(figures, (crossing.estate / "reports" / "crossing.html").relative_to(ROOT), time.monotonic() - started))
    flawless = not any(figures[name] for name in ("requests_failed", "writes_lost", "writes_duplicated")) and figures["writes_lost"] == 0
    return 0 if flawless else 1


def main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["demo"]:
        print("usage: python -m tests.lab.crossing demo", file=sys.stderr)
        return 2
    return demo()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
