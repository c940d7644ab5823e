# SPDX-License-Identifier: GPL-3.0-or-later
"""What the retirement gates look at: the estate's files, and the legacy host's connections over a while."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .._conduct.journal import move_states
from .._domain.errors import LotseError

# One round trip: connections and forwarding counters, a pause, the same again. A host without nft forwards nothing.
WATCH_SCRIPT = """
look() {{ echo "== sockets"; ss -Htnp state established || exit 3; echo "== counters"; nft list table ip lotse_forward 2>/dev/null; true; }}
look && sleep {seconds} && echo "== again" && look && echo "== end"
"""


@dataclass(frozen=True)
class Facts:
    """The plan, the moves' states by id, and the recorded controls."""

    plan: Mapping[str, Any]
    states: Mapping[str, str]
    controls: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Watched:
    """``ss`` lines, and packets by forwarding rule."""

    sockets: str
    counters: Mapping[str, int]


def load_facts(estate_dir: Path) -> Facts:
    """Reads plan, journal and evidence. Raises LotseError where one is missing: nothing is proven without it."""
    plan_file, evidence_file = estate_dir / "plan.yml", estate_dir / "evidence" / "verify.json"
    for path, playbook in ((plan_file, "plan"), (evidence_file, "verify")):
        if not path.is_file():
            raise LotseError("a file is missing that the gates need", str(path), f"run the playbook {playbook} first")
    plan = yaml.safe_load(plan_file.read_text(encoding="utf-8"))
    controls = json.loads(evidence_file.read_text(encoding="utf-8"))["controls"]
    return Facts(plan, move_states(estate_dir), controls)


def parse_watched(output: str) -> tuple[Watched, Watched]:
    """Both looks of WATCH_SCRIPT. Raises LotseError when the output is cut: half a look proves nothing."""
    if "== end" not in output or "== again" not in output:
        raise LotseError("the connections were not watched to the end", "", "run it again; nothing was changed")
    before, after = output.split("== end")[0].split("== again")
    return _look(before), _look(after)


def _look(text: str) -> Watched:
    sockets, counters = text.split("== sockets")[1].split("== counters")
    packets: dict[str, int] = {}
    for line in counters.splitlines():
        match = re.search(r"^\s*(.*?)counter packets (\d+) bytes \d+(.*)$", line)
        if match:
            packets[" ".join([*match[1].split(), *match[3].split()])] = int(match[2])
    return Watched(sockets, packets)
