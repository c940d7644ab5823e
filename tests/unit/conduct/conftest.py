# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct import fence, section

from tests.unit.conduct.stage import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world whose hosts keep their timers and decisions in a folder of the test."""
    monkeypatch.setattr(fence, "FOLDER", str(tmp_path / "run"))
    monkeypatch.setattr(section, "QUIET_FROM", 0)
    monkeypatch.setattr(section, "QUIET_TO", 60)
    folder = tmp_path / "world"
    folder.mkdir()
    return World(folder)


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = tmp_path / "estate"
    folder.mkdir()
    return folder
