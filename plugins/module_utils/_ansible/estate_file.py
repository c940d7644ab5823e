# SPDX-License-Identifier: GPL-3.0-or-later
"""How every file of an estate is written: whole or not at all, and a full disk is one clear error."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .._domain.errors import LotseError


def put(path: Path, text: str) -> None:
    """Replaces the file in one step: a reader sees the old text or the new one, also after a crash. Raises LotseError when it cannot."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as failure:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        what, remedy = f"the file cannot be written ({failure.strerror})", "make room or make it writable, then run this again"
        raise LotseError(what, str(path), remedy) from None
