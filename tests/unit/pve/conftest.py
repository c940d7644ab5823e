# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's API in memory, and scripted conversations that must be finished."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.pve.fixture import memory_pve, memory_pve_server

from .conversation import Conversation

__all__ = ["memory_pve", "memory_pve_server"]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is kept between runs is kept for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def talk() -> Iterator[Conversation]:
    """A conversation; at the end of the test every expected call must have been made."""
    conversation = Conversation()
    conversation.always("get", "nodes", [{"node": f"pve{number}", "status": "online"} for number in range(1, 5)])
    yield conversation
    conversation.finished()
