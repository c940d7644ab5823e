# SPDX-License-Identifier: GPL-3.0-or-later
"""Live users of the practice estate: they browse and write through the edge, and afterwards every acknowledged write is looked for.

``python -m tests.lab.load run --dir DIR --rate N --until STOPFILE`` and ``python -m tests.lab.load audit --dir DIR``, both inside the
lab's network (``tests/lab/enter``). DIR then holds ``requests.jsonl`` (every request), ``writes.jsonl`` (acknowledged writes),
``unanswered.jsonl`` (writes whose fate nobody knows), ``meta.json`` and ``audit.json``.
"""

from __future__ import annotations

from typing import NamedTuple

EDGE = "10.77.0.10"
WWW = "www.community.lab"
CLASSIC = "classic.community.lab"


class Address(NamedTuple):
    """Where the platform is reached, whatever its name."""

    host: str
    port: int = 80

    @classmethod
    def parse(cls, text: str) -> Address:
        """``10.77.0.10`` or ``10.77.0.10:8080``. Raises ValueError."""
        host, _, port = text.partition(":")
        return cls(host, int(port or 80))
