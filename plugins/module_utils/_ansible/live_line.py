# SPDX-License-Identifier: GPL-3.0-or-later
"""One line at the bottom of a terminal that stays while everything else scrolls above it.

The bottom row is taken out of the scrolling region, as apt does. So nothing that others print (warnings, prompts, results) has to know of
the line. It is written to the terminal's descriptor itself and never through ``sys.stdout``: a lock held here while Ansible forks a worker
would hang that worker.
"""

from __future__ import annotations

import atexit
import os
import threading
import unicodedata
from collections.abc import Callable

MIN_ROWS, MIN_COLUMNS = 6, 30
SAVE, RESTORE, CLEAR = "\x1b7", "\x1b8", "\x1b[K"


def clipped(text: str, columns: int) -> str:
    """``text`` without control characters, at most ``columns`` cells wide (an East Asian wide character takes two)."""
    shown, width = "", 0
    for character in text:
        if unicodedata.category(character)[0] == "C":
            continue
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > columns:
            return shown[:-1] + "…"
        shown += character
    return shown


def usable(descriptor: int, terminal: str) -> bool:
    """Whether a live line makes sense there. ``terminal`` is the value of TERM."""
    try:
        rows, columns = _size(descriptor)
    except OSError:
        return False
    return os.isatty(descriptor) and terminal not in {"", "dumb"} and rows >= MIN_ROWS and columns >= MIN_COLUMNS


def _size(descriptor: int) -> tuple[int, int]:
    size = os.get_terminal_size(descriptor)
    return size.lines, size.columns


class LiveLine:
    """Shows what ``text`` returns, every ``interval`` seconds and whenever ``draw`` is called. A terminal that goes away ends it silently."""

    def __init__(self, descriptor: int, text: Callable[[], str], interval: float = 1.0) -> None:
        self._descriptor, self._text, self._interval = descriptor, text, interval
        self._owner = os.getpid()
        self._size: tuple[int, int] | None = None
        self._ended = threading.Event()

    def start(self) -> None:
        atexit.register(self.stop)
        self.draw()
        threading.Thread(target=self._tick, name="live-line", daemon=True).start()

    def stop(self) -> None:
        """Gives the row back. Does nothing in a forked worker, nor a second time."""
        if self._ended.is_set() or os.getpid() != self._owner:
            return
        self._ended.set()
        if self._size:
            self._write(f"{SAVE}\x1b[r\x1b[{self._size[0]};1H{CLEAR}{RESTORE}")

    def draw(self) -> None:
        if self._ended.is_set() or os.getpid() != self._owner:
            return
        try:
            size = _size(self._descriptor)
        except OSError:
            self._ended.set()
            return
        rows, columns = size
        reserve = "" if size == self._size else f"\n{SAVE}\x1b[1;{rows - 1}r{RESTORE}\x1b[1A"
        if self._size and self._size[0] < rows:  # the terminal grew: the line's old row is one of many now
            reserve = f"{SAVE}\x1b[{self._size[0]};1H{CLEAR}{RESTORE}{reserve}"
        self._size = size
        self._write(f"{reserve}{SAVE}\x1b[{rows};1H\x1b[7m{CLEAR}{clipped(self._text(), columns - 1)}\x1b[0m{RESTORE}")

    def _tick(self) -> None:
        while not self._ended.wait(self._interval):
            self.draw()

    def _write(self, text: str) -> None:
        try:
            os.write(self._descriptor, text.encode("utf-8", "replace"))
        except OSError:
            self._ended.set()
