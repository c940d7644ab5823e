# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that is sent to a legacy host: one POSIX-sh text on its standard input, read-only, nothing stored there.

Each section is a file in ``collect/`` and runs in a shell of its own, with its own time and size limits. Sections are separated by lines
that begin with a random word, made for this run and known only to the outermost shell: text on the host cannot pretend to be a section.
"""

from __future__ import annotations

import functools
import re
import secrets
import shlex
from collections.abc import Iterable
from pathlib import Path

from .part import Limits
from .parts import PARTS

# Names that are looked for in files: those of three characters and more with a dot or a digit. "db" is a word, "db1" hardly one.
TELLING = re.compile(r"(?!\d+(\.\d+){3}$)[a-z0-9][a-z0-9.-]{1,251}[a-z0-9]")
FOLDER = Path(__file__).parent / "collect"

# What the connection runs: less important than everything that serves, but not so little that a busy host would starve it into its limits.
COMMAND = (
    "n=; command -v nice >/dev/null 2>&1 && n='nice -n 10'; "
    'command -v ionice >/dev/null 2>&1 && ionice -c 2 -n 7 true 2>/dev/null && n="ionice -c 2 -n 7 $n"; exec $n sh -s'
)


SECTIONS = {
    "sockets": Limits(20, 1_000_000),
    "os": Limits(5, 50_000),
    "hardware": Limits(5, 50_000),
    "measured": Limits(5, 10_000),
    "mounts": Limits(5, 200_000),
    "addresses": Limits(5, 100_000),
    "users": Limits(5, 500_000),
    "processes": Limits(20, 2_000_000),
    "units": Limits(15, 500_000),
    "packages": Limits(30, 500_000),
    "nginx": Limits(10, 2_000_000),
    "haproxy": Limits(10, 1_000_000),
    "php": Limits(20, 500_000),
    "mariadb": Limits(30, 500_000),
    "redis": Limits(10, 200_000),
    "cron": Limits(10, 500_000),
    "literal_addresses": Limits(30, 200_000),
    **{part.name: part.limits for part in PARTS},
}

# The whole program's seconds unless somebody says otherwise. A section that would begin later is not assessed, so that the answer still comes.
SECONDS = 300

# A section ends with all that it started. GNU's `timeout` makes a process group, which is ended as a whole; busybox' ends one process only, so
# there, and where there is none, a second shell watches. What left the group is known by a word in its environment. The clock is the uptime: the
# date may jump. Programs here may be old: what they do not know is tried once and told to the sections in LOTSE_OLD.
_DRIVER = r"""
set -u
ulimit -c 0 2>/dev/null
PATH=${PATH:-/usr/bin:/bin}
LC_ALL=C
export PATH LC_ALL
LOTSE_OLD=
echo | sed -E p >/dev/null 2>&1 || LOTSE_OLD=sed
if echo | head -c 1 >/dev/null 2>&1; then first() { head -c "$1"; }
else first() { dd bs=1 count="$1" 2>/dev/null; }; LOTSE_OLD="$LOTSE_OLD head"
fi
export LOTSE_OLD
now=0
look_at_clock() { now=$((now + 1)); if read -r now _ 2>/dev/null < /proc/uptime; then now=${now%%.*}; fi; }
look_at_clock
began=$now
mark=lotse-$$-$began
end_tree() {
    kill -STOP "$1" 2>/dev/null
    for status in /proc/[0-9]*/status; do
        while read -r key value _; do
            if [ "$key" = PPid: ]; then
                if [ "$value" = "$1" ]; then child=${status#/proc/}; (end_tree "${child%/status}"); fi
                break
            fi
        done 2>/dev/null < "$status"
    done
    kill -9 "$1" 2>/dev/null
}
sweep() {
    unset LOTSE_MARK
    for round in 1 2 3; do
        left=$(grep -l "LOTSE_MARK=$mark" /proc/[0-9]*/environ 2>/dev/null)
        [ -n "$left" ] || break
        for status in $left; do status=${status#/proc/}; kill -9 "${status%/environ}" 2>/dev/null; done
    done
}
if timeout --version >/dev/null 2>&1 && timeout -s KILL 5 true 2>/dev/null; then
    limit() {
        timeout -s KILL "$@" & worker=$!
        wait $worker; result=$?
        kill -9 -$worker 2>/dev/null
        [ $result = 0 ] || sweep
        return $result
    }
else
    limit() {
        seconds=$1; shift
        "$@" & worker=$!
        ( trap 'kill $sleeper 2>/dev/null; exit' TERM; sleep "$seconds" & sleeper=$!; wait $sleeper; end_tree $worker ) >/dev/null 2>&1 3>&- 4>&- &
        watcher=$!
        wait $worker; result=$?
        kill $watcher 2>/dev/null
        sweep
        return $result
    }
fi
section() {
    printf '\n%s section %s\n' "$boundary" "$1"
    look_at_clock
    rest=$((total - now + began)); status=0
    [ "$rest" -le "$2" ] || rest=$2
    if [ "$rest" -gt 0 ]; then
        { status=$({ { LOTSE_MARK=$mark; export LOTSE_MARK; limit "$rest" sh -c "$prelude
$4" </dev/null 2>/dev/null 3>&- 4>&-; echo $? >&3; } | first "$3" >&4; } 3>&1); } 4>&1
    else printf "@unseen the survey's time of %s seconds was over before this section\n" "$total"
    fi
    printf '\n%s end %s %s\n' "$boundary" "$1" "$status"
}
"""


def new_boundary() -> str:
    """A word that nobody can guess: 128 random bits."""
    return f"lotse-{secrets.token_hex(16)}"


def code(section: str, root: str = "", names: tuple[str, ...] = ()) -> str:
    """One section's program. ``root`` is a folder that stands for the host's ``/``; the tests use it."""
    return f"{_opening(root)}\n{_own(section, names)}"


def _opening(root: str) -> str:
    """What every section starts with; it is sent once."""
    return f"root={shlex.quote(root)}\n{_text('prelude')}"


def _own(section: str, names: Iterable[str]) -> str:
    """A section's own text. ``names`` are the estate's hosts: where they are written, somebody depends on them. Thousands of them are more
    than one argument of a program may have (128 KiB), so no other section has to carry them."""
    if section != "literal_addresses":
        return _text(section)
    telling = sorted({name.lower() for name in names if TELLING.fullmatch(name.lower()) and re.search(r"[.0-9]", name)})
    return f"estate_names={shlex.quote(chr(10).join(telling))}\n{_text(section)}"


@functools.cache
def _text(name: str) -> str:
    """A program's lines without its comments, which a host need not read."""
    lines = (FOLDER / f"{name}.sh").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def program(
    boundary: str, root: str = "", sections: tuple[str, ...] = tuple(SECTIONS), seconds: int = SECONDS, names: tuple[str, ...] = ()
) -> str:
    """The whole program for a host. A program that arrived only in part runs nothing: everything is inside ``main``."""
    calls = [f"    section {name} {SECTIONS[name].seconds} {SECTIONS[name].size} {shlex.quote(_own(name, names))}" for name in sections]
    before = [f"    boundary={shlex.quote(boundary)}", f"    total={seconds}", f"    prelude={shlex.quote(_opening(root))}"]
    return "\n".join([_DRIVER, "main() {", *before, *calls, "    printf '\\n%s complete\\n' \"$boundary\"", "}", "main </dev/null", ""])
