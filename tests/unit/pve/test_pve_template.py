# SPDX-License-Identifier: GPL-3.0-or-later
"""The module pve_template as Ansible runs it, against the lab's API in memory: images from a web server on loopback, clones, rotation."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.lotse.estate.plugins.module_utils._pve.observe import Cluster

from tests.lab.pve.fixture import MemoryPve
from tests.lab.pve.served import Image, Images, images

__all__ = ["images"]
Result = dict[str, Any]
Run = Callable[..., Result]
HARDWARE = {"cores": 1, "memory_mib": 1024, "nics": {"net0": {"bridge": "vmbr0"}}}


@pytest.fixture
def run(memory_pve: MemoryPve, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the module's main() and returns its JSON."""
    module = importlib.import_module("ansible_collections.lotse.estate.plugins.modules.pve_template")

    def one(served: Image | None = None, *, check: bool = False, **options: Any) -> Result:
        given: Result = {
            "api": {"hosts": [memory_pve.host], "port": memory_pve.port, "token_id": memory_pve.token_id, "token_secret": memory_pve.secret,
                    "ca_file": str(memory_pve.ca_file)},
            "name": "golden", "node": "pve1", "pool": "community", "storage": "shared", "hardware": HARDWARE, "disk": {"size_gib": 4}, "keep": 1,
        }  # fmt: skip
        if served is not None:
            given["image"] = {"url": served.url, "checksum": served.checksum}
        capsys.readouterr()
        with patch_module_args({**given, **options, "_ansible_check_mode": check, "_ansible_diff": True}), pytest.raises(SystemExit):
            module.main()
        said = capsys.readouterr().out
        assert memory_pve.secret not in said
        answer: Result = json.loads(said)
        return answer

    return one


def does(result: Result) -> list[str]:
    assert not result.get("failed"), result.get("msg")
    return [step["do"] for step in result["steps"]]


def templates(pve: MemoryPve) -> dict[str, int]:
    """Templates and half-made ones by name."""
    return {guest["name"]: guest["vmid"] for guest in pve.state()["guests"] if guest["name"].startswith("golden")}


def writes(pve: MemoryPve) -> list[str]:
    return [f"{call.method} {call.path}" for call in pve.calls() if call.method != "GET"]


def clone(pve: MemoryPve, vmid: int, template: int, *, full: int = 0) -> None:
    pve.proxmoxer().nodes("pve1").qemu(template).clone.post(newid=vmid, name=f"clone-{vmid}", full=full, pool="community")


def test_check_then_build_then_nothing(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    image = images.serve("debian.qcow2")
    told = run(image, check=True)
    assert told["changed"]
    assert writes(memory_pve) == images.asked == []

    done = run(image)
    assert done["steps"] == told["steps"], "a run does what the check said, step by step and value by value"
    assert done["diff"] == told["diff"]
    assert does(done) == ["download", "create", "resize", "template", "config"]
    assert done["template"] == told["template"]
    assert [done["template"][key] for key in ("name", "generation", "vmid", "node")] == ["golden", 1, 100, "pve1"]
    assert templates(memory_pve) == {"golden": 100}
    config = memory_pve.proxmoxer().nodes("pve1").qemu(100).config.get()
    assert config["scsi0"] == "shared:100/base-100-disk-0.qcow2,size=4G"
    assert (config["template"], config["agent"], config["boot"], config["tags"]) == (1, "1", "order=scsi0", "lotse;lotse-template")

    memory_pve.forget_calls()
    again = run(image)
    assert not again["changed"]
    assert again["diff"] == []
    assert again["api_calls"] == len(memory_pve.calls()) == 1 + 1
    assert images.asked == ["/debian.qcow2"]


def test_a_generation_with_a_linked_clone_stays_until_the_clone_is_gone(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    run(images.serve("d1.qcow2", text="one"))
    clone(memory_pve, 300, 100)
    second = images.serve("d2.qcow2", text="two")
    told = run(second, check=True)
    done = run(second)
    assert done["steps"] == told["steps"]
    assert done["generations"] == told["generations"]
    assert does(done) == ["download", "create", "resize", "template", "config", "config"], "nothing is destroyed"
    assert templates(memory_pve) == {"golden": 101, "golden-g1": 100}
    (old,) = done["generations"]
    assert (old["name"], old["vmid"], old["kept"]) == ("golden-g1", 100, "it has linked clones: VM 300")
    assert "= golden-g1 (VM 100) stays: it has linked clones: VM 300" in done["diff"][0]["prepared"]

    again = run(second)
    assert not again["changed"]
    assert again["generations"] == done["generations"]

    memory_pve.proxmoxer().nodes("pve1").qemu(300).delete()
    told = run(second, check=True)
    gone = run(second)
    assert gone["steps"] == told["steps"]
    assert does(gone) == ["destroy"]
    assert gone["generations"] == []
    assert templates(memory_pve) == {"golden": 101}
    memory_pve.forget_calls()
    assert not run(second)["changed"]
    assert writes(memory_pve) == []


def test_other_hardware_is_another_generation_and_a_full_clone_holds_nothing(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    image = images.serve("d.qcow2")
    run(image)
    clone(memory_pve, 300, 100, full=1)
    done = run(image, hardware={**HARDWARE, "cores": 2})
    assert does(done)[-3:] == ["config", "config", "destroy"]
    assert done["generations"] == []
    assert templates(memory_pve) == {"golden": 101}
    assert images.asked == ["/d.qcow2"], "the file is there already; its checksum was proven again"
    assert memory_pve.proxmoxer().nodes("pve1").qemu(300).config.get()["scsi0"].startswith("shared:300/")


def test_the_newest_generations_stay(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    for number in range(1, 5):
        run(images.serve("d.qcow2", text=str(number)), keep=3, disk={})
    assert templates(memory_pve) == {"golden": 103, "golden-g2": 101, "golden-g3": 102}
    less = run(images.serve("d.qcow2", text="4"), keep=1, disk={})
    assert does(less) == ["destroy"]
    assert [(one["name"], one["kept"]) for one in less["generations"]] == [("golden-g3", "max_destroys is 1")]
    assert does(run(images.serve("d.qcow2", text="4"), keep=1, disk={})) == ["destroy"]
    assert templates(memory_pve) == {"golden": 103}


def test_the_cluster_refuses_because_of_a_clone_that_nobody_may_see(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    """The clone is made between the look and the removal: its base is in use, says the task."""
    run(images.serve("d1.qcow2", text="one"))
    words = "base volume 'shared:100/base-100-disk-0.qcow2' is still in use by linked cloned"
    memory_pve.faults(tasks=[{"type": "qmdestroy", "id": "100", "message": words}])
    done = run(images.serve("d2.qcow2", text="two"))
    assert does(done)[-1] == "config"
    assert [(one["name"], one["kept"]) for one in done["generations"]] == [("golden-g1", f"the cluster says: {words}")]
    memory_pve.faults()
    assert does(run(images.serve("d2.qcow2", text="two"))) == ["destroy"]


def test_a_look_that_fails_keeps_the_generation(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    run(images.serve("d1.qcow2", text="one"))
    content = {"method": "GET", "path": "/nodes/pve1/storage/shared/content", "status": 500, "message": "storage 'shared' is not online"}
    memory_pve.faults(calls=[content])
    done = run(images.serve("d2.qcow2", text="two"))
    assert "destroy" not in does(done)
    assert done["generations"][0]["kept"].startswith("it is not known whether it has linked clones: storage 'shared' is not online")


def test_a_clone_of_a_template_is_never_taken_for_one(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    """It inherits description and tags, and somebody gave it the name of a generation."""
    first, second = images.serve("d1.qcow2", text="one"), images.serve("d2.qcow2", text="two")
    run(first)
    run(second, keep=2)
    api = memory_pve.proxmoxer().nodes("pve1")
    api.qemu(100).clone.post(newid=300, name="golden-g1", full=1, pool="community")
    assert api.qemu(300).config.get()["description"] == api.qemu(100).config.get()["description"]
    done = run(second)
    assert does(done) == ["destroy"]
    assert templates(memory_pve) == {"golden": 101, "golden-g1": 300}


def test_a_stranger_with_the_name_is_an_error(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    image = images.serve("d.qcow2")
    failed = run(image, name="debian-13")
    assert failed["msg"] == "template debian-13: VM 9000 on pve1 has this name and was not made here: rename it or remove it"
    assert writes(memory_pve) == []


def test_all_generations_go_or_none(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    run(images.serve("d1.qcow2", text="one"))
    clone(memory_pve, 300, 100)
    run(images.serve("d2.qcow2", text="two"))
    memory_pve.forget_calls()
    failed = run(state="absent", max_destroys=1)
    assert "generation 1 of golden (VM 100 on pve1) cannot go: it has linked clones: VM 300" in failed["msg"]
    assert "2 generations would be destroyed (golden-g1, golden) and max_destroys is 1: raise it to confirm" in failed["msg"]
    assert writes(memory_pve) == []
    memory_pve.proxmoxer().nodes("pve1").qemu(300).delete()
    assert does(run(state="absent", max_destroys=2)) == ["destroy", "destroy"]
    assert templates(memory_pve) == {}
    assert not run(state="absent")["changed"]


# ---------------------------------------------------------------------------- errors


def test_a_wrong_checksum(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    image = images.serve("d.qcow2")
    failed = run(image._replace(checksum="0" * 64))
    assert f"checksum mismatch: got '{image.checksum}' != expect '{'0' * 64}'" in failed["msg"]
    assert templates(memory_pve) == {}
    assert (failed["changed"], failed["steps"]) == (False, [])


def test_an_older_release_is_told_what_it_needs(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    memory_pve.faults(version="8.3.5")
    failed = run(images.serve("d.qcow2"))
    assert "Proxmox VE 8.3.5 cannot import an image that it downloaded (8.4 can)" in failed["msg"]
    assert "image.volume" in failed["msg"]
    assert writes(memory_pve) == []


def test_a_storage_that_holds_no_imports(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    failed = run(images.serve("d.qcow2"), import_storage="shared")
    assert "storage shared on node pve1 does not hold images for import (it holds images,iso,backup)" in failed["msg"]
    assert writes(memory_pve) == []


def test_a_volume_that_is_there_and_one_that_is_not(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    url, checksum = images.serve("d.qcow2")
    memory_pve.proxmoxer().nodes("pve1").storage("local")("download-url").post(
        content="import", filename="mine.qcow2", url=url, checksum=checksum, **{"checksum-algorithm": "sha256"}
    )
    assert "image local:import/no-such.qcow2 cannot be read on node pve1" in run(image={"volume": "local:import/no-such.qcow2"})["msg"]
    done = run(image={"volume": "local:import/mine.qcow2"})
    assert does(done) == ["create", "resize", "template", "config"]


def test_what_is_wrong_with_the_options_is_one_error(run: Run, memory_pve: MemoryPve) -> None:
    failed = run(image={"url": "https://example.org/noble.img", "checksum": "12"}, keep=0)
    assert failed["msg"].startswith("3 problems:")
    assert memory_pve.calls() == []


# ------------------------------------------------------------------ after a killed run


def test_a_half_made_generation_is_finished(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    image = images.serve("d.qcow2")
    memory_pve.faults(tasks=[{"type": "qmtemplate", "message": "killed", "times": 1}])
    failed = run(image)
    assert "killed" in failed["msg"]
    assert [step["do"] for step in failed["steps"]] == ["download", "create", "resize"]
    assert templates(memory_pve) == {"golden-g1": 100}
    memory_pve.faults()
    told = run(image, check=True)
    done = run(image)
    assert does(done) == [step["do"] for step in told["steps"]] == ["template", "config"]
    assert templates(memory_pve) == {"golden": 100}
    assert not run(image)["changed"]


def test_a_half_made_generation_that_is_not_wanted_any_more_is_replaced(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    memory_pve.faults(tasks=[{"type": "qmtemplate", "message": "killed", "times": 1}])
    run(images.serve("d1.qcow2", text="one"))
    memory_pve.faults()
    done = run(images.serve("d2.qcow2", text="two"))
    assert does(done)[-1] == "destroy"
    assert done["steps"][-1]["text"] == "destroy generation 1 of golden (VM 100 on pve1) with its disks, which is half-made"
    assert templates(memory_pve) == {"golden": 101}


def test_a_template_without_its_name_gets_it(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    image = images.serve("d.qcow2")
    memory_pve.faults(calls=[{"method": "PUT", "path": "/nodes/pve1/qemu/100/config", "status": 500, "message": "out of order", "times": 1}])
    assert "out of order" in run(image)["msg"]
    memory_pve.faults()
    assert templates(memory_pve) == {"golden-g1": 100}
    assert does(run(image)) == ["config"]
    assert templates(memory_pve) == {"golden": 100}


def test_a_clone_by_name_is_one_of_the_newest_generation(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    for number in (1, 2):
        run(images.serve("d.qcow2", text=str(number)), keep=2)
    seen = Cluster(tuple(memory_pve.proxmoxer().cluster.resources.get(type="vm")))
    assert [seen.template(name, "pve1").vmid for name in ("golden", "golden-g1")] == [101, 100]


# --------------------------------------------------------------------- privileges

LEAST = {
    "/pool/community": [
        "VM.Allocate", "VM.Audit", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk", "VM.Config.HWType",
        "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
    ],
    "/storage/shared": ["Datastore.AllocateSpace", "Datastore.Audit"],
    "/storage/local": ["Datastore.AllocateTemplate", "Datastore.Audit"],
    "/nodes/pve1": ["Sys.AccessNetwork"],
    "/sdn/zones/localnetwork": ["SDN.Use"],
}  # fmt: skip


def test_what_the_guide_says_that_the_token_needs_is_enough(run: Run, memory_pve: MemoryPve, images: Images) -> None:
    memory_pve.faults(acl=LEAST)
    for text in ("one", "two"):
        done = run(images.serve("d.qcow2", text=text))
        assert done.get("changed"), done.get("msg")
    assert templates(memory_pve) == {"golden": 101}


@pytest.mark.parametrize("path", sorted(LEAST))
def test_and_nothing_of_it_can_be_left_out(run: Run, memory_pve: MemoryPve, images: Images, path: str) -> None:
    memory_pve.faults(acl={where: held for where, held in LEAST.items() if where != path})
    failed = run(images.serve("d.qcow2"))
    assert "Permission check failed" in failed["msg"]
    assert templates(memory_pve) == {}
