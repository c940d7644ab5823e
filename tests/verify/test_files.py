# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees: every file of the old side is on the new one, with content, size, mode and numeric owner."""

from __future__ import annotations

from typing import Any

import pytest
from testinfra.host import Host

KINDS = ("files",)


def listing(host: Host, paths: list[str]) -> dict[str, tuple[float, str]]:
    """Path to its time of change and its mode, owner and size."""
    found = "find" + " %s" * len(paths)
    output = host.check_output(found + r" -xdev -type f -printf '%%T@ %%m %%U:%%G %%s %%p\n'", *paths)
    rows = (line.split(" ", 4) for line in output.splitlines())
    return {path: (float(changed), f"{mode} {owner} {size}") for changed, mode, owner, size, path in rows}


def hashes(host: Host, paths: list[str]) -> dict[str, str]:
    found = "find" + " %s" * len(paths)
    output = host.check_output(found + " -xdev -type f -print0 | xargs -0 -r sha256sum", *paths)
    return {line[66:]: line[:64] for line in output.splitlines()}


def settled(move: dict[str, Any], before: dict[str, tuple[float, str]], after: dict[str, tuple[float, str]]) -> list[str]:
    """Old files that the new side has not changed since the old one was fenced, without those that the move rewrites on purpose."""
    last_change = max(changed for changed, _ in before.values())
    rewritten = {rule["file"] for rule in move["parameters"].get("rewrite", [])}
    return [path for path in before if path not in rewritten and after.get(path, (0.0, ""))[0] <= last_change]


@pytest.mark.control(
    id="files-manifest", title="Every file of the old tree is on the new side with its mode, owner and size", severity="critical"
)
def test_manifest(old: Host, new: Host, move: dict[str, Any]) -> None:
    before, after = (listing(host, move["parameters"]["paths"]) for host in (old, new))
    assert before, "the old tree is empty: nothing is compared"
    compared = settled(move, before, after)
    assert compared, "the new side has changed every file: nothing is compared"
    wrong = [
        f"{path}: {before[path][1]} is now {after.get(path, (0, 'missing'))[1]}"
        for path in compared
        if before[path][1] != after.get(path, (0, ""))[1]
    ]
    assert not wrong, f"{len(wrong)} of {len(compared)} differ, the first: {wrong[:3]}"


@pytest.mark.control(id="files-content", title="Every file of the old tree has the same SHA-256 on the new side", severity="critical")
def test_content(old: Host, new: Host, move: dict[str, Any]) -> None:
    paths = move["parameters"]["paths"]
    times = [listing(host, paths) for host in (old, new)]
    before, after = (hashes(host, paths) for host in (old, new))
    compared = settled(move, *times)
    assert compared, "the old tree is empty or wholly changed: nothing is compared"
    wrong = [path for path in compared if after.get(path) != before[path]]
    assert not wrong, f"{len(wrong)} of {len(compared)} differ, the first: {wrong[:3]}"
