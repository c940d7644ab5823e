# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Options that the pve plugins share."""

from __future__ import annotations

import textwrap


class ModuleDocFragment:
    """``DOCUMENTATION``: the connection; ``GUESTS``: the desired guests; ``GUEST``: the same options for one guest, at the top."""

    DOCUMENTATION = r"""
requirements:
  - proxmoxer >= 2.3
  - requests
  - cryptography
options:
  api:
    description: How to reach the Proxmox VE API, and as whom. Environment variables for proxies and CA bundles are ignored.
    type: dict
    required: true
    suboptions:
      hosts:
        description: Names or addresses of nodes. The first one that answers is used; when it fails, the next one.
        type: list
        elements: str
        required: true
      port:
        description: Port of the API.
        type: int
        default: 8006
      token_id:
        description: API token in the form C(user@realm!name).
        type: str
        required: true
      token_secret:
        description: The token's secret.
        type: str
        required: true
      ca_file:
        description: File with the CA that signed the nodes' certificates. Without it and O(api.fingerprint) the system's CAs are trusted.
        type: path
      fingerprint:
        description:
          - SHA-256 fingerprint of the API's certificate, which is then accepted whoever signed it, and no other one is.
          - Use it when Python rejects the CA that Proxmox VE 8 and older made for itself.
        type: str
      timeout:
        description: Seconds to wait for an answer.
        type: float
        default: 30
"""

    GUESTS = r"""
options:
  guests:
    description:
      - The guests as they shall be, in the shape of C(guests) in C(plan.yml).
      - What is not stated is left alone.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the guest, and its host name.
        type: str
        required: true
      uuid:
        description: Identity of the guest for ever. It is written into its description; a guest without it is a stranger and never touched.
        type: str
        required: true
      node:
        description: Node that a new guest is made on. A guest that exists is accepted wherever it is.
        type: str
        required: true
      template:
        description: Name or VMID of the template to clone (a full clone). Needed only while the guest does not exist.
        type: str
      cores:
        description: Cores of each socket.
        type: int
      sockets:
        description: Number of sockets.
        type: int
      cpu:
        description: CPU type with its flags, as in C(cpu) of the API.
        type: str
      memory_mib:
        description: Memory in MiB.
        type: int
      balloon_mib:
        description: Least memory in MiB that ballooning may leave; 0 switches ballooning off.
        type: int
      disks:
        description:
          - Disks by key (V(scsi0), V(virtio1), …), each with C(size_gib) or C(size) (such as C(40G)), and C(storage).
          - Disks grow and move between storages; they never shrink, and a disk that is not named is left alone.
        type: dict
        default: {}
      nics:
        description:
          - Network cards by key (V(net0), V(net1), …), each with C(bridge), C(vlan), C(model), C(mac), C(mtu), C(rate), C(firewall).
          - A card's MAC address is kept unless C(mac) is given. A card that is not named is left alone.
        type: dict
        default: {}
      address:
        description: Static address with prefix length, set by cloud-init.
        type: str
      gateway:
        description: Default gateway.
        type: str
      nameserver:
        description: Name servers, separated by spaces.
        type: str
      search_domain:
        description: DNS search domains.
        type: str
      ci_user:
        description: User that cloud-init creates; without it O(ssh.user) when public keys are given.
        type: str
      pool:
        description: Resource pool.
        type: str
      tags:
        description: All tags of the guest. The tag C(lotse) is always added.
        type: list
        elements: str
        default: []
      description:
        description: Description. Our marks are kept below it.
        type: str
      onboot:
        description: Whether the guest starts with its node.
        type: bool
      protection:
        description: Whether the guest and its disks are protected from being removed.
        type: bool
      startup:
        description: Order and delays of the start, as in C(startup) of the API.
        type: str
      role:
        description: Part of the plan that is not used here.
        type: str
      services:
        description: Part of the plan that is not used here.
        type: list
        elements: str
      settings:
        description: Part of the plan that is not used here.
        type: dict
"""

    GUEST = "options:\n" + textwrap.indent(textwrap.dedent(GUESTS.split("    suboptions:\n", 1)[1]), "  ").replace("O(guests[].", "O(")
