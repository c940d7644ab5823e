# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on a storage: downloads, imports, base volumes and their linked clones."""

from __future__ import annotations

from typing import Any

import pytest
from proxmoxer.core import ResourceException

from tests.lab.pve.fixture import MemoryPve
from tests.lab.pve.served import GIB, Images, images

from .helpers import ended

__all__ = ["images"]
VOLUME = "local:import/debian.qcow2"


def download(api: Any, url: str, checksum: str | None = None, node: str = "pve1", **options: Any) -> str:
    given = {"content": "import", "filename": "debian.qcow2", "url": url, **options}
    if checksum is not None:
        given |= {"checksum": checksum, "checksum-algorithm": "sha256"}
    return ended(api, api.nodes(node).storage("local")("download-url").post(**given))


def create(api: Any, vmid: int = 200, node: str = "pve1", disk: str = f"shared:0,import-from={VOLUME}", **options: Any) -> str:
    return ended(api, api.nodes(node).qemu.post(vmid=vmid, pool="community", scsi0=disk, **options))


def listed(api: Any, node: str, content: str, storage: str = "local") -> list[str]:
    return [item["volid"] for item in api.nodes(node).storage(storage).content.get(content=content)]


def test_a_download_is_checked_and_lies_on_its_node_only(memory_pve: MemoryPve, images: Images) -> None:
    api = memory_pve.proxmoxer()
    url, checksum = images.serve("d.qcow2")
    assert download(api, url, "0" * 64) == f"checksum mismatch: got '{checksum}' != expect '{'0' * 64}'"
    assert listed(api, "pve1", "import") == []
    assert download(api, url, checksum) == "OK"
    assert (listed(api, "pve1", "import"), listed(api, "pve2", "import")) == ([VOLUME], [])
    assert download(api, url, checksum, node="pve2") == "OK"
    assert listed(api, "pve2", "import") == [VOLUME]


def test_a_file_that_is_there_is_never_replaced(memory_pve: MemoryPve, images: Images) -> None:
    api = memory_pve.proxmoxer()
    url, checksum = images.serve("d.qcow2")
    download(api, url, checksum)
    images.asked.clear()
    assert download(api, url, checksum.upper()) == "OK"
    assert download(api, url, "0" * 64).endswith("aborting")
    assert download(api, url).startswith("refusing to override existing file '/var/lib/vz/import/debian.qcow2'")
    assert images.asked == []


def test_what_a_download_refuses(memory_pve: MemoryPve, images: Images) -> None:
    api = memory_pve.proxmoxer()
    url, _ = images.serve("d.qcow2")
    with pytest.raises(ResourceException, match="wrong file extension"):
        download(api, url, filename="debian.img")
    with pytest.raises(ResourceException, match="Permission check failed"):
        api.nodes("pve1").storage("shared")("download-url").post(content="import", filename="d.qcow2", url=url)
    memory_pve.faults(version="8.3.5")
    with pytest.raises(ResourceException, match="value 'import' does not have a value in the enumeration"):
        download(api, url)
    memory_pve.faults()
    assert download(api, url + ".no").endswith("exit code 8 (HTTP 404)")
    assert download(api, "http://192.0.2.1.invalid/d.qcow2").endswith("exit code 4 (the lab reaches nothing outside)")


def test_an_import_makes_a_disk_of_the_virtual_size(memory_pve: MemoryPve, images: Images) -> None:
    api = memory_pve.proxmoxer()
    download(api, *images.serve("d.qcow2", 3 * GIB))
    assert create(api, disk=f"shared:0,import-from={VOLUME},discard=on") == "OK"
    assert api.nodes("pve1").qemu(200).config.get()["scsi0"] == "shared:200/vm-200-disk-0.qcow2,discard=on,size=3G"
    upid = api.nodes("pve1").qemu(200).config.post(scsi1=f"local-lvm:0,import-from={VOLUME}")
    assert ended(api, upid) == "OK"
    assert api.nodes("pve1").qemu(200).config.get()["scsi1"] == "local-lvm:vm-200-disk-0,size=3G"


def test_what_an_import_refuses(memory_pve: MemoryPve, images: Images) -> None:
    api = memory_pve.proxmoxer()
    download(api, *images.serve("d.qcow2"))
    for disk, text in (
        (f"shared:8,import-from={VOLUME}", "import-from requires special syntax"),
        ("shared:0,import-from=local:iso/x.iso", "has wrong type 'iso' - needs to be 'images' or 'import'"),
        ("shared:0,import-from=/var/lib/vz/x.qcow2", "Only root can pass arbitrary filesystem paths"),
        ("shared:0,import-from=nowhere:import/x.qcow2", "storage 'nowhere' does not exist"),
    ):
        with pytest.raises(ResourceException, match=text):
            create(api, disk=disk)
    assert create(api, node="pve2").endswith(f"could not get size of {VOLUME}"), "the file lies on pve1 only"
    assert [row["vmid"] for row in api.cluster.resources.get(type="vm")] == [9000]


def test_a_template_is_held_by_its_linked_clones(memory_pve: MemoryPve, images: Images) -> None:
    api = memory_pve.proxmoxer()
    download(api, *images.serve("d.qcow2"))
    create(api, ide2="shared:cloudinit")
    template = api.nodes("pve1").qemu(200)
    assert ended(api, template.template.post()) == "OK"
    assert template.config.get()["scsi0"] == "shared:200/base-200-disk-0.qcow2,size=3G"
    assert template.config.get()["ide2"] == "shared:200/vm-200-cloudinit.qcow2,media=cdrom"
    assert ended(api, template.clone.post(newid=201, name="linked", full=0, pool="community")) == "OK"
    child = "shared:200/base-200-disk-0.qcow2/201/vm-201-disk-0.qcow2"
    assert child in listed(api, "pve1", "images", "shared")
    assert ended(api, template.delete()) == "base volume 'shared:200/base-200-disk-0.qcow2' is still in use by linked cloned"
    assert ended(api, api.nodes("pve1").qemu(201).delete()) == "OK"
    assert ended(api, template.delete()) == "OK"
    assert not [volume for volume in memory_pve.state()["storages"]["shared"]["volumes"] if volume.startswith("200/")]


def test_snippets_are_listed_for_who_may_manage_the_storage(memory_pve: MemoryPve) -> None:
    """As in the real API: without Datastore.Allocate the list is empty, which is not to say that there are none."""
    api = memory_pve.proxmoxer()
    assert listed(api, "pve1", "snippets") == []
    memory_pve.faults(acl={"/storage/local": ["Datastore.Allocate", "Datastore.Audit"]})
    assert listed(api, "pve1", "snippets") == ["local:snippets/lotse-user.yaml"]
