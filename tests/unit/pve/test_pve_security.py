# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles of docs/guides/security.md are enough, and each of their privileges is missed when it is not there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import fleet_spec, preflight_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_run import run_fleet, run_preflight
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError

from tests.lab.pve.fixture import MemoryPve

from .conversation import UUIDS, plan_row

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "security.md"
RELEASES = {"9.x": "9.2.2", "8.x": "8.4.14", "7.4": "7.4-3"}
BARE = {"name": "web-01", "uuid": UUIDS["web-01"], "node": "pve1", "pool": "community"}
Acl = dict[str, list[str]]


def documented(release: str) -> Acl:
    """What the commands under a heading grant, by path: the roles' privileges at the places that they are given for."""
    (section,) = re.findall(rf"### Proxmox VE {re.escape(release)}\n(.*?)\n##", GUIDE.read_text(), re.DOTALL)
    roles = {name: privileges.split() for name, privileges in re.findall(r'pveum role add (\w+) --privs "([^"]+)"', section)}
    granted: Acl = {}
    for path, role in re.findall(r"pveum acl modify (\S+) \$who --roles (\w+)", section):
        granted.setdefault(path, []).extend(roles.pop(role))
    assert not roles, f"never given: {roles}"
    assert granted
    return granted


def every_privilege() -> list[Any]:
    return [
        pytest.param(release, path, privilege, id=f"{release} {privilege} on {path}")
        for release in RELEASES
        for path, privileges in documented(release).items()
        for privilege in privileges
    ]


def options(spec: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """A module's parameters with the defaults of its argument spec."""
    full = {name: given.get(name, entry.get("default")) for name, entry in spec.items()}
    assert set(given) <= set(spec)
    return {
        name: options(spec[name]["options"], value or {}) if spec[name].get("type") == "dict" and "options" in spec[name] else value
        for name, value in full.items()
    }


@pytest.fixture
def given(memory_pve: MemoryPve, tmp_path: Path) -> dict[str, Any]:
    """Access to the lab, and a fleet that needs every privilege of the roles: a guest to be made, and one without cloud-init that gets it."""
    api = {
        "hosts": [memory_pve.host], "port": memory_pve.port, "token_id": memory_pve.token_id, "token_secret": memory_pve.secret,
        "ca_file": str(memory_pve.ca_file),
    }  # fmt: skip
    made = memory_pve.proxmoxer().nodes("pve1").qemu.post(
        vmid=140, name="web-01", pool="community", description=f"lotse-guest: {UUIDS['web-01']}\n", memory=512, agent="enabled=1",
        scsi0="shared:4", net0="virtio,bridge=vmbr0",
    )  # fmt: skip
    assert made.startswith("UPID:")
    guests = [
        plan_row("db-01", cores=2, memory_mib=2048, nics={"net0": {"bridge": "vmbr0", "firewall": True}}),
        {**BARE, "address": "10.77.0.102/24", "disks": {"scsi0": {"storage": "shared", "size_gib": 8}}, "nics": {"net0": {"bridge": "vmbr0"}}},
    ]
    return {"api": api, "guests": guests, "ssh": {"known_hosts": str(tmp_path / "known_hosts")}, "wait_for": "agent"}


def preflight(given: dict[str, Any]) -> dict[str, Any]:
    return run_preflight(options(preflight_spec(), {**given, "probe_addresses": False}), check=False)


@pytest.mark.parametrize("release", RELEASES)
def test_the_documented_roles_are_enough(memory_pve: MemoryPve, given: dict[str, Any], release: str) -> None:
    memory_pve.faults(acl=documented(release), version=RELEASES[release])
    proof = preflight(given)
    assert (proof["proven"]["version"], proof["warnings"]) == (RELEASES[release], [])
    assert proof["proven"]["steps"] > 5
    done = run_fleet(options(fleet_spec(), given), check=False)
    assert all(guest["changed"] for guest in done["guests"])
    assert not run_fleet(options(fleet_spec(), given), check=False)["changed"]
    assert preflight(given)["proven"]["steps"] == 0


@pytest.mark.parametrize(("release", "path", "privilege"), every_privilege())
def test_each_privilege_is_missed(memory_pve: MemoryPve, given: dict[str, Any], release: str, path: str, privilege: str) -> None:
    acl = documented(release)
    acl[path].remove(privilege)
    memory_pve.faults(acl=acl, version=RELEASES[release])
    memory_pve.forget_calls()
    with pytest.raises(PveError) as failure:
        preflight(given)
    assert privilege in str(failure.value)
    assert [call for call in memory_pve.calls() if call.method != "GET"] == []


# What the guide's second table says: stated by a guest that is there, the privilege, and where it is held.
MORE: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"machine": "q35"}, "VM.Config.HWType", "/pool/community"),
    ({"scsi_controller": "virtio-scsi-pci"}, "VM.Config.HWType", "/pool/community"),
    ({"vga": "qxl"}, "VM.Config.HWType", "/pool/community"),
    ({"serial": "socket"}, "VM.Config.HWType", "/pool/community"),
    ({"node": "pve2"}, "VM.Migrate", "/pool/community"),
    ({"startup": "order=3"}, "Sys.Modify", "/"),
    ({"ha": {"state": "started"}}, "Sys.Console", "/"),
)


@pytest.mark.parametrize(("stated", "privilege", "path"), MORE, ids=lambda value: value if isinstance(value, str) else "+".join(value))
def test_what_more_it_takes_is_named_and_is_enough(
    memory_pve: MemoryPve, given: dict[str, Any], stated: dict[str, Any], privilege: str, path: str
) -> None:
    given = {**given, "guests": [{**BARE, **stated}], "state": "present", "migrate": "node" in stated}
    memory_pve.faults(acl=documented("9.x"))
    with pytest.raises(PveError, match=rf"lacks {re.escape(privilege)} on {re.escape(path)} "):
        preflight(given)
    acl = documented("9.x")
    acl[path].append(privilege)
    memory_pve.faults(acl=acl)
    assert preflight(given)["proven"]["steps"] > 0
    assert run_fleet(options(fleet_spec(), given), check=False)["changed"]


@pytest.mark.parametrize("option", ["affinity", "args", "hookscript"])
def test_what_only_root_may_set_is_said_before(memory_pve: MemoryPve, given: dict[str, Any], option: str) -> None:
    stated = {"affinity": "0-1"} if option == "affinity" else {"api_options": {option: "local:snippets/x"}}
    with pytest.raises(PveError, match=rf"token lotse@pve!ci lacks root@pam's own right to set {option} \(for: "):
        preflight({**given, "guests": [{**BARE, **stated}], "state": "present"})
    assert [call for call in memory_pve.calls() if call.method not in ("GET", "POST")] == []
