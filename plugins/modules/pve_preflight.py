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
  - Takes the options of M(lotse.estate.pve_fleet), finds the steps that it would take, and proves that they can be taken.
  - Of the API, that it answers, accepts the token, has a version from 7.4 to 9.x and a quorum, and that the clocks agree.
  - Of the token, that it has every privilege that these steps need, and no more is asked for. What each call needs is read from the API's own
    schema, once for each version (it is kept in C(~/.cache/lotse)); what the API checks in its code is known here.
  - Of nodes, that they are there, with the storages, bridges, templates, images and snippets that the steps name, and with room for all disks and
    for the memory of all guests that start.
  - Of the network, that no other guest has one of the names or addresses, and that nobody answers at an address that a new guest is to get.
  - Every problem is named in one error. Nothing is ever changed.
extends_documentation_fragment:
  - lotse.estate.pve
  - lotse.estate.pve.guests
  - lotse.estate.pve_fleet
  - lotse.estate.pve_fleet.converge
options:
  probe_addresses:
    description: Whether to ask the network, from the controller, for addresses of new guests.
    type: bool
    default: true
  clock_tolerance:
    description:
      - Seconds by which the clocks of the nodes may differ from the controller's.
      - Asked of each node that something is done on if the token has C(Sys.Audit) on it, else of the server that answers.
    type: float
    default: 5
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
    ssh: {known_hosts: estate/production/known_hosts}

- name: Whether the token may also take the fleet away again
  lotse.estate.pve_preflight:
    api: "{{ pve_api }}"
    guests: "{{ plan.guests }}"
    state: absent
    max_destroys: 5
"""

RETURN = r"""
proven:
  description: Version of the API, guests that exist, guests that are still to be made, and the number of steps that were proven.
  returned: success
  type: dict
  sample: {version: 9.0.10, existing: [db-01], missing: [web-01], steps: 5}
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
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
