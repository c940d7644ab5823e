#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Prove that a fleet can be converged."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pve_preflight
short_description: Prove that the guests of a plan can be made, before anything is changed
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Proves that the API answers and accepts the token, that the cluster has quorum, that the token has every privilege that is needed, that nodes,
    templates, storages and bridges exist, that there is room for all disks and memory together, that no other guest has one of the names or
    addresses, and that nobody on the network answers at an address that a new guest is to get.
  - Every problem is named in one error. Nothing is ever changed.
extends_documentation_fragment:
  - lotse.estate.pve
  - lotse.estate.pve.guests
options:
  probe_addresses:
    description: Whether to ask the network, from the controller, for addresses of new guests.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
    description: There is nothing to show.
"""

EXAMPLES = r"""
- name: Stop here if the plan cannot be carried out
  lotse.estate.pve_preflight:
    api: "{{ pve_api }}"
    guests: "{{ plan.guests }}"
"""

RETURN = r"""
proven:
  description: Version of the API, guests that exist, and guests that are still to be made.
  returned: success
  type: dict
  sample: {version: 9.0.10, existing: [db-01], missing: [web-01]}
api_calls:
  description: Number of calls to the API.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_args import preflight_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.pve_start import run
from ansible_collections.lotse.estate.plugins.module_utils._pve.errors import PveError


def main() -> None:
    module = AnsibleModule(argument_spec=preflight_spec(), supports_check_mode=True)
    try:
        result = run("preflight", module.params, check=module.check_mode)
    except PveError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
