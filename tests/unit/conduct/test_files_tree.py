# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a file tree: the scripts run here, on real trees with unpleasant names."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._conduct.files import tree
from ansible_collections.lotse.estate.plugins.module_utils._conduct.files.tree import Entry, Totals
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from hypothesis import given
from hypothesis import strategies as st

NAMES = ["plain", "with space", "new\nline", "quo'te", '"double"', "back\\slash", "star*?[a]", "-rf", "tr\N{LATIN SMALL LETTER U WITH DIAERESIS}b"]


def sh(script: str) -> str:
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape")


@pytest.fixture
def forest(tmp_path: Path) -> Path:
    root = tmp_path / "forest"
    (root / "deep" / "er").mkdir(parents=True)
    for name in NAMES:
        (root / "deep" / name).write_text(name, encoding="utf-8")
    (root / os.fsdecode(b"\xff\xfe")).write_bytes(b"not UTF-8")
    (root / "link").symlink_to("deep")
    return root


def test_a_scan_sees_every_name_once(forest: Path) -> None:
    look = tree.read_scan(sh(tree.scan([str(forest)], 0)))
    assert {entry.path for entry in look.changed} == {str(forest), *(str(path) for path in forest.rglob("*"))}
    assert look.totals == Totals(3, len(NAMES) + 1, 1, 0, sum(len(name.encode()) for name in NAMES) + 9)
    assert abs(look.at - time.time()) < 5


def test_a_scan_sees_what_has_changed_since(forest: Path) -> None:
    before = time.time() + 0.05
    time.sleep(0.1)
    (forest / "deep" / "plain").write_text("other", encoding="utf-8")
    (forest / "deep" / "-rf").unlink()
    look = tree.read_scan(sh(tree.scan([str(forest)], before)))
    assert {(entry.kind, entry.path) for entry in look.changed} == {("f", str(forest / "deep" / "plain")), ("d", str(forest / "deep"))}


def test_what_is_left_out_is_not_counted_but_seen(forest: Path) -> None:
    odd = str(forest / "deep" / "star*?[a]")
    look = tree.read_scan(sh(tree.scan([str(forest)], 0, leave_out=[odd])))
    assert look.totals.files == len(NAMES)
    assert odd in {entry.path for entry in look.changed}


def test_a_tree_that_is_not_there_is_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(LotseError, match="could not be looked at"):
        tree.read_scan(sh(tree.scan([str(tmp_path / "missing")], 0)))


@pytest.mark.parametrize("output", ["", "123.4", "123.4\n", "123.4\nf 3 1.0 /a\0", "123.4\nf 3 1.0 /a\0001 2 3\n"])
def test_half_a_look_is_none(output: str) -> None:
    with pytest.raises(LotseError, match="could not be looked at"):
        tree.read_scan(output)


def test_children_and_everything_below(forest: Path) -> None:
    assert {entry.path for entry in tree.read_entries(sh(tree.children([str(forest), str(forest / "gone")])))} == {
        str(path) for path in forest.iterdir()
    }
    assert {entry.path for entry in tree.read_entries(sh(tree.below([str(forest)])))} == {str(forest), *(str(path) for path in forest.rglob("*"))}


def test_many_directories_are_asked_in_several_calls(tmp_path: Path) -> None:
    folders = [tmp_path / f"{number:04}" for number in range(tree.NAMES_PER_CALL + 3)]
    for folder in folders:
        folder.mkdir()
        (folder / "x").touch()
    assert len(tree.read_entries(sh(tree.children([str(folder) for folder in folders])))) == len(folders)


def test_removing_takes_the_deepest_first_and_leaves_what_is_not_named(forest: Path) -> None:
    (forest / "deep" / "er" / "stranger").touch()
    sh(tree.remove([str(forest / "deep" / "er"), str(forest / "deep" / "new\nline"), str(forest / "deep" / "-rf")]))
    assert (forest / "deep" / "er" / "stranger").exists()
    assert not (forest / "deep" / "new\nline").exists()
    assert (forest / "deep" / "plain").exists()
    sh(tree.remove([str(forest / "deep" / "er"), str(forest / "deep" / "er" / "stranger")]))
    assert not (forest / "deep" / "er").exists()


def test_differences_are_what_is_missing_what_is_surplus_and_what_is_other() -> None:
    source = [Entry("f", 3, 0, "/same"), Entry("f", 3, 0, "/size"), Entry("d", 1, 0, "/kind"), Entry("f", 0, 0, "/new"), Entry("d", 1, 0, "/dir")]
    target = [Entry("f", 3, 9, "/same"), Entry("f", 4, 9, "/size"), Entry("f", 1, 9, "/kind"), Entry("f", 0, 9, "/old"), Entry("d", 7, 9, "/dir")]
    bring, gone = tree.differences(source, target)
    assert bring == ["/kind", "/new", "/size"]
    assert {entry.path for entry in gone} == {"/kind", "/old"}


def test_mounts_below_a_path_are_found() -> None:
    mounts = "dev /srv/community ext4 rw 0 0\nnas:/x /srv/community/up\\040loads nfs rw 0 0\nnas:/y /srv/community-old nfs rw 0 0\n"
    assert tree.mounts_below(mounts, ["/srv/community"]) == ["/srv/community/up loads"]


def test_hashes_are_in_the_order_asked_for(forest: Path) -> None:
    names = [str(forest / "deep" / name) for name in ("plain", "-rf", "new\nline")]
    assert len(sh(tree.hashes(names)).splitlines()) == 3
    assert sh(tree.hashes([])) == ""


# ------------------------------------------------------------------ rewriting


def test_only_whole_addresses_are_rewritten() -> None:
    text = b"a=10.77.0.13; b='10.77.0.130' c=110.77.0.13 d=10.77.0.13.5 e=10.77.0.13. f=tcp://10.77.0.13:3306 g=10.77.0.14"
    assert tree.rewrite(text, {"10.77.0.13": "10.77.0.103", "10.77.0.14": "10.77.0.13"}) == (
        b"a=10.77.0.103; b='10.77.0.130' c=110.77.0.13 d=10.77.0.13.5 e=10.77.0.103. f=tcp://10.77.0.103:3306 g=10.77.0.13"
    )


def test_nothing_to_replace_changes_nothing() -> None:
    assert tree.rewrite(b"10.77.0.13\xff", {}) == b"10.77.0.13\xff"


ADDRESSES = st.sampled_from(["10.77.0.1", "10.77.0.13", "10.77.0.130", "10.77.1.3"])
TEXTS = st.lists(st.one_of(ADDRESSES, st.text(alphabet="ab=;' \n/:-", max_size=4)), max_size=12).map("|".join)


@given(text=TEXTS)
def test_a_rewriting_can_be_taken_back(text: str) -> None:
    replace = {"10.77.0.1": "10.77.0.101", "10.77.0.13": "10.77.0.113"}
    there = tree.rewrite(text.encode(), replace)
    assert tree.rewrite(there, tree.inverse(replace, "config.php")) == text.encode()


def test_two_addresses_that_become_one_cannot_be_taken_back() -> None:
    with pytest.raises(LotseError, match="cannot be taken back"):
        tree.inverse({"10.77.0.13": "10.77.0.103", "10.77.0.14": "10.77.0.103"}, "config.php")
