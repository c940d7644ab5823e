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
PAUSE_MS = 500
UNWANTED = ("failed", "not_assessed")


class LoadError(Exception):
    """The live users could not do their work; nothing is proven."""


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
        """Users browse and write for as long as the block runs, and a little longer on both sides.

        Raises LoadError when they did not come, or went before the block's end: then nothing is known about the rest of it.
        """
        stop = self.load / "stop"
        self.load.mkdir(parents=True, exist_ok=True)
        for old in self.load.iterdir():
            old.unlink()
        argv = [str(ENTER), "python", "-m", "tests.lab.load", "run", "--dir", str(self.load), "--rate", str(rate), "--until", str(stop)]
        with (self.state / "load.log").open("wb") as log:
            users = subprocess.Popen(argv, cwd=ROOT, env=self.environment(), stdout=log, stderr=subprocess.STDOUT)
        try:
            time.sleep(settle)
            self._still_there(users)
            yield
            time.sleep(settle)
            self._still_there(users)
        finally:
            stop.touch()
            try:
                users.wait(timeout=30)
            except subprocess.TimeoutExpired:
                users.send_signal(signal.SIGTERM)
                try:
                    users.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    users.kill()
                    users.wait()

    def _still_there(self, users: subprocess.Popen[bytes]) -> None:
        if users.poll() is not None:
            log = (self.state / "load.log").read_text(encoding="utf-8", errors="replace")
            raise LoadError(f"the live users are gone before the end (exit {users.returncode}): {log[-2000:].strip() or 'no word'}")

    def audit(self) -> dict[str, Any]:
        """Looks for every acknowledged write through the edge. What is lost, doubled or not proven is in the answer."""
        answer = self.load / "audit.json"
        answer.unlink(missing_ok=True)
        argv = [str(ENTER), "python", "-m", "tests.lab.load", "audit", "--dir", str(self.load)]
        done = subprocess.run(argv, cwd=ROOT, env=self.environment(), check=False, text=True, capture_output=True)
        if not answer.exists():
            raise LoadError(f"the audit gave no answer (exit {done.returncode}): {done.stderr[-1000:].strip()}")
        audited: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return audited

    def report(self) -> dict[str, Any]:
        self.playbook("report", "-e", f"report_load_dir={self.load}", capture=True)
        answer: dict[str, Any] = json.loads((self.estate / "reports" / "crossing.json").read_text(encoding="utf-8"))
        return answer


def shown(value: Any) -> str:
    """A figure for a terminal; nothing known is not a zero."""
    return "not proven" if value is None else str(value)


def ten_lines(figures: dict[str, Any], report: Path, seconds: float) -> str:
    """What matters, for a terminal."""
    value = {name: shown(figure) for name, figure in figures.items()}
    latency, controls = figures["latency_ms"], figures["controls"]
    pauses = ", ".join(f"{move['service']} {move['write_pause_ms']} ms" for move in figures["moves"] if move["write_pause_ms"] is not None)
    lines = {
        "requests": f"{value['requests_total']}, failed {value['requests_failed']}, over 2 s {value['requests_over_2s']}",
        "latency": ", ".join(f"{name} {shown(latency[name])} ms" for name in ("p50", "p99", "max")),
        "writes": f"{value['writes_acknowledged']} acknowledged, {value['writes_lost']} lost, {value['writes_duplicated']} duplicated",
        "fenced side": f"{value['writes_on_fenced_side']} writes",
        "moves": ", ".join(f"{move['service']} {move['state']}" for move in figures["moves"]) or "none",
        "write pauses": pauses or "none measured",
        "controls": ", ".join(f"{shown(controls[state])} {state.replace('_', ' ')}" for state in ("passed", *UNWANTED)),
        "power": f"{value['power_watts_before']} W before, {value['power_watts_after']} W after",
        "rack": f"{value['rack_units_before']} U before, {value['rack_units_after']} U after",
        "report": f"{report} ({seconds:.0f} s in all)",
    }
    return "\n".join(f"{name:15} {text}" for name, text in lines.items())


def broken_promises(figures: dict[str, Any]) -> list[str]:
    """What the crossing promises and did not keep, or did not prove, in words."""
    broken = [
        f"{name} is {shown(figures.get(name))}, not 0"
        for name in ("requests_failed", "requests_over_2s", "writes_lost", "writes_duplicated", "writes_on_fenced_side")
        if figures.get(name) != 0
    ]
    broken += [
        f"{name} is {shown(figures.get(name))}: nothing was measured" for name in ("requests_total", "writes_acknowledged") if not figures.get(name)
    ]
    moves = figures["moves"]
    broken += [f"{move['service']} is {move['state']}, not committed" for move in moves if move["state"] != "committed"]
    for kind in ("mariadb", "redis"):
        pauses = {move["service"]: move["write_pause_ms"] for move in moves if move["kind"] == kind}
        broken += [] if pauses else [f"nothing of the kind {kind} has moved"]
        broken += [f"{name} paused writes for {shown(ms)} ms, not under {PAUSE_MS}" for name, ms in pauses.items() if ms is None or ms >= PAUSE_MS]
    broken += [
        f"{state.replace('_', ' ')} controls are {shown(figures['controls'][state])}, not 0" for state in UNWANTED if figures["controls"][state] != 0
    ]
    broken += [] if figures["controls"]["passed"] else ["no control has passed"]
    broken += [f"nobody watched the cutover of {move}" for move in figures["cutovers_unwatched"]]
    for name, unit in (("power_watts", "W"), ("rack_units", "U")):
        before, after = figures[f"{name}_before"], figures[f"{name}_after"]
        if before is None or after is None or after > before / 2:
            broken.append(f"{name} went from {shown(before)} to {shown(after)} {unit}, not to half")
    return broken


def demo() -> int:
    """The whole crossing. 0 only when every promise is kept and proven."""
    started = time.monotonic()
    crossing = Crossing()
    crossing.lab_command("up")
    with crossing.live_users():
        crossed = crossing.playbook("site", check=False)
    stopped = [f"the crossing stopped (site.yml, exit {crossed.returncode})"] if crossed.returncode else []
    if error := crossing.audit()["error"]:
        stopped.append(f"the audit proves nothing: {error}")
    try:
        figures = crossing.report()
    except subprocess.CalledProcessError as failure:
        print(failure.stdout[-4000:], failure.stderr[-2000:], file=sys.stderr)
        stopped.append(f"there is no report (report.yml, exit {failure.returncode})")
    else:
        page = (crossing.estate / "reports" / "crossing.html").relative_to(ROOT)
        print("\n" + ten_lines(figures, page, time.monotonic() - started), flush=True)
        stopped += broken_promises(figures)
    for promise in stopped:
        print(f"demo: broken: {promise}", file=sys.stderr)
    print("demo: the lab is still up: make lab-down ends it", flush=True)
    return 1 if stopped else 0


def main(arguments: Sequence[str]) -> int:
    if list(arguments) != ["demo"]:
        print("usage: python -m tests.lab.crossing demo", file=sys.stderr)
        return 2
    try:
        return demo()
    except (LoadError, subprocess.CalledProcessError) as error:  # the command itself has said what was wrong
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; the lab may still be up: make lab-down ends it", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
