# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of the lab that need no machine: names, the images' addresses, what is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab import images, leftovers
from tests.lab.lab import Lab, LabError

MOUNTINFO = """\
22 1 0:20 / / rw - ext4 /dev/vda rw
40 22 0:31 / /clone/.lab/lab/machines/web1/root rw - overlay lotse-lab rw
41 40 0:32 / /clone/.lab/lab/machines/web1/root/srv\\040mirror ro - ext4 /dev/vda rw
42 22 0:33 / /clone/.lab/lab2/machines/db1/root rw - overlay lotse-lab2 rw
"""


@pytest.mark.parametrize("name", ["", "a-b", "Lab", "../x", "a b", "x" * 17])
def test_names_of_labs_are_simple(name: str) -> None:
    with pytest.raises(LabError, match="is no name for a lab"):
        Lab(name)


def test_mounts_are_those_of_the_folder_and_the_latest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_options: MOUNTINFO)
    assert leftovers.mounts(Path("/clone/.lab/lab")) == ["/clone/.lab/lab/machines/web1/root/srv mirror", "/clone/.lab/lab/machines/web1/root"]


def test_a_lab_that_never_was_left_nothing() -> None:
    assert leftovers.find(Lab("never_was")) == []


def test_an_image_has_another_address_when_its_recipe_or_its_base_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Path("/cache")
    before = {name: images.folder(cache, name) for name in images.RECIPES}
    base = images.RECIPES["legacy-base"]
    assert isinstance(base, images.Base)
    monkeypatch.setitem(images.RECIPES, "legacy-base", images.Base(base.suite, base.components, base.packages + ",vim"))
    after = {name: images.folder(cache, name) for name in images.RECIPES}
    assert {name for name in before if before[name] != after[name]} == {name for name in before if name.startswith("legacy-")}


def test_a_machine_on_an_image_that_is_not_built_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"legacy-web1-\w+ is not built: run make lab-up"):
        images.layers(tmp_path, "legacy-web1")


def test_a_build_that_fails_leaves_nothing(tmp_path: Path) -> None:
    builder = images.Builder(tmp_path, lambda _message: None)

    def build(partial: Path) -> None:
        (partial / "half").touch()
        builder.run(["sh", "-c", "echo no such package >&2; exit 3"])

    with pytest.raises(LabError, match=r"failed \(3\): no such package"):
        builder.ensure(tmp_path / "image", "image", build)
    builder.stop()
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_builder_ends_its_programs_and_starts_none(tmp_path: Path) -> None:
    builder = images.Builder(tmp_path, lambda _message: None)
    slow = builder._pool.submit(builder.run, ["sh", "-c", "sleep 60; true"])
    while not builder._programs:
        pass
    builder.stop()
    with pytest.raises(LabError, match="-15"):
        slow.result(5)
    with pytest.raises(LabError, match="was stopped"):
        builder.run(["true"])
