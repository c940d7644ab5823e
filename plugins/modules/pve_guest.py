#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Converge one guest."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_guest
short_description: Converge one guest on Proxmox VE
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Makes one guest be what its options say, with the engine of M(lotse.estate.pve_fleet), whose options it has beside those of the guest.
  - For more than a few guests use M(lotse.estate.pve_fleet); it converges them side by side in one task, and needs one call for the cluster
    instead of one for each guest.
  - With O(state=absent) it destroys at most this one guest.
extends_documentation_fragment:
  - lotse.estate.pve
  - lotse.estate.pve_fleet.converge
  - lotse.estate.pve.guest
attributes:
  check_mode:
    support: full
    description: Returns exactly the steps that a run would take.
  diff_mode:
    support: full
    description: Shows the steps with every value before and after.
seealso:
  - module: lotse.estate.pve_fleet
"""

EXAMPLES = r"""
- name: A web server from a template, ready for its roles
  lotse.estate.pve_guest:
    api: "{{ pve_api }}"
    name: web-07
    node: pve2
    template: debian-13
    cores: 4
    memory_mib: 8192
    disks: {scsi0: {storage: local-lvm, size: 32G}}
    nics: {net0: {bridge: vmbr0, vlan: 20}}
    address: 192.0.2.17/24
    gateway: 192.0.2.1
    ssh:
      public_keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]
      known_hosts: estate/production/known_hosts

- name: More memory, with the reboot that it takes
  lotse.estate.pve_guest:
    api: "{{ pve_api }}"
    name: web-07
    memory_mib: 16384
    allow_reboot: true

- name: Take over a guest that somebody else made
  lotse.estate.pve_guest:
    api: "{{ pve_api }}"
    name: wiki
    adopt: 143
    state: present

- name: Take it away again
  lotse.estate.pve_guest:
    api: "{{ pve_api }}"
    name: web-07
    state: absent
"""

RETURN = r"""
guest:
  description: What was done. In check mode C(steps) are those that a run would take.
  returned: always
  type: dict
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
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import guest_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import RunFailedError, run
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError


def main() -> None:
    module = AnsibleModule(argument_spec=guest_spec(), supports_check_mode=True)
    try:
        result = run("guest", module.params, check=module.check_mode)
    except RunFailedError as failure:
        module.fail_json(msg=str(failure), **failure.result)
    except PveError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
