# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of an estate are whole or not there, and a full disk is said in one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible import estate_file
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


def test_the_old_text_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "survey" / "db1.json"
    estate_file.put(path, "old")
    estate_file.put(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert [found.name for found in path.parent.iterdir()] == ["db1.json"]


def test_a_full_disk_keeps_the_old_text_and_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "plan.yml"
    estate_file.put(path, "old")

    def full(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LotseError, match=r"No space left on device.*plan\.yml"):
        estate_file.put(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["plan.yml"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "survey").write_text("a file in its place", encoding="utf-8")
    with pytest.raises(LotseError, match="cannot be written"):
        estate_file.put(tmp_path / "survey" / "db1.json", "new")
