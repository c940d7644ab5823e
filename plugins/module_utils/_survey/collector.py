# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that is sent to a legacy host: one POSIX-sh text on its standard input, read-only, nothing stored there.

Each section is a file in ``collect/`` and runs in a shell of its own, with its own time and size limits. Sections are separated by lines
that begin with a random word, made for this run and known only to the outermost shell: text on the host cannot pretend to be a section.
"""

from __future__ import annotations

import secrets
import shlex
from pathlib import Path

from .part import Limits
from .parts import PARTS

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

# Without a program `timeout` a second shell watches the section and ends it with all its children, which hold its output open.
_DRIVER = r"""
set -u
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
if timeout -s KILL 5 true 2>/dev/null; then limit() { timeout -s KILL "$@"; }
elif timeout -s KILL -t 5 true 2>/dev/null; then limit() { seconds=$1; shift; timeout -s KILL -t "$seconds" "$@"; }
else limit() {
    seconds=$1; shift
    "$@" & worker=$!
    ( trap 'kill $sleeper 2>/dev/null; exit' TERM; sleep "$seconds" & sleeper=$!; wait $sleeper; end_tree $worker ) >/dev/null 2>&1 3>&- 4>&- &
    watcher=$!
    wait $worker; result=$?
    kill $watcher 2>/dev/null
    return $result
}
fi
section() {
    printf '\n%s section %s\n' "$boundary" "$1"
    { status=$({ { limit "$2" sh -c "$4" </dev/null 2>/dev/null 3>&- 4>&-; echo $? >&3; } | head -c "$3" >&4; } 3>&1); } 4>&1
    printf '\n%s end %s %s\n' "$boundary" "$1" "$status"
}
"""


def new_boundary() -> str:
    """A word that nobody can guess: 128 random bits."""
    return f"lotse-{secrets.token_hex(16)}"


def code(section: str, root: str = "") -> str:
    """One section's program. ``root`` is a folder that stands for the host's ``/``; the tests use it."""
    parts = [f"root={shlex.quote(root)}", *((FOLDER / f"{name}.sh").read_text(encoding="utf-8") for name in ("prelude", section))]
    return "\n".join(parts)


def program(boundary: str, root: str = "", sections: tuple[str, ...] = tuple(SECTIONS)) -> str:
    """The whole program for a host. A program that arrived only in part runs nothing: everything is inside ``main``."""
    calls = [f"    section {name} {SECTIONS[name].seconds} {SECTIONS[name].size} {shlex.quote(code(name, root))}" for name in sections]
    body = "\n".join([f"    boundary={shlex.quote(boundary)}", *calls, "    printf '\\n%s complete\\n' \"$boundary\""])
    return f"{_DRIVER}\nmain() {{\n{body}\n}}\nmain </dev/null\n"
