# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide for people who come from a peer: its own YAML is run, both sides, and the guests that come out are compared."""

from __future__ import annotations

import re
import textwrap
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bench.playbook import Run, Workplace
from tests.lab.pve.fixture import ROOT, MemoryPve, reset

GUIDE = ROOT / "docs" / "guides" / "from-community-proxmox-or-terraform.md"
BLOCK = re.compile(r"^( *)```yaml\n\1# (\S+\.yml)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPUF/cMCRObddaMmvUDio//yge6gRGXNv3uqMq7ve0x3 ops@example.org"
# What tells two guests apart, whoever made them.
OWN = frozenset({"description", "smbios1", "vmgenid", "meta", "digest"})


def blocks() -> dict[str, str]:
    """The guide's playbooks by file name."""
    return {name: textwrap.dedent(text) for _, name, text in BLOCK.findall(GUIDE.read_text())}


class Desk(Workplace):
    """Where the guide's reader sits: its files, its connection, its variables."""

    def __init__(self, directory: Path, pve: MemoryPve) -> None:
        super().__init__(directory, pve)
        for name, text in blocks().items():
            self.write(name, text)

    def environment(self) -> dict[str, str]:
        pve = self.pve
        peer = {"HOST": pve.host, "PORT": str(pve.port), "USER": pve.user, "TOKEN_ID": pve.token_name, "TOKEN_SECRET": pve.secret}
        return {**super().environment(), **{f"PROXMOX_{name}": value for name, value in peer.items()}, "PROXMOX_CA_PATH": str(pve.ca_file)}

    def api_variables(self) -> dict[str, Any]:
        pve = self.pve
        api = {"hosts": [pve.host], "port": pve.port, "token_id": pve.token_id, "token_secret": pve.secret, "ca_file": str(pve.ca_file)}
        return {"pve_api": api, "public_key": KEY, "rows_file": str(self.directory / "rows.yml")}

    def run_file(self, name: str, *options: str) -> Run:
        run = self.playbook(self.directory / name, *options)
        assert run.returncode == 0, run.output
        return run

    def guest(self) -> dict[str, Any]:
        """The one guest called web-01, as the cluster keeps it."""
        (found,) = [guest for guest in self.pve.state()["guests"] if guest["name"] == "web-01"]
        return dict(found)


@dataclass(frozen=True)
class Crossing:
    """What the guide's reader sees, in the guide's order."""

    theirs: dict[str, Any]
    theirs_again: Run
    imported: list[dict[str, Any]]
    preview: Run
    adopted: dict[str, Any]
    adopted_again: Run
    ours_first: Run
    ours: dict[str, Any]
    ours_again: Run
    ours_check: Run


@pytest.fixture(scope="module")
def crossing(memory_pve_server: MemoryPve, tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    """Every playbook of the guide, once and once more; a playbook takes seconds, so all tests look at one run."""
    reset(memory_pve_server)
    desk = Desk(tmp_path_factory.mktemp("desk"), memory_pve_server)
    desk.run_file("theirs.yml")
    theirs = desk.guest()
    theirs_again = desk.run_file("theirs.yml")
    desk.run_file("import.yml")
    imported = yaml.safe_load((desk.directory / "rows.yml").read_text())["guests"]
    preview = desk.run_file("adopt.yml", "--check", "--diff")
    desk.run_file("adopt.yml")
    adopted = desk.guest()
    adopted_again = desk.run_file("adopt.yml")
    reset(memory_pve_server)
    first = desk.run_file("ours.yml")
    ours = desk.guest()
    return Crossing(
        theirs, theirs_again, imported, preview, adopted, adopted_again, first, ours, desk.run_file("ours.yml"), desk.run_file("ours.yml", "--check")
    )


def meaning(guest: dict[str, Any]) -> dict[str, Any]:
    """A guest's node, power and configuration without identity, in one spelling."""
    config: dict[str, Any] = {}
    for key, value in guest["config"].items():
        text = re.sub(rf"\b{guest['vmid']}/vm-{guest['vmid']}-", "VMID/", str(value)).lower()
        if key == "tags":
            config[key] = frozenset(re.split(r"[;, ]+", text)) - {"lotse"}
        elif key == "sshkeys":
            config[key] = urllib.parse.unquote(str(value)).strip()
        elif key not in OWN:
            config[key] = frozenset(text.split(","))
    return {"node": guest["node"], "status": guest["status"], "pending": guest["pending"], **config}


def test_both_sides_make_the_same_guest(crossing: Crossing) -> None:
    assert meaning(crossing.ours) == meaning(crossing.theirs)


def test_only_ours_is_green_when_there_is_nothing_to_do(crossing: Crossing) -> None:
    assert crossing.theirs_again.outcomes == {"ok": 5, "changed": 1}
    assert crossing.ours_first.outcomes == {"changed": 1}
    assert crossing.ours_again.outcomes == crossing.ours_check.outcomes == {"ok": 1}
    assert (len(crossing.theirs_again.module_peaks_mib), len(crossing.ours_again.module_peaks_mib)) == (6, 1)
    assert len(crossing.ours_again.calls) == 2


def test_a_guest_of_theirs_is_imported_as_a_row(crossing: Crossing) -> None:
    (row,) = crossing.imported
    assert row["adopt"] == crossing.theirs["vmid"]
    assert (row["name"], row["cores"], row["memory_mib"], row["nics"]["net0"]["vlan"]) == ("web-01", 2, 2048, 20)


def test_adopting_it_writes_the_mark_and_nothing_else(crossing: Crossing) -> None:
    assert crossing.preview.outcomes == {"changed": 1}
    assert set(re.findall(r"^ {6}(\w+): .* -> ", crossing.preview.output, re.MULTILINE)) == {"description", "tags"}
    assert "lotse-guest: " in crossing.adopted["config"]["description"]
    assert crossing.adopted["vmid"] == crossing.theirs["vmid"]
    assert meaning(crossing.adopted) == meaning(crossing.theirs)
    assert crossing.adopted_again.outcomes == {"ok": 1}
