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
        description: Name of the guest, and its host name. It alone is required; what is not stated is left alone.
        type: str
        required: true
      uuid:
        description:
          - Identity of the guest for ever. It is written into its description; a guest without it is a stranger and never touched.
          - Without it the identity follows from the name.
        type: str
      state:
        description: As O(state), for this guest.
        type: str
        choices: [present, started, stopped, template, absent]
      adopt:
        description: VMID of a guest of this name that carries no mark yet, to take it over. It gets the mark and the tag C(lotse).
        type: int
      template:
        description: Name or VMID of the template to clone. Needed only while the guest does not exist.
        type: str
      full_clone:
        description: Whether a clone has disks of its own; if not, it stays linked to its template. True for a new clone that does not state it.
        type: bool
      image:
        description:
          - Volume of a cloud image, such as V(local:import/debian-13.qcow2), that the first of O(guests[].disks) is made from.
          - With neither O(guests[].template) nor this, the guest is made with empty disks.
        type: str
      node:
        description: Node that a new guest is made on. A guest that exists is accepted wherever it is, unless O(migrate) is true.
        type: str
      pool:
        description: Resource pool.
        type: str
      tags:
        description: All tags of the guest. The tag C(lotse) is always added.
        type: list
        elements: str
      description:
        description: Description. Our marks are kept below it.
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
      cpu_limit:
        description: How many CPUs' time the guest may use; 0 is no limit.
        type: float
      cpu_units:
        description: Weight against other guests; 0 is the API's default.
        type: int
      affinity:
        description: Host cores that the guest runs on, such as V(0-3,8); empty for all.
        type: str
      numa:
        description: Whether the guest sees NUMA nodes.
        type: bool
      memory_mib:
        description: Memory in MiB.
        type: int
      balloon_mib:
        description: Least memory in MiB that ballooning may leave; 0 switches ballooning off.
        type: int
      machine:
        description: Machine type. V(q35) and V(pc) are satisfied by a pinned version of theirs.
        type: str
      bios:
        description: Firmware.
        type: str
        choices: [seabios, ovmf]
      efi:
        description:
          - The disk of the UEFI variables, C(storage), C(type) (V(4m) for a new one, or V(2m)) and C(pre_enrolled_keys).
          - It is made once. One that was made otherwise is an error, because it cannot be changed.
        type: dict
      tpm:
        description: The TPM's state, C(storage) and C(version) (V(v2.0) for a new one, or V(v1.2)). It is made once, as O(guests[].efi).
        type: dict
      os_type:
        description: Type of operating system, C(ostype) of the API.
        type: str
      scsi_controller:
        description: SCSI controller, C(scsihw) of the API.
        type: str
      vga:
        description: Display, as in C(vga) of the API.
        type: str
      serial:
        description: First serial port, such as V(socket); empty for none.
        type: str
      disks:
        description:
          - Disks by key (V(scsi0), V(virtio1), …), each with C(size_gib) or C(size) (such as C(40G)), and C(storage).
          - C(cache), C(discard), C(ssd), C(iothread), C(backup), C(aio), C(readonly), C(replicate), C(iops_rd), C(iops_wr), C(mbps_rd), C(mbps_wr)
            as in the API; C(format) is that of a new or moved volume.
          - Disks grow and move between storages; they never shrink. A disk that is not named is left alone.
          - C(state=absent) detaches a disk. It stays as an unused one, and is destroyed only with O(purge_disks=true).
          - C(recreate=true) replaces a disk that would have to shrink by a new, empty one; the old one is detached.
        type: dict
      nics:
        description:
          - Network cards by key (V(net0), V(net1), …), each with C(bridge), C(vlan), C(model), C(mac), C(mtu), C(rate) (MB/s), C(firewall),
            C(link_down), C(queues), C(trunks); and with C(address), C(gateway), C(address6), C(gateway6) for cloud-init.
          - A card's MAC address is kept unless C(mac) is given. A card that is not named is left alone. C(state=absent) removes a card.
        type: dict
      address:
        description: Address of V(net0) with prefix length, or V(dhcp), set by cloud-init. Empty to remove it.
        type: str
      gateway:
        description: Default gateway of V(net0).
        type: str
      address6:
        description: IPv6 address of V(net0) with prefix length, or V(dhcp) or V(auto).
        type: str
      gateway6:
        description: IPv6 gateway of V(net0).
        type: str
      ci_user:
        description: User that cloud-init creates; without it O(ssh.user) when public keys are given.
        type: str
      ci_password:
        description:
          - Password of that user. The API never shows it, so it is given to a guest that has none, and one that is set is left alone.
        type: str
      ssh_keys:
        description: Public keys of that user; without it O(ssh.public_keys).
        type: list
        elements: str
      nameserver:
        description: Name servers, separated by spaces.
        type: str
      search_domain:
        description: DNS search domains.
        type: str
      ci_upgrade:
        description: Whether cloud-init upgrades the packages at the first boot.
        type: bool
      ci_storage:
        description: Storage of the cloud-init drive, where there is none yet; without it that of the first disk.
        type: str
      snippets:
        description: Volumes with cloud-init data of one's own by C(user), C(network), C(meta), C(vendor), such as V(local:snippets/db.yml).
        type: dict
      agent:
        description: Whether the guest has the QEMU guest agent, or C(agent) of the API. True where it is not stated.
        type: raw
      boot:
        description: Devices to boot from, in order.
        type: list
        elements: str
      onboot:
        description: Whether the guest starts with its node.
        type: bool
      startup:
        description: Order and delays of the start, C(order), C(up) and C(down), or a text as in C(startup) of the API; empty for none.
        type: raw
      protection:
        description: Whether the guest and its disks are protected from being removed.
        type: bool
      ha:
        description:
          - High availability, C(state) (V(started), V(stopped), V(ignored), V(disabled)), C(max_restart), C(max_relocate), C(nodes) (a list, or
            priorities by node) and C(strict) (on no other node). False to end it.
          - The nodes become a group of the name C(lotse-NAME) up to release 8, a node-affinity rule from 9.0.
        type: raw
      api_options:
        description: Any other option of the API's configuration by its key there; an empty text deletes it.
        type: dict
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
      settings_reasons:
        description: Part of the plan that is not used here.
        type: dict
      os:
        description: Part of the plan that is not used here.
        type: dict
      sizing:
        description: Part of the plan that is not used here.
        type: dict
"""

    GUEST = "options:\n" + textwrap.indent(textwrap.dedent(GUESTS.split("    suboptions:\n", 1)[1]), "  ").replace("O(guests[].", "O(")
