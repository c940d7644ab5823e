#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Facts about a cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_info
short_description: Nodes, storages, bridges, templates and guests of a Proxmox VE cluster
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Returns what a planner needs to place guests. Two calls, and one for each node.
extends_documentation_fragment:
  - lotse.estate.pve
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: See what the cluster has
  lotse.estate.pve_info:
    api: "{{ pve_api }}"
  register: cluster_facts
"""

RETURN = r"""
cluster:
  description: Version, C(nodes) with memory, cores, storages and bridges, C(templates) and C(guests). Sizes in bytes.
  returned: success
  type: dict
  sample:
    version: 9.0.10
    nodes:
      - {name: pve1, online: true, cores: 8, memory_bytes: 17179869184, memory_used_bytes: 2147483648, bridges: [vmbr0],
         storages: [{name: shared, type: nfs, shared: true, content: [images, iso], total_bytes: 549755813888, used_bytes: 0, available: true}]}
    templates: [{name: debian-13, vmid: 9000, node: pve1}]
    guests: [{name: db-01, vmid: 101, node: pve2, status: running, pool: community, tags: [lotse], memory_bytes: 1073741824, cores: 1}]
api_calls:
  description: Number of calls to the API.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import api_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import run
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError


def main() -> None:
    module = AnsibleModule(argument_spec=api_spec(), supports_check_mode=True)
    try:
        result = run("info", module.params, check=module.check_mode)
    except PveError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
