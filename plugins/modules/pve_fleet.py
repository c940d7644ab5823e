#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Converge many guests in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_fleet
short_description: Converge all guests of a plan on Proxmox VE in one task
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Makes guests be what the plan says; clone, pool, configuration, disks, cloud-init, tags, start, ssh host key, and waiting until they are ready.
  - All guests are observed and compared first. If anything cannot be done, it is said at once for all guests and nothing is changed.
  - Values are compared by their meaning. V(2048M) is V(2G), the case of MAC addresses, the order of keys and tags and the encoding of ssh keys do
    not matter.
  - With nothing to change it costs one call for the cluster and one for each guest.
  - A guest is recognised by the UUID in its description. A guest of the same name without it is an error, never a target.
  - Every guest gets an ssh host key that was made before the first connection. Its private half goes through the guest agent over the
    authenticated TLS connection of the API and is never stored here; its public half goes to O(ssh.known_hosts).
extends_documentation_fragment:
  - lotse.estate.pve
  - lotse.estate.pve.guests
  - lotse.estate.pve_fleet
  - lotse.estate.pve_fleet.converge
attributes:
  check_mode:
    support: full
    description: Returns exactly the steps that a run would take.
  diff_mode:
    support: full
    description: Shows the steps of each guest with every value before and after.
"""

EXAMPLES = r"""
- name: Make what the plan says, and wait until every guest answers over ssh
  lotse.estate.pve_fleet:
    api: "{{ pve_api }}"
    guests: "{{ plan.guests }}"
    ssh:
      key_file: ~/.ssh/id_ed25519
      public_keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]
      known_hosts: estate/production/known_hosts

- name: A database guest in full, highly available, configured but not started
  lotse.estate.pve_fleet:
    api: {hosts: [pve1.example.org, pve2.example.org], token_id: lotse@pve!ci, token_secret: "{{ secret }}", fingerprint: "{{ pin }}"}
    state: present
    guests:
      - name: db-01
        node: pve2
        template: debian-13
        pool: community
        tags: [role-mariadb]
        cores: 8
        cpu: x86-64-v3
        memory_mib: 32768
        balloon_mib: 0
        numa: true
        disks:
          scsi0: {storage: local-lvm, size: 32G, discard: true, ssd: true, iothread: true}
          scsi1: {storage: local-lvm, size: 200G, cache: none, aio: io_uring, backup: false}
        nics:
          net0: {bridge: vmbr0, vlan: 20, firewall: true}
          net1: {bridge: vmbr1, mtu: 9000, address: 198.51.100.13/24}
        address: 192.0.2.13/24
        gateway: 192.0.2.1
        nameserver: 192.0.2.53
        onboot: true
        startup: {order: 1, up: 30}
        ha: {state: started, max_restart: 2, nodes: {pve1: 1, pve2: 2}}

- name: An empty VM with UEFI and TPM, for an installer to boot
  lotse.estate.pve_fleet:
    api: "{{ pve_api }}"
    state: present
    guests:
      - name: win-01
        node: pve3
        os_type: win11
        machine: q35
        bios: ovmf
        efi: {storage: local-lvm, pre_enrolled_keys: true}
        tpm: {storage: local-lvm, version: v2.0}
        cores: 4
        memory_mib: 8192
        scsi_controller: virtio-scsi-single
        disks: {scsi0: {storage: local-lvm, size: 64G}}
        nics: {net0: {bridge: vmbr0}}
        agent: false

- name: Web servers wherever there is room, so that any one node may fail
  lotse.estate.pve_fleet:
    api: "{{ pve_api }}"
    placement: {spare_nodes: 1, anti_affinity: [role-web]}
    guests:
      - {name: web-01, template: debian-13, tags: [role-web], cores: 4, memory_mib: 4096}
      - {name: web-02, template: debian-13, tags: [role-web], cores: 4, memory_mib: 4096}
      - {name: web-03, template: debian-13, tags: [role-web], cores: 4, memory_mib: 4096}

- name: More memory for guests that run; those that need a restart for it get one
  lotse.estate.pve_fleet:
    api: "{{ pve_api }}"
    guests: "{{ plan.guests }}"
    allow_reboot: true
  register: fleet

- name: Without allow_reboot, name what still waits
  ansible.builtin.debug:
    msg: "{{ fleet.guests | selectattr('pending') | items2dict(key_name='name', value_name='pending') }}"

- name: Take a practice fleet away again
  lotse.estate.pve_fleet:
    api: "{{ pve_api }}"
    guests: "{{ plan.guests }}"
    state: absent
    max_destroys: 5
"""

RETURN = r"""
guests:
  description: Every guest in the order of O(guests). In check mode C(steps) are those that a run would take.
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: Name., type: str}
    vmid: {description: VMID; in check mode for a new guest the one that would be tried first., type: int}
    node: {description: Node that it is on., type: str}
    address: {description: Address that it is reached at., type: str}
    addresses: {description: Addresses that were found inside it or that cloud-init gives it., type: list, elements: str}
    changed: {description: Whether anything was done., type: bool}
    steps: {description: What was done; each with C(do) C(text) C(undo) and C(changes)., type: list, elements: dict}
    tasks: {description: UPIDs of the tasks., type: list, elements: str}
    seconds: {description: Time of each step and rung., type: dict}
    pending: {description: Keys of the configuration that wait for the next start., type: list, elements: str}
    error: {description: Why it did not converge., type: str}
api_calls:
  description: Number of calls to the API.
  returned: always
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import fleet_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import RunFailedError, run
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError


def main() -> None:
    module = AnsibleModule(argument_spec=fleet_spec(), supports_check_mode=True)
    try:
        result = run("fleet", module.params, check=module.check_mode)
    except RunFailedError as failure:
        module.fail_json(msg=str(failure), **failure.result)
    except PveError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
