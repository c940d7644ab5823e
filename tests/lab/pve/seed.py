# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud-init drive of a guest as Proxmox VE makes it for Linux (NoCloud), read from the guest's config."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
import urllib.parse
from collections.abc import Mapping
from ipaddress import ip_interface
from pathlib import Path
from typing import Any

import yaml

NIC = re.compile(r"net(\d+)")
MAC = re.compile(r"=([0-9A-Fa-f:]{17})")


def user_data(config: Mapping[str, Any], hostname: str) -> str:
    keys = [key.strip() for key in urllib.parse.unquote(str(config.get("sshkeys", ""))).splitlines() if key.strip()]
    user = config.get("ciuser")
    content: dict[str, Any] = {"hostname": hostname, "manage_etc_hosts": True, "fqdn": hostname}
    if config.get("searchdomain"):
        content["fqdn"] = f"{hostname}.{str(config['searchdomain']).split()[0]}"
    if user:
        content["user"] = user
    if user == "root":
        content["disable_root"] = False
    if keys:
        content["ssh_authorized_keys"] = keys
    content["chpasswd"] = {"expire": False}
    content["users"] = ["default"]
    content["package_upgrade"] = str(config.get("ciupgrade", 1)) == "1"
    return "#cloud-config\n" + yaml.safe_dump(content, sort_keys=False)


def network_config(config: Mapping[str, Any]) -> str:
    """Version 1: each card by its MAC address, and the name servers."""
    rows: list[dict[str, Any]] = []
    for key in sorted(key for key in config if NIC.fullmatch(key)):
        number, mac = key.removeprefix("net"), MAC.search(str(config[key]))
        given = dict(pair.split("=", 1) for pair in str(config.get(f"ipconfig{number}", "")).split(",") if "=" in pair)
        if mac and given:
            rows.append({"type": "physical", "name": f"eth{number}", "mac_address": mac.group(1).lower(), "subnets": _subnets(given)})
    names = {"address": str(config.get("nameserver", "")).split(), "search": str(config.get("searchdomain", "")).split()}
    if any(names.values()):
        rows.append({"type": "nameserver", **{name: value for name, value in names.items() if value}})
    return yaml.safe_dump({"version": 1, "config": rows}, sort_keys=False)


def _subnets(given: Mapping[str, str]) -> list[dict[str, str]]:
    found = []
    for address, gateway, kind in (("ip", "gw", "static"), ("ip6", "gw6", "static6")):
        value = given.get(address)
        if value in ("dhcp", "auto"):
            found.append({"type": "dhcp4" if address == "ip" else "dhcp6" if value == "dhcp" else "ipv6_slaac"})
        elif value:
            interface = ip_interface(value)
            mask = {"address": str(interface.ip), "netmask": str(interface.netmask)} if address == "ip" else {"address": value}
            found.append({"type": kind, **mask, **({"gateway": given[gateway]} if gateway in given else {})})
    return found


def files(config: Mapping[str, Any], hostname: str) -> dict[str, str]:
    """The drive's files. The instance is another one when anything differs, so that cloud-init applies it at the next boot."""
    made = {"user-data": user_data(config, hostname), "network-config": network_config(config)}
    return {**made, "meta-data": f"instance-id: {hashlib.sha256(repr(sorted(made.items())).encode()).hexdigest()[:40]}\n"}


def write(path: Path, config: Mapping[str, Any], hostname: str) -> None:
    """Makes the ISO image. Raises OSError or subprocess.SubprocessError."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files(config, hostname).items():
            Path(folder, name).write_text(text, encoding="utf-8")
        subprocess.run(["genisoimage", "-quiet", "-iso-level", "4", "-R", "-V", "cidata", "-o", str(path), folder], check=True, capture_output=True)
