# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a guest through the lab's API, which judges each value by the schema of the real one: check, run, nothing left, and back."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_render import plan_dict, result_dict
from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import Endpoint, ProxmoxerGateway
from ansible_collections.lotse.estate.plugins.module_utils._pve.diff import State
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import RefusedError
from ansible_collections.lotse.estate.plugins.module_utils._pve.fleet import Fleet, Settings
from ansible_collections.lotse.estate.plugins.module_utils._pve.guest import desired_guests
from ansible_collections.lotse.estate.plugins.module_utils._pve.ha import read_ha
from ansible_collections.lotse.estate.plugins.module_utils._pve.observe import cluster, find_ours
from ansible_collections.lotse.estate.plugins.module_utils._pve.ready import WaitFor
from ansible_collections.lotse.estate.plugins.module_utils._pve.reverse import row_of

from tests.lab.pve.fixture import MemoryPve

HASTE = 50.0
SECRET = "s3cret-Horse"
RICH: dict[str, Any] = {
    "name": "rich", "node": "pve1", "template": "debian-13", "pool": "community", "tags": ["role-edge", "Blue"], "description": "two\nlines",
    "cores": 2, "sockets": 1, "cpu": "host,flags=+aes", "cpu_limit": 1.5, "cpu_units": 200, "affinity": "0-1", "numa": True, "memory_mib": 1024,
    "balloon_mib": 512, "machine": "q35", "bios": "ovmf", "efi": {"storage": "shared", "pre_enrolled_keys": True}, "tpm": {"storage": "shared"},
    "os_type": "l26", "scsi_controller": "virtio-scsi-single", "vga": "serial0", "serial": "socket",
    "disks": {
        "scsi0": {"storage": "shared", "size_gib": 8, "discard": True, "ssd": True, "iothread": True, "cache": "writeback"},
        "scsi1": {"storage": "shared", "size": "1536M", "backup": False, "aio": "threads", "replicate": False, "mbps_rd": 20},
        "virtio2": {"storage": "shared", "size_gib": 1, "readonly": True},
    },
    "nics": {
        "net0": {"bridge": "vmbr0", "firewall": True, "rate": 10, "queues": 2},
        "net1": {"bridge": "vmbr0", "model": "e1000", "mac": "bc:24:11:0a:0b:0c", "vlan": 20, "link_down": True, "address": "192.0.2.7/24"},
    },
    "address": "10.77.0.61/24", "gateway": "10.77.0.1", "address6": "2001:DB8:0::61/64", "ci_user": "root", "ci_password": SECRET,
    "ssh_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexampleexampleexampleexampleexampleexam a b"], "nameserver": "10.77.0.1 10.77.0.2",
    "search_domain": "lab.example", "agent": True, "boot": ["scsi0", "net0"], "onboot": True, "startup": {"order": 2, "up": 30},
    "protection": True, "api_options": {"tablet": False, "keyboard": "de"}, "ha": {"nodes": {"pve1": 2, "pve2": 1}, "max_restart": 2},
}  # fmt: skip


class Lab:
    """The lab's API, its tasks hastened."""

    def __init__(self, pve: MemoryPve) -> None:
        self.gateway = ProxmoxerGateway(Endpoint((pve.host,), pve.token_id, pve.secret, pve.port, str(pve.ca_file)))

    def fleet(self, **settings: Any) -> Fleet:
        given = {"wait_for": WaitFor.NONE, "state": State.PRESENT, **settings}
        return Fleet(self.gateway, Settings(**given), sleep=lambda seconds: time.sleep(seconds / HASTE), clock=lambda: time.monotonic() * HASTE)

    def told(self, rows: Sequence[dict[str, Any]], **settings: Any) -> list[dict[str, Any]]:
        """The steps of one guest in check mode."""
        steps: list[dict[str, Any]] = self.checked(rows, **settings)["steps"]
        return steps

    def checked(self, rows: Sequence[dict[str, Any]], **settings: Any) -> dict[str, Any]:
        (plan,) = self.fleet(**settings).plan(desired_guests(rows))
        return plan_dict(plan)

    def converged(self, row: dict[str, Any], **settings: Any) -> list[str]:
        """The kinds of the steps that were taken; a check before told exactly these, and a check after tells none."""
        checked = self.checked([row], **settings)
        fleet = self.fleet(**settings)
        (result,) = fleet.apply(fleet.plan(desired_guests([row])))
        done = result_dict(result)
        assert SECRET not in str(checked) + str(done)
        assert [_foreseen(step) for step in done["steps"]] == [_foreseen(step) for step in checked["steps"]]
        assert done["pending"] == checked["pending"]
        assert self.told([row], **settings) == []
        return [step["do"] for step in done["steps"]]

    def config(self, row: dict[str, Any]) -> dict[str, Any]:
        return dict(self.seen(row).config)

    def seen(self, row: dict[str, Any]) -> Any:
        wanted = desired_guests([row])
        return find_ours(self.gateway, cluster(self.gateway), wanted, 1)[row["name"]]


def _foreseen(step: dict[str, Any]) -> dict[str, Any]:
    """Without the MAC address that the API chose."""
    changes = [{**change, "before": None} if change["key"].endswith(".macaddr") else change for change in step["changes"]]
    return {"do": step["do"], "text": step["text"], "changes": changes}


@pytest.fixture
def lab(memory_pve: MemoryPve) -> Lab:
    return Lab(memory_pve)


def test_a_clone_with_every_option(lab: Lab) -> None:
    assert lab.converged(RICH) == ["clone", "config", "resize", "ha"]
    config = lab.config(RICH)
    assert sorted(config["net1"].split(",")) == ["bridge=vmbr0", "e1000=BC:24:11:0A:0B:0C", "link_down=1", "tag=20"]
    assert "size=8G" in config["scsi0"].split(",")
    assert "size=1536M" in config["scsi1"].split(",")
    assert sorted(config["ipconfig0"].split(",")) == ["gw=10.77.0.1", "ip6=2001:db8::61/64", "ip=10.77.0.61/24"]


def test_a_live_guest_as_a_row(lab: Lab) -> None:
    lab.converged(RICH)
    seen = lab.seen(RICH)
    row = row_of(seen, read_ha(lab.gateway).of(seen.vmid, "rich"))
    assert SECRET not in str(row)
    assert row["disks"]["scsi1"]["size"] == "1536M"
    assert row["ha"] == {"state": "stopped", "max_restart": 2, "max_relocate": 1, "nodes": {"pve1": 2, "pve2": 1}, "strict": False}
    assert row["nics"]["net1"]["address"] == "192.0.2.7/24"
    assert lab.told([{**row, "state": "present"}]) == []


@pytest.mark.parametrize("origin", [{}, {"full_clone": False, "template": "debian-13"}])
def test_an_empty_guest_and_a_linked_clone(lab: Lab, origin: dict[str, Any]) -> None:
    row = {**{key: value for key, value in RICH.items() if key != "template"}, **origin}
    kinds = lab.converged(row)
    assert kinds[0] == ("clone" if origin else "create")
    assert "config" in kinds or not origin, "what a new guest lacks is given with its creation"


def test_options_stated_as_none_are_deleted(lab: Lab) -> None:
    lab.converged(RICH)
    bare = {
        **RICH, "cpu_limit": 0, "cpu_units": 0, "affinity": "", "description": "", "startup": "", "nameserver": "", "search_domain": "",
        "serial": "", "vga": "", "ssh_keys": [], "ha": False, "protection": False, "address6": "", "api_options": {"tablet": "", "keyboard": ""},
        "nics": {**RICH["nics"], "net1": {"state": "absent"}},
    }  # fmt: skip
    assert lab.converged(bare) == ["config", "ha"]
    gone = {"cpulimit", "cpuunits", "affinity", "startup", "nameserver", "searchdomain", "serial0", "vga", "sshkeys", "tablet", "keyboard",
            "net1", "ipconfig1"}  # fmt: skip
    assert gone & set(lab.config(bare)) == set()


def test_what_waits_for_a_reboot_gets_one_only_by_the_word(lab: Lab) -> None:
    plain = {**RICH, "ha": None}
    lab.converged(plain, state=State.STARTED)
    more = {**plain, "cores": 1, "description": "other", "disks": {**RICH["disks"], "scsi0": {"discard": False}}}
    assert lab.converged(more, state=State.STARTED) == ["config"]
    assert sorted(lab.seen(more).pending) == ["cores", "scsi0"]
    assert lab.converged(more, state=State.STARTED, allow_reboot=True) == ["reboot"]
    assert dict(lab.seen(more).pending) == {}
    assert lab.converged({**more, "tags": ["role-edge"]}, state=State.STARTED, allow_reboot=True) == ["config"], "no reboot for what is live"


def test_a_disk_that_a_running_guest_holds_on_to_is_detached_by_its_next_start(lab: Lab) -> None:
    row = {**RICH, "ha": None, "protection": False, "disks": {**RICH["disks"], "sata0": {"storage": "shared", "size_gib": 1}}}
    lab.converged(row, state=State.STARTED)
    volume = lab.config(row)["sata0"].split(",")[0]
    without = {**row, "disks": {**row["disks"], "sata0": {"state": "absent"}}}
    assert lab.converged(without, state=State.STARTED, purge_disks=True) == ["detach"], "nothing is destroyed while it is in use"
    assert dict(lab.seen(row).pending) == {"sata0": None}
    assert lab.converged(without, state=State.STARTED, purge_disks=True, allow_reboot=True) == ["reboot"]
    assert volume in lab.config(row).values(), "kept as unused"


def test_disks_are_detached_and_destroyed_only_by_the_word(lab: Lab) -> None:
    row = {**RICH, "ha": None, "protection": False}
    lab.converged(row)
    volume = lab.config(row)["scsi1"].split(",")[0]
    without = {**row, "disks": {**row["disks"], "scsi1": {"state": "absent"}}}
    assert lab.converged(without) == ["detach"]
    assert volume in lab.config(row).values(), "kept as unused"
    volume = lab.config(row)["virtio2"].split(",")[0]
    without["disks"] = {**without["disks"], "virtio2": {"state": "absent"}}
    assert lab.converged(without, purge_disks=True) == ["detach", "purge"]
    assert volume not in lab.config(row).values()


def test_a_disk_that_would_have_to_shrink_is_replaced_only_by_the_word(lab: Lab) -> None:
    row = {**RICH, "ha": None, "protection": False}
    lab.converged(row)
    smaller = {**row, "disks": {**row["disks"], "scsi1": {"size_gib": 1}}}
    with pytest.raises(RefusedError, match="disks only grow"):
        lab.told([smaller])
    volume = lab.config(row)["scsi1"].split(",")[0]
    smaller["disks"] = {**row["disks"], "scsi1": {"size_gib": 1, "recreate": True}}
    assert lab.converged(smaller) == ["config"]
    assert volume in lab.config(row).values(), "the old one is kept as unused"


def test_moves_and_firmware_of_another_kind(lab: Lab) -> None:
    row = {**RICH, "ha": None}
    lab.converged(row)
    moved = {**row, "efi": {"storage": "local-lvm"}, "disks": {**row["disks"], "scsi1": {"storage": "local-lvm"}}}
    assert lab.converged(moved) == ["move_disk", "move_disk"]
    with pytest.raises(RefusedError, match="cannot be changed"):
        lab.told([{**row, "tpm": {"version": "1.2"}}])


def test_power_and_templates(lab: Lab) -> None:
    row = {**RICH, "ha": None, "tpm": None}
    lab.converged(row)
    assert lab.converged({**row, "state": "started"}) == ["start"]
    assert lab.converged({**row, "state": "stopped"}) == ["shutdown"]
    assert lab.converged({**row, "state": "template"}) == ["template"]
