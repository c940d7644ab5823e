#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts about a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_info
short_description: What a Proxmox VE cluster has, and its guests as pve_fleet would have them written
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Returns what a planner needs to place guests.
  - With O(guests) or V(rows) it imports live guests, as rows of C(plan.yml) and of M(lotse.estate.pve_fleet). A run over these rows changes
    nothing but the mark of guests that Lotse did not make; their rows say so with C(adopt).
  - Two calls. One more for each node (bridges), one for pools, three for V(ha), one for each guest among the rows, and one for V(firewall);
    where the firewall is on, two more for each guest and template.
extends_documentation_fragment:
  - lotse.estate.pve
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
    description: There is nothing to show.
options:
  gather:
    description:
      - What to return. V(storages) and V(bridges) are part of each node.
      - V(rows) are all guests as rows, or those that O(guests) names. Together with V(ha) they also say how each is highly available.
    type: list
    elements: str
    choices: [nodes, storages, bridges, templates, guests, firewall, pools, ha, rows]
    default: [nodes, storages, bridges, templates, guests]
  guests:
    description:
      - Names, VMIDs, or patterns of names (V(web-*)) of guests to return as rows, whether or not O(gather) names V(rows).
      - A pattern leaves templates out. One that fits no guest is an error.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: See what the cluster has
  lotse.estate.pve_info:
    api: "{{ pve_api }}"
  register: cluster_facts

- name: See the pools and what is highly available, and nothing else
  lotse.estate.pve_info:
    api: "{{ pve_api }}"
    gather: [pools, ha]

- name: Import live guests
  lotse.estate.pve_info:
    api: "{{ pve_api }}"
    gather: [ha]
    guests: ["web-*", db-01, 104]
  register: live

- name: Write them down
  ansible.builtin.copy:
    content: "{{ {'guests': live.rows} | to_nice_yaml(sort_keys=false) }}"
    dest: guests.yml
    mode: "0644"
  delegate_to: localhost

- name: Prove that nothing would change but the mark of those that are adopted
  lotse.estate.pve_fleet:
    api: "{{ pve_api }}"
    guests: "{{ live.rows }}"
    state: present
    wait_for: none
  check_mode: true
  diff: true
"""

RETURN = r"""
cluster:
  description:
    - Version, and of what was gathered C(nodes) with memory, cores, storages and bridges, C(templates), C(guests), C(pools) and C(ha).
    - C(firewall) says whether the cluster's is on, and then of each guest and template whether its own is, and what its IP filter lets pass.
    - Sizes in bytes.
  returned: success
  type: dict
  sample:
    version: 9.0.10
    nodes:
      - {name: pve1, online: true, cores: 8, memory_bytes: 17179869184, memory_used_bytes: 2147483648, bridges: [vmbr0],
         storages: [{name: shared, type: nfs, shared: true, content: [images, iso], total_bytes: 549755813888, used_bytes: 0, available: true}]}
    templates: [{name: debian-13, vmid: 9000, node: pve1}]
    guests: [{name: db-01, vmid: 101, node: pve2, status: running, pool: community, tags: [lotse], memory_bytes: 1073741824, cores: 1}]
    pools: [{name: community, comment: The community platform, vmids: [101]}]
    ha: [{name: db-01, vmid: 101, state: started, max_restart: 1, max_relocate: 1, nodes: {pve1: 2, pve2: 1}, strict: false}]
rows:
  description:
    - Live guests by VMID, as C(guests) of M(lotse.estate.pve_fleet) takes them. Without passwords, which the API does not show.
    - C(adopt) is the VMID of a guest without our mark.
  returned: when O(guests) is given or O(gather) has V(rows)
  type: list
  elements: dict
  sample:
    - {name: db-01, state: started, node: pve2, adopt: 101, pool: community, cores: 1, memory_mib: 1024,
       disks: {scsi0: {storage: shared, size: 8G}}, nics: {net0: {model: virtio, mac: "BC:24:11:AA:BB:CC", bridge: vmbr0}}}
api_calls:
  description: Number of calls to the API.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import info_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import run
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError


def main() -> None:
    module = AnsibleModule(argument_spec=info_spec(), supports_check_mode=True)
    try:
        result = run("info", module.params, check=module.check_mode)
    except PveError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
