# SPDX-License-Identifier: GPL-3.0-or-later
"""What a file tree is made of: scripts that look at it, in plain sh with GNU find, and what follows from what they print. No I/O.

File names are kept whatever bytes they have: shells that run these scripts must decode with ``surrogateescape``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..._domain.errors import LotseError

MARGIN_S = 1.0
"""The kernel stamps files with a coarse clock: what changed a moment before a pass began is looked at again."""
NAMES_PER_CALL = 500
_RECORD = "%y %s %C@ %p\\0"


@dataclass(frozen=True)
class Entry:
    """One name in a tree. ``kind`` as find prints it (f, d, l, p, s, …), ``size`` in bytes, ``changed`` its inode's time by the host's clock."""

    kind: str
    size: int
    changed: float
    path: str


@dataclass(frozen=True)
class Totals:
    """How many directories, files, links and others a tree has, and the bytes of its files."""

    directories: int
    files: int
    links: int
    others: int
    size: int

    def __sub__(self, other: Totals) -> Totals:
        return Totals(*(getattr(self, name) - getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def text(self) -> str:
        return f"{self.files} files, {self.directories} directories, {self.links} links, {self.size} bytes"


@dataclass(frozen=True)
class Scan:
    """A look at a tree: the host's clock when it began, what has changed since the moment asked for, and the totals."""

    at: float
    changed: tuple[Entry, ...]
    totals: Totals


def quoted(names: Iterable[str]) -> str:
    return " ".join(shlex.quote(name) for name in names)


def clock() -> str:
    """A script that prints the host's time: seconds since 1970."""
    return "date +%s.%N"


def scan(paths: Sequence[str], since: float, *, leave_out: Sequence[str] = ()) -> str:
    """A script for ``read_scan``: entries whose inode changed after ``since`` on the host's clock, and the totals of all.

    Files in ``leave_out`` are not in the totals, but among what has changed. One walk over the tree does both.
    """
    counted = "".join(f"! -path {shlex.quote(_literal(path))} " for path in leave_out)
    walk = (
        f"find {quoted(paths)} -ignore_readdir_race -xdev \\( -newerct @{since:.3f} -fprintf /dev/fd/3 '{_RECORD}' , {counted}-printf '%y %s\\n' \\)"
    )
    total = (
        'awk \'{ n[$1]++; all++; if ($1 == "f") size += $2 } '
        'END { printf "%d %d %d %d %.0f\\n", n["d"], n["f"], n["l"], all - n["d"] - n["f"] - n["l"], size }\' >&3'
    )
    # Its own pipe as descriptor 3: find opens it by name, which a socket of sshd does not allow.
    return f"{clock()}; {{ {{ {walk} || echo failed >&4; }} | {total}; }} 3>&1 4>&1 | cat"


def read_scan(output: str) -> Scan:
    """Raises LotseError for an output that is cut or that find ended with an error: half a look is no look."""
    at, _, rest = output.partition("\n")
    *records, end = rest.rstrip("\n").split("\0")
    try:
        entries = tuple(_entry(record) for record in records)
        return Scan(float(at), entries, Totals(*(int(word) for word in end.split())))
    except (ValueError, TypeError) as failure:
        raise LotseError("the tree could not be looked at", printable(end[-300:] or "no answer"), "see that every directory can be read") from failure


def children(directories: Sequence[str]) -> str:
    """A script for ``read_entries``: what is directly in these directories. One that is not there has nothing in it."""
    calls = [directories[i : i + NAMES_PER_CALL] for i in range(0, len(directories), NAMES_PER_CALL)]
    return (
        "\n".join(f"find {quoted(call)} -ignore_readdir_race -xdev -mindepth 1 -maxdepth 1 -printf '{_RECORD}' 2>/dev/null || :" for call in calls)
        or ":"
    )


def below(paths: Sequence[str]) -> str:
    """A script for ``read_entries``: everything in these trees, themselves included."""
    return f"find {quoted(paths)} -ignore_readdir_race -xdev -printf '{_RECORD}'"


def read_entries(output: str) -> list[Entry]:
    return [_entry(record) for record in output.split("\0") if record.strip("\n")]


def _entry(record: str) -> Entry:
    kind, size, changed, path = record.split(" ", 3)
    return Entry(kind, int(size), float(changed), path)


def hashes(files: Sequence[str]) -> str:
    """A script that prints the SHA-256 of each file in this order, in the form of sha256sum."""
    calls = [files[i : i + NAMES_PER_CALL] for i in range(0, len(files), NAMES_PER_CALL)]
    return "\n".join(f"sha256sum -- {quoted(call)} || exit 1" for call in calls) or ":"


def remove(names: Sequence[str]) -> str:
    """A script that removes names, the deepest first. A directory that holds anything else stays."""
    deepest = sorted(names, key=lambda name: name.count("/"), reverse=True)
    calls = [deepest[i : i + NAMES_PER_CALL] for i in range(0, len(deepest), NAMES_PER_CALL)]
    return "\n".join(f"rm -df -- {quoted(call)} 2>/dev/null || :" for call in calls) or ":"


def differences(source: Iterable[Entry], target: Iterable[Entry]) -> tuple[list[str], list[Entry]]:
    """Names to bring (they are missing, or of another kind or size), and the target's entries that are not there. A kind that differs is both."""
    there = {entry.path: entry for entry in target}
    here = {entry.path: entry for entry in source}
    bring = [
        path
        for path, entry in here.items()
        if path not in there or there[path].kind != entry.kind or (entry.kind == "f" and there[path].size != entry.size)
    ]
    gone = [entry for path, entry in there.items() if path not in here or here[path].kind != entry.kind]
    return sorted(bring), gone


def mounts_below(proc_mounts: str, paths: Iterable[str]) -> list[str]:
    """Mount points strictly below one of the paths, from /proc/mounts: a walk that stays on one file system would leave them out."""
    points = [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), line.split()[1]) for line in proc_mounts.splitlines() if line.split()[1:]]
    return sorted({point for point in points for path in paths if point.startswith(f"{path.rstrip('/')}/")})


# ----------------------------------------------------------------- rewriting


def rewrite(text: bytes, replace: Mapping[str, str]) -> bytes:
    """``text`` with every address replaced, all at once. 10.77.0.13 is not found in 10.77.0.130 or in 110.77.0.13."""
    if not replace:
        return text
    table = {old.encode(): new.encode() for old, new in replace.items()}
    pattern = b"|".join(re.escape(old) for old in sorted(table, key=len, reverse=True))
    return re.sub(rb"(?<![0-9.])(?:" + pattern + rb")(?![0-9]|\.[0-9])", lambda found: table[found[0]], text)


def inverse(replace: Mapping[str, str], where: str) -> dict[str, str]:
    """The rule that takes a rewriting back. Raises LotseError when two addresses became one."""
    back = {new: old for old, new in replace.items()}
    if len(back) != len(replace):
        raise LotseError("two addresses are rewritten to one: it cannot be taken back", where, "give each its own in the plan")
    return back


# -------------------------------------------------------------------- names


def _literal(path: str) -> str:
    """A path for find's -path, which knows wildcards."""
    return re.sub(r"([*?\[\]\\])", r"\\\1", path)


def rule(path: str) -> str:
    """A path as an rsync exclude that matches it alone. Without a wildcard, rsync takes a backslash for itself."""
    return re.sub(r"([*?\[\\])", r"\\\1", path) if re.search(r"[*?\[]", path) else path


def printable(name: str) -> str:
    """A name for a message or a journal, which must be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
