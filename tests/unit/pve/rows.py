# SPDX-License-Identifier: GPL-3.0-or-later
"""Random guests as operators write them, and random spellings of what the API says."""

from __future__ import annotations

import random
import urllib.parse
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEexampleexampleexampleexampleexampleexam"
STORAGES = st.sampled_from(["shared", "local-lvm"])
macs = st.integers(0, 2**24 - 1).map(lambda number: "bc:24:11:" + ":".join(f"{number:06x}"[at : at + 2] for at in (0, 2, 4)))
drive_options: dict[str, Any] = {
    "cache": st.sampled_from(["none", "writeback", "directsync"]), "discard": st.sampled_from([True, False, "on", "ignore"]), "ssd": st.booleans(),
    "iothread": st.booleans(), "backup": st.booleans(), "aio": st.sampled_from(["native", "threads", "io_uring"]), "readonly": st.booleans(),
    "replicate": st.booleans(), "iops_rd": st.integers(0, 500), "mbps_wr": st.sampled_from([0, 1.5, 20]),
}  # fmt: skip
sizes = st.one_of(
    st.integers(20, 64).map(lambda size: {"size_gib": size}), st.integers(20 * 1024, 64 * 1024).map(lambda size: {"size": f"{size}M"})
)
disks = st.builds(
    lambda size, storage, options: {**size, "storage": storage, **options}, sizes, STORAGES, st.fixed_dictionaries({}, optional=drive_options)
)
nic_options: dict[str, Any] = {
    "model": st.sampled_from(["virtio", "e1000"]), "mac": macs, "vlan": st.integers(0, 4094), "mtu": st.sampled_from([0, 1, 1500, 9000]),
    "firewall": st.booleans(), "rate": st.sampled_from([0, 2.5, 100]), "link_down": st.booleans(), "queues": st.integers(0, 8),
    "trunks": st.lists(st.integers(1, 4094), max_size=3),
}  # fmt: skip
nics = st.fixed_dictionaries({"bridge": st.sampled_from(["vmbr0", "vmbr1"])}, optional=nic_options)
second_nics = st.builds(
    lambda nic, network: {**nic, **network},
    nics,
    st.sampled_from([{}, {"address": "dhcp"}, {"address": "192.0.2.7/24", "gateway": "192.0.2.1"}, {"address6": "auto"}]),
)
options: dict[str, Any] = {
    "cores": st.integers(1, 8), "sockets": st.integers(1, 2), "cpu": st.sampled_from(["host", "kvm64", "x86-64-v2-AES,flags=+aes;-pcid"]),
    "cpu_limit": st.sampled_from([0, 1.5, 2]), "cpu_units": st.sampled_from([0, 50, 1024]), "affinity": st.sampled_from(["", "0-3", "0,2,5"]),
    "numa": st.booleans(), "memory_mib": st.integers(512, 8192), "balloon_mib": st.integers(0, 512),
    "machine": st.sampled_from(["q35", "pc", "pc-q35-9.2", "q35,viommu=intel"]), "bios": st.sampled_from(["seabios", "ovmf"]),
    "os_type": st.sampled_from(["l26", "other"]), "scsi_controller": st.sampled_from(["lsi", "virtio-scsi-single"]),
    "vga": st.sampled_from(["std", "serial0", "qxl,memory=32"]), "serial": st.sampled_from(["", "socket"]),
    "efi": st.fixed_dictionaries({"storage": STORAGES}, optional={"type": st.just("4m"), "pre_enrolled_keys": st.booleans()}),
    "tpm": st.fixed_dictionaries({"storage": STORAGES}, optional={"version": st.sampled_from(["v2.0", "2.0"])}),
    "agent": st.sampled_from([True, False, "1,fstrim_cloned_disks=1"]), "boot": st.sampled_from([["scsi0"], ["scsi0", "net0"], "order=net0"]),
    "onboot": st.booleans(), "protection": st.booleans(), "startup": st.sampled_from(["", "order=2,up=30", {"order": 3}, {"order": 4, "down": 9}]),
    "tags": st.lists(st.sampled_from(["role-edge", "role-redis", "Blue"]), max_size=3), "pool": st.sampled_from(["community", "other"]),
    "description": st.sampled_from(["", "the database", "two\nlines"]), "ci_user": st.sampled_from(["", "root"]),
    "ci_password": st.just("s3cret-Horse"), "ssh_keys": st.sampled_from([[], [KEY + " a"], [KEY + " b", KEY + " a"]]),
    "nameserver": st.sampled_from(["", "10.77.0.1 10.77.0.2"]), "search_domain": st.sampled_from(["", "lab.example"]), "ci_upgrade": st.booleans(),
    "snippets": st.sampled_from([{}, {"user": "local:snippets/u.yml"}, {"user": "local:snippets/u.yml", "network": "local:snippets/n.yml"}]),
    "ci_storage": STORAGES, "address": st.integers(2, 254).map("10.77.0.{}/24".format), "gateway": st.sampled_from(["", "10.77.0.1"]),
    "address6": st.sampled_from(["auto", "dhcp", "2001:DB8:0::5/64"]), "gateway6": st.sampled_from(["2001:db8::1", ""]),
    "api_options": st.sampled_from([{"tablet": False}, {"hotplug": "disk,network,usb"}, {"ide0": "none,media=cdrom"}, {"acpi": "1", "tablet": ""}]),
    "ha": st.one_of(
        st.just(False),
        st.fixed_dictionaries(
            {},
            optional={"max_restart": st.integers(0, 3), "nodes": st.sampled_from([["pve1"], {"pve1": 2, "pve2": 1}])},
        ),
        st.fixed_dictionaries({"nodes": st.just("pve2,pve1"), "strict": st.booleans()}),
    ),
}  # fmt: skip
plans = st.builds(
    lambda stated, disk, more, nic, second, node: {
        **stated,
        "disks": {"scsi0": disk, **more},
        "nics": {"net0": nic, **({} if second is None else {"net1": second})},
        "node": node,
    },
    st.fixed_dictionaries({}, optional=options),
    disks,
    st.dictionaries(st.sampled_from(["scsi1", "virtio0", "sata2"]), disks, max_size=2),
    nics,
    st.none() | second_nics,
    st.sampled_from(["pve1", "pve2"]),
)
MIXED = {"on": ("1", "on"), "1": ("1", "on", "yes"), "0": ("0", "off", "no")}


def noisy(config: Mapping[str, Any], chance: random.Random) -> dict[str, Any]:
    """The same configuration in another spelling: order of keys and parts, case of addresses, sizes, booleans, URL-encoding."""
    keys = list(config)
    chance.shuffle(keys)
    return {key: _respelled(key, config[key], chance) for key in keys}


def _respelled(key: str, value: Any, chance: random.Random) -> Any:
    text = str(value)
    if key == "memory":
        return chance.choice([text, int(text), f"current={text}"])
    if key in ("onboot", "protection", "numa", "ciupgrade"):
        return chance.choice([text, int(text)])
    if key == "sshkeys":
        return chance.choice([text, text.replace("%0A", "%0a"), urllib.parse.unquote(text)])
    if key == "tags":
        tags = text.split(";")
        chance.shuffle(tags)
        return chance.choice([";", ",", " "]).join(tags)
    if not key.startswith(("scsi", "virtio", "sata", "ide", "net", "ipconfig", "efidisk", "tpmstate")) or key == "scsihw":
        return value
    first, *rest = text.split(",")
    rest = [_respelled_part(part, chance) for part in rest]
    chance.shuffle(rest)
    if key.startswith("net"):
        model, _, address = first.partition("=")
        first = chance.choice([first, f"{model}={address.lower()}", f"model={model},macaddr={address.lower()}"])
        return ",".join([*rest, first])
    if key.startswith("ipconfig"):
        return ",".join([*rest, _respelled_part(first, chance)])
    return ",".join([chance.choice([first, f"file={first}", f"volume={first}"]), *rest])


def _respelled_part(part: str, chance: random.Random) -> str:
    name, _, value = part.partition("=")
    if name == "size":
        mib = float(value[:-1]) * {"K": 2**-10, "M": 1, "G": 2**10, "T": 2**20}[value[-1]]
        return f"size={chance.choice([f'{mib:.0f}M', f'{mib * 1024:.0f}K'])}"
    if name in ("ip6", "gw6"):
        return f"{name}={value.upper()}"
    if name in ("ssd", "iothread", "backup", "ro", "replicate", "firewall", "link_down", "pre-enrolled-keys"):
        return f"{name}={chance.choice(MIXED[value])}"
    return part
