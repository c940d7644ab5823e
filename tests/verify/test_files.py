# SPDX-License-Identifier: GPL-3.0-or-later
"""File trees: every file of the old side is on the new one, with content, size, mode and numeric owner."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Estate
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


def cut_at(estate: Estate, move: dict[str, Any]) -> tuple[float, float]:
    """When the trees changed sides, by the old and by the new host's clock. The move's journal says it."""
    journal = estate.directory / "journal" / f"{move['id']}.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
    moments = [entry["data"] for entry in map(json.loads, lines) if (entry["event"], entry["step"]) == ("observation", "cut-time")]
    if not moments or moments[-1]["back"]:
        pytest.skip("the journal does not say when these trees changed sides: nothing can be compared")
    return moments[-1]["source_at"], moments[-1]["target_at"]


def settled(
    estate: Estate, move: dict[str, Any], before: dict[str, tuple[float, str]], after: dict[str, tuple[float, str]]
) -> tuple[list[str], list[str]]:
    """Old files that both sides have left alone since the cutover, without those that the move rewrites on purpose.

    And those that a job on the old side has written since: cron moves later, and takes them along to its own new home.
    """
    old_at, new_at = cut_at(estate, move)
    rewritten = {rule["file"] for rule in move["parameters"].get("rewrite", [])}
    late = [path for path in before if before[path][0] > old_at and path not in rewritten]
    left = [path for path in before if before[path][0] <= old_at and path not in rewritten and after.get(path, (0.0, ""))[0] <= new_at]
    return left, late


def on_the_workers(estate: Estate, move: dict[str, Any], paths: list[str]) -> set[str]:
    """Which of these files are on a host where cron jobs of the same old host run now."""
    workers = {other["to"] for other in estate.plan["moves"] if other["kind"] == "cron" and other["from"] == move["from"]}
    return {path for path in paths for worker in workers if estate.connect(worker).file(path).exists}


@pytest.mark.control(
    id="files-manifest", title="Every file of the old tree is on the new side with its mode, owner and size", severity="critical"
)
def test_manifest(old: Host, new: Host, estate: Estate, move: dict[str, Any]) -> None:
    before, after = (listing(host, move["parameters"]["paths"]) for host in (old, new))
    assert before, "the old tree is empty: nothing is compared"
    compared, late = settled(estate, move, before, after)
    assert compared, "the new side has changed every file: nothing is compared"
    wrong = [
        f"{path}: {before[path][1]} is now {after.get(path, (0, 'missing'))[1]}"
        for path in compared
        if before[path][1] != after.get(path, (0, ""))[1]
    ]
    assert not wrong, f"{len(wrong)} of {len(compared)} differ, the first: {wrong[:3]}"
    lost = sorted(set(late) - on_the_workers(estate, move, late))
    assert not lost, f"{len(lost)} files were written on the old side after the cutover and are nowhere else, the first: {lost[:3]}"


@pytest.mark.control(id="files-content", title="Every file of the old tree has the same SHA-256 on the new side", severity="critical")
def test_content(old: Host, new: Host, estate: Estate, move: dict[str, Any]) -> None:
    paths = move["parameters"]["paths"]
    before, after = (hashes(host, paths) for host in (old, new))
    # Looked at afterwards: a file that users changed while it was hashed is then one that changed.
    times = [listing(host, paths) for host in (old, new)]
    compared, _ = settled(estate, move, *times)
    assert compared, "the old tree is empty or wholly changed: nothing is compared"
    wrong = [path for path in compared if after.get(path) != before.get(path)]
    assert not wrong, f"{len(wrong)} of {len(compared)} differ, the first: {wrong[:3]}"


@pytest.mark.control(id="files-addresses", title="Rewritten files name the new hosts, and no old one", severity="critical")
def test_addresses(new: Host, move: dict[str, Any]) -> None:
    rules = move["parameters"].get("rewrite", [])
    if not rules:
        pytest.skip("the plan rewrites no file of these trees")
    for rule in rules:
        for old, wanted in rule["replace"].items():
            # Asked on the host: a file with an address may hold a password too, and evidence is kept.
            assert new.run("grep -qwF %s %s", old, rule["file"]).rc == 1, f"{rule['file']} still names {old}"
            assert new.run("grep -qwF %s %s", wanted, rule["file"]).rc == 0, f"{rule['file']} does not name {wanted}"
