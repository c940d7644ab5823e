# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.lab.load run|audit``: see the package."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from . import EDGE, Address
from .audit import audit, is_flawless
from .crowd import LONGEST_S, Crowd, Settings
from .records import Records, RecordsError


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.load", description="Live users of the practice estate.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="let users come and go until the stop file appears; exit 1 when a request failed")
    run.add_argument("--rate", type=_rate, default=25.0, help="requests a second (25)")
    run.add_argument("--until", type=Path, required=True, metavar="STOPFILE")
    run.add_argument("--limit", type=float, default=LONGEST_S, help=f"seconds, at most {LONGEST_S}")
    run.add_argument("--seed", type=int, default=1)
    look = commands.add_parser("audit", help="look for every acknowledged write; exit 1 unless each is there exactly once")
    for command in (run, look):
        command.add_argument("--dir", type=Path, required=True, help="where the records are")
        command.add_argument(
            "--address", type=Address.parse, default=Address(EDGE), metavar="HOST[:PORT]", help=f"public address of the edge ({EDGE})"
        )
    return parser.parse_args(argv)


def _rate(text: str) -> float:
    rate = float(text)
    if not 1 <= rate <= 200:
        raise argparse.ArgumentTypeError("between 1 and 200 requests a second")
    return rate


def _run(chosen: argparse.Namespace) -> int:
    records = Records(chosen.dir)
    facts = {"started_at": time.time(), "rate": chosen.rate, "seed": chosen.seed}
    records.meta(**facts, ended_at=None)
    settings = Settings(chosen.address, chosen.rate, chosen.until, chosen.limit, chosen.seed)

    async def crowd() -> str:
        return await Crowd(settings, records).run()

    ended_by = "an error of the load itself"
    try:
        ended_by = asyncio.run(crowd())
    finally:
        records.meta(**facts, ended_at=time.time(), ended_by=ended_by, requests=records.requests, failed=records.failed, writes=records.writes)
        records.close()
    print(f"load: {records.requests} requests, {records.failed} failed, {records.writes} writes acknowledged; ended by {ended_by}", flush=True)
    return 1 if records.failed or not records.requests else 0


def _audit(chosen: argparse.Namespace) -> int:
    answer = audit(chosen.dir, chosen.address)
    print(answer["error"] or "audit: {writes_acknowledged} writes, {writes_lost} lost, {writes_duplicated} duplicated".format(**answer))
    return 0 if is_flawless(answer) else 1


def main(argv: Sequence[str]) -> int:
    chosen = _arguments(argv)
    try:
        return _run(chosen) if chosen.command == "run" else _audit(chosen)
    except (RecordsError, OSError) as error:
        print(f"load: error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
