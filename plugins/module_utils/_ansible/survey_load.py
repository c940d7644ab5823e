# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host's load over time meets the estate's files: what a survey adds, and what the plan reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .._domain.errors import LotseError
from .._survey.load import history, summary
from .._survey.load.observe import archives, observe
from .._survey.parts import sysstat
from .._survey.wire import Section
from . import estate_file, prometheus
from .prometheus import Prometheus


def update(
    estate_dir: Path, survey: Mapping[str, Any], sections: Mapping[str, Section], now: int, source: Prometheus | None = None
) -> dict[str, Any]:  # fmt: skip
    """Adds a survey, its archives, and what a Prometheus knows to the host's files below ``load/``. Returns the summary. Raises LotseError."""
    host = str(survey["host"])
    path = estate_dir / "load" / "samples" / f"{host}.json"
    kept = history.load(path.read_text(encoding="utf-8"), str(path)) if path.is_file() else history.History(host)
    if kept.host != host:
        raise LotseError(f"these are the samples of {kept.host}, not of {host}", str(path), history.REMEDY)
    kept = archives(observe(kept, survey, now), survey, sysstat.samples(sections["sysstat"]), now)
    if source:
        kept = prometheus.observe(source, survey, kept, now)
    found = summary.summary(kept)
    estate_file.put(path, history.dump(kept))
    estate_file.put(path_of(estate_dir, host), summary.dump(found))
    return found


def path_of(estate_dir: Path, host: str) -> Path:
    return estate_dir / "load" / f"{host}.json"


def read(estate_dir: Path, hosts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The summaries that there are, by host. None for a host is no error: its guest is sized by what exists now, and says so."""
    found = {}
    for host in sorted(set(hosts)):
        path = path_of(estate_dir, host)
        if path.is_file():
            found[host] = summary.load(path.read_text(encoding="utf-8"), str(path))
            if found[host]["host"] != host:
                raise LotseError(f"this is the load of {found[host]['host']}, not of {host}", str(path), summary.REMEDY)
    return found
