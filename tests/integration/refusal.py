# SPDX-License-Identifier: GPL-3.0-or-later
"""What every refusal has in common, whatever was wrong with the input."""

from __future__ import annotations

import subprocess


def assert_said_why(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed, its error has these words, and nobody was shown a traceback."""
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    for word in words:
        assert word in output, output
    assert "Traceback" not in output
