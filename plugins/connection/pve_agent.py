# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Run modules and copy files through the QEMU guest agent."""

from __future__ import annotations

DOCUMENTATION = r"""
name: pve_agent
short_description: Reach a guest without network, through the Proxmox VE API and the QEMU guest agent
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Runs modules in guests and copies files of any size to and from them, with no other way to the guest than the API of the cluster.
  - The agent runs as root, so everything does unless O(become_user) is somebody else. C(su) and C(sudo) that ask for a password do not work.
  - The guest needs C(qemu-guest-agent), a POSIX shell and coreutils (or BusyBox).
  - The API's certificate is verified or pinned exactly as the modules do it. Environment variables for proxies and CA bundles are ignored.
requirements:
  - proxmoxer >= 2.3
  - requests
notes:
  - The token needs C(VM.Audit) and C(VM.GuestAgent.Unrestricted) on the guest, before Proxmox VE 9 C(VM.Audit) and C(VM.Monitor).
  - A program may print at most 16 MiB; that is the agent's limit, and it is an error rather than a cut output.
  - With pipelining, which is on, the module's code and arguments touch no file, or one that only root can read.
options:
  api:
    description: How to reach the API, and as whom; the option C(api) of the modules.
    type: dict
    required: true
    vars: [{name: pve_api}]
  guest:
    description: Name of the guest, by which it is looked for when no VMID is stated.
    type: str
    vars: [{name: inventory_hostname}]
  vmid:
    description: The guest.
    type: int
    vars: [{name: pve_vmid}, {name: proxmox_vmid}]
  node:
    description: Where the guest was last seen. It is looked for when it is not stated, or when it is not there any more.
    type: str
    vars: [{name: pve_node}, {name: proxmox_node}]
  executable:
    description: Shell that commands are given to.
    type: str
    default: /bin/sh
    vars: [{name: ansible_executable}]
  pipelining:
    description: Give a module to the interpreter's standard input instead of copying it first. Saves most of the calls.
    type: bool
    default: true
    vars: [{name: ansible_pipelining}]
"""

EXAMPLES = r"""
- name: Mend the network of a guest that cannot be reached over it
  hosts: web-01
  vars:
    ansible_connection: lotse.estate.pve_agent
    # pve_api comes from the group variables, pve_vmid and pve_node from the inventory plugin lotse.estate.pve
  tasks:
    - name: Write the configuration
      ansible.builtin.copy:
        src: 10-eth0.network
        dest: /etc/systemd/network/10-eth0.network
        mode: "0644"
"""

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import require_libraries
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import ApiError, ApiUnreachableError, PveError


class Connection(ConnectionBase):
    """One guest."""

    transport = "lotse.estate.pve_agent"
    has_pipelining = True
    has_tty = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._channel: Any = None

    def _connect(self) -> Connection:
        if self._channel is None:
            try:
                require_libraries()
                self._channel = self._open()
            except PveError as failure:
                raise AnsibleConnectionFailure(str(failure)) from None
            self._connected = True
        return self

    def _open(self) -> Any:
        from ansible_collections.lotse.estate.plugins.module_utils._pve.adapter import ProxmoxerGateway, endpoint_from
        from ansible_collections.lotse.estate.plugins.module_utils._pve.channel import Channel, Seat, find_seat

        gateway = ProxmoxerGateway(endpoint_from(self.get_option("api")))
        vmid, node = self.get_option("vmid"), self.get_option("node")
        return Channel(gateway, Seat(vmid, node) if vmid and node else find_seat(gateway, vmid, self.get_option("guest")))

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        self._connect()
        try:
            ended = self._channel.run([self.get_option("executable"), "-c", cmd], in_data)
        except (ApiError, ApiUnreachableError) as failure:
            raise AnsibleConnectionFailure(str(failure)) from None
        except PveError as failure:
            raise AnsibleError(str(failure)) from None
        return ended.returncode, ended.stdout, ended.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        super().put_file(in_path, out_path)
        self._connect()
        try:
            data = Path(in_path).read_bytes()
        except FileNotFoundError:
            raise AnsibleFileNotFound(f"{in_path} does not exist") from None
        try:
            self._channel.put(data, out_path)
        except PveError as failure:
            raise AnsibleError(f"{in_path} was not copied to {out_path}: {failure}") from None

    def fetch_file(self, in_path: str, out_path: str) -> None:
        super().fetch_file(in_path, out_path)
        self._connect()
        try:
            with Path(out_path).open("wb") as into:
                self._channel.fetch(in_path, into)
        except PveError as failure:
            raise AnsibleError(f"{in_path} was not fetched: {failure}") from None

    def close(self) -> None:
        self._channel = None
        self._connected = False
