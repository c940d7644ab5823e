# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for the tests: each has its own namespace and its own estate, and is gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.crossing import Crossing


def _lab(name: str) -> Iterator[Crossing]:
    crossing = Crossing(name)
    crossing.lab_command("down")
    try:
        crossing.lab_command("up")
        yield crossing
    finally:
        crossing.lab_command("down")


@pytest.fixture(scope="module")
def lab(request: pytest.FixtureRequest) -> Iterator[Crossing]:
    """A fresh lab for one test module, named after it."""
    yield from _lab(request.module.__name__.rsplit("_", 1)[-1][:8])
