# SPDX-License-Identifier: GPL-3.0-or-later
"""Installed packages, in the formats that this survey asks dpkg-query, rpm and apk for."""

from __future__ import annotations

import shutil

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._survey.parts.installed import parse
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section, UnseenError, split

from .helpers import BOUNDARY, collect


def told(manager: str, *lines: str) -> Section:
    return Section("installed", {"packages": list(lines)}, {}, frozenset({f"manager {manager}"}))


def test_one_version_by_name() -> None:
    found = parse(told("dpkg", "nginx\t1.18.0-6.1+deb11u3\tamd64", "bash\t5.1-2+deb11u1\tamd64"))
    assert found == {"manager": "dpkg", "packages": {"bash": "5.1-2+deb11u1", "nginx": "1.18.0-6.1+deb11u3"}}


def test_several_architectures_and_kernels_are_told_apart() -> None:
    assert set(parse(told("dpkg", "libc6\t2.31-13\tamd64", "libc6\t2.31-13\ti386"))["packages"]) == {"libc6:amd64", "libc6:i386"}


def test_nothing_listed_is_not_nothing_installed() -> None:
    with pytest.raises(UnseenError):
        parse(told("rpm"))
    with pytest.raises(UnseenError):
        parse(Section("installed", {}, {}, frozenset(), ("there is neither dpkg nor rpm nor apk",)))


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="this machine has no dpkg")
def test_this_machine_tells_its_packages() -> None:
    found = parse(split(collect(("installed",)), BOUNDARY, {"installed": 0}, "here")["installed"])
    assert found["manager"] == "dpkg"
    assert found["packages"]["dpkg"]
    assert len(found["packages"]) > 100
