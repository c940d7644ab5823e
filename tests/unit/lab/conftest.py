# SPDX-License-Identifier: GPL-3.0-or-later
"""The community that the live users are tested on, and where it is served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.load import Address

from .community import Community, served


@pytest.fixture
def community() -> Community:
    return Community()


@pytest.fixture
def address(community: Community) -> Iterator[Address]:
    with served(community) as address:
        yield address
