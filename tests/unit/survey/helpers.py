# SPDX-License-Identifier: GPL-3.0-or-later
"""What the survey's tests share: answers of real legacy hosts, and sections made by hand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section

FIXTURES = Path(__file__).parent / "fixtures"
HOSTS = {"edge1": "10.77.0.11", "web1": "10.77.0.12", "db1": "10.77.0.13", "cache1": "10.77.0.14"}
BOUNDARY = "BOUNDARY"


def answer(host: str) -> str:
    """What a host of the lab answered, recorded once; only its kernel's name was replaced. Parts that came later are absent."""
    text = (FIXTURES / f"{host}.txt").read_text(encoding="utf-8")
    later = [f"\n{BOUNDARY} section {name}\n@absent\n{BOUNDARY} end {name} 0\n" for name in unrecorded(host)]
    return text.replace(f"\n{BOUNDARY} complete\n", "".join([*later, f"\n{BOUNDARY} complete\n"]))


def unrecorded(host: str) -> list[str]:
    """Sections that the survey got after the host had answered."""
    text = (FIXTURES / f"{host}.txt").read_text(encoding="utf-8")
    return [name for name in collector.SECTIONS if f"{BOUNDARY} section {name}\n" not in text]


def surveyed(host: str) -> dict[str, Any]:
    return assemble.survey(answer(host), BOUNDARY, host, HOSTS[host])


def whole(sections: dict[str, str]) -> str:
    """An answer with these sections' lines; the others are empty."""
    texts = {name: sections.get(name, "") for name in collector.SECTIONS}
    marked = [f"\n{BOUNDARY} section {name}\n{text}\n{BOUNDARY} end {name} 0\n" for name, text in texts.items()]
    return "".join([*marked, f"\n{BOUNDARY} complete\n"])


def section(name: str, files: dict[str, str] | None = None, **blocks: str) -> Section:
    """A section with files and blocks as the collector would have sent them."""
    return Section(
        name,
        {block: text.splitlines() for block, text in blocks.items()},
        {path: text.splitlines() for path, text in (files or {}).items()},
    )


def collect(names: tuple[str, ...], root: Path | str = "", environment: dict[str, str] | None = None, called: tuple[str, ...] = ()) -> str:
    """Runs the collector's real program here, on a tree below ``root``, and returns its output. ``called`` are the estate's hosts."""
    program = collector.program(BOUNDARY, str(root), names, names=called)
    shell = shutil.which("sh", path=environment["PATH"] if environment else None) or "/bin/sh"
    done = subprocess.run([shell, "-s"], input=program.encode(), capture_output=True, timeout=120, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "replace")
