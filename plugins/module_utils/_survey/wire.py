# SPDX-License-Identifier: GPL-3.0-or-later
"""From the collector's output to sections, blocks and files. Pure; raises LotseError and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._domain.errors import LotseError

LONGEST = 8192  # characters of a line; no configuration that we read needs more
KILLED = {124, 137, 143}  # how `timeout`, SIGKILL and SIGTERM end a section


class UnseenError(LotseError):
    """A section of the survey that could not be seen; ``what`` is the reason."""


@dataclass(frozen=True)
class Section:
    """One section's answer: ``blocks`` and ``files`` by name, as lists of lines; ``marks`` are its own remarks; ``unseen`` the reasons."""

    name: str
    blocks: Mapping[str, list[str]] = field(default_factory=dict)
    files: Mapping[str, list[str]] = field(default_factory=dict)
    marks: frozenset[str] = frozenset()
    unseen: tuple[str, ...] = ()
    absent: bool = False

    def lines(self, block: str) -> list[str]:
        """A block's lines without empty ones. Raises UnseenError when the collector did not get to it."""
        if block not in self.blocks:
            raise UnseenError(self.unseen[0] if self.unseen else f"the host did not answer about {block}")
        return [line for line in self.blocks[block] if line.strip()]

    def first(self, block: str) -> str:
        """A block's first line, stripped; empty where there is none."""
        return next((line.strip() for line in self.blocks.get(block, []) if line.strip()), "")


def split(output: str, boundary: str, wanted: Mapping[str, int], where: str) -> dict[str, Section]:
    """Sections by name. ``wanted`` maps each section's name to the bytes it may have. Raises LotseError for an output that is not whole."""
    lines = output.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").split("\n")
    if f"{boundary} complete" not in lines:
        raise LotseError("the survey's program did not run to its end", where, f"its last words: {_last(lines, boundary)}")
    found: dict[str, Section] = {}
    name, start = "", 0
    for number, line in enumerate(lines):
        if not line.startswith(f"{boundary} "):
            continue
        word, *rest = line.split(" ")[1:]
        if word == "section" and rest:
            name, start = rest[0], number + 1
        elif word == "end" and len(rest) == 2 and rest[0] == name:
            found[name] = _section(name, lines[start:number], rest[1], wanted.get(name, 0))
    missing = sorted(set(wanted) - set(found))
    if missing:
        raise LotseError(f"the survey lacks the sections {', '.join(missing)}", where, "run it again")
    return found


def _last(lines: list[str], boundary: str) -> str:
    words = [line for line in lines if line.strip() and boundary not in line]
    return "".join(letter if letter.isprintable() else "?" for letter in words[-1].strip()[:200]) if words else "none"


def _section(name: str, lines: list[str], status: str, size: int) -> Section:
    unseen: list[str] = []
    marks: set[str] = set()
    blocks: dict[str, list[str]] = {}
    files: dict[str, list[str]] = {}
    target: list[str] = []
    cut = False
    for line in lines:
        if line.startswith(" "):
            target.append(line[1:LONGEST])
            cut = cut or len(line) > LONGEST
        elif line.startswith("@"):
            word, _, rest = line[1:].partition(" ")
            if word == "block":
                target = blocks.setdefault(rest, [])
            elif word == "file":
                target = files.setdefault(rest, [])
            elif word == "unseen":
                unseen.append(rest.strip())
            else:
                marks.add(line[1:].strip())
    if status.isdecimal() and int(status[:6]) in KILLED:
        unseen.insert(0, "it took too long and was ended")
    if cut:
        unseen.append(f"lines longer than {LONGEST} characters were cut")
    if size and len("\n".join(lines).encode()) >= size:
        unseen.append(f"more than {size} bytes; the rest was left out")
    return Section(name, blocks, files, frozenset(marks), tuple(unseen), "absent" in marks)


def number(text: str) -> int | None:
    """A decimal number of at most 18 digits, else None."""
    match = re.fullmatch(r"\s*(\d{1,18})\s*", text, re.ASCII)
    return int(match[1]) if match else None
