#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Plan the crossing."""

from __future__ import annotations

DOCUMENTATION = r"""
module: estate_plan
short_description: Plan guests, waves and moves from surveys, cluster facts and policy
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Reads the survey of every legacy host and writes C(plan.yml), C(guests/<guest>.yml), C(plan.json) and C(plan.html) in the estate's
    directory.
  - What people wrote into C(overrides) at the top of C(plan.yml) stays and is obeyed. An edit anywhere else in it is an error.
  - Finds dependencies, gives each service a guest of the right size, places the guests so that any one node may die, orders the moves in
    waves, and lists what could surprise people afterwards as concerns.
  - The same input gives the same bytes. C(plan.html) shows measured values too. When only these moved, it is written anew, but not reported
    as changed.
  - Names, addresses, move ids and nodes of a former plan are kept, and so are guests that exist.
  - It reads no cluster and no host. Cluster facts come from M(lotse.estate.pve_info).
  - Bad input is one error before anything is written. A critical concern is no error of this module, see RV(blocking).
requirements:
  - networkx
  - ortools
  - PyYAML
  - jsonschema
attributes:
  check_mode:
    support: full
    description: Says what would change and writes nothing.
  diff_mode:
    support: full
    description: Shows what changes and why, then the text of C(plan.yml).
options:
  estate_dir:
    description: Directory of the estate, with C(survey/<host>.json).
    type: path
    required: true
  environment:
    description: Name of the environment. Guests' identities are made of it and of their names.
    type: str
    required: true
  hosts:
    description: Names of all legacy hosts, retired ones too. The survey of each must be there.
    type: list
    elements: str
    required: true
  cluster:
    description: What M(lotse.estate.pve_info) returned as C(cluster).
    type: dict
    required: true
  address_range:
    description: Addresses for guests. Nobody else may use them.
    type: dict
    required: true
    suboptions:
      first:
        description: First IPv4 address.
        type: str
        required: true
      last:
        description: Last IPv4 address.
        type: str
        required: true
      prefix:
        description: Length of the network's prefix.
        type: int
        required: true
      gateway:
        description: Default gateway of the guests, outside of the range.
        type: str
        required: true
  guest_defaults:
    description: What every guest gets, unless O(guests) says otherwise.
    type: dict
    required: true
    suboptions:
      template:
        description: Name or VMID of the template to clone.
        type: str
        required: true
      bridge:
        description: Bridge of the network card.
        type: str
        required: true
      storage:
        description: Storage of the disk.
        type: str
        required: true
      pool:
        description: Resource pool.
        type: str
        required: true
      cpu:
        description: CPU type with its flags, such as V(x86-64-v3). The template's when absent; the plan then cannot compare processor features.
        type: str
  edge_public_address:
    description: The service address that users reach, with its prefix. The edge's mover takes it along.
    type: str
    default: ""
  legacy_facts:
    description: C(watts) and C(rack_units) by legacy host, measured or from the rating plate.
    type: dict
    default: {}
  node_facts:
    description: C(watts_per_core) and C(watts_per_gib) that a guest adds to a node, and C(rack_units) of nodes bought for the crossing.
    type: dict
    default: {}
  guests:
    description: Decisions by name of guest, any of C(cores), C(memory_mib), C(disk_gib), C(node), C(storage), C(bridge),
      C(cpu), C(tags) (beside C(role-<role>)).
    type: dict
    default: {}
  placement:
    description: How full nodes may be.
    type: dict
    default: {}
    suboptions:
      spare_nodes:
        description: With V(1) any one node may die, and all guests still fit on the others. V(0) does without.
        type: int
        default: 1
      reserve_mib:
        description: Memory in MiB of each node that is kept for the hypervisor.
        type: int
        default: 2048
      cpu_overcommit:
        description: Cores of guests for each core of a node.
        type: float
        default: 1.0
      anti_affinity:
        description:
          - Tags of which no two guests may share a node, such as V(role-web). Every guest has C(role-<role>); O(guests) may add others.
          - With O(placement.failure_domains) the guests of such a tag are spread over the domains as evenly as the nodes allow.
          - When a node dies, they stay apart where there is room; C(capacity.explanation) of the plan says where not.
        type: list
        elements: str
        default: []
      failure_domains:
        description: Lists of nodes that fail together (a rack, a room), by a name. A node that is in none is a domain of its own.
        type: dict
        default: {}
      spare_domains:
        description: With V(1) any one of O(placement.failure_domains) may die, and all guests still fit on the other nodes.
        type: int
        default: 0
  comfort:
    description: Factor between what was measured or configured and what a guest gets.
    type: float
    default: 1.5
  sizing:
    description: How guests are sized by what was observed over time, see C(load/<host>.json). Each part may be left out.
    type: dict
    default: {}
    suboptions:
      percentile:
        description:
          - Percentile of the cores in use that a guest gets, times the comfort. V(100) is the highest average that was seen.
          - Without it V(95), and V(99) where a month's end is among what was seen.
        type: int
        choices: [50, 95, 99, 100]
      comfort:
        description: Factor between the percentile and what a guest gets. Without it O(comfort).
        type: float
      headroom:
        description: Share of a guest's memory that stays free at the highest use that was seen.
        type: float
        default: 0.1
      horizon_days:
        description: Disks hold what will have grown by so many days from now, where growth is known.
        type: int
        default: 180
      cores_most:
        description: The most cores that a guest gets unless O(guests) says otherwise. What would need more is told in the guest's reasons.
        type: int
        default: 32
  waivers:
    description: Approved exceptions, each with C(id), a scope (any of C(host), C(guest), C(service); the host C(*) is the whole estate),
      C(reason), C(approver), C(expires) and perhaps C(author). Those that are incomplete, expired, foreign or approved by the wrong person do
      not count; the plan lists them with the reason, and so do the module's warnings.
    type: list
    elements: dict
    default: []
  dropped_services:
    description: Services that shall not move, each with C(service) (name@host), C(reason) and C(approver).
    type: list
    elements: dict
    default: []
  os:
    description: The operating system of guests.
    type: dict
    default: {}
    suboptions:
      default:
        description: V(lift) gives a guest the new version, V(carry) carries the old host's on.
        type: str
        choices: [lift, carry]
        default: lift
      guests:
        description: The same for single guests, by name.
        type: dict
        default: {}
  templates:
    description: Templates by system, such as C(debian 12). A version that is carried on needs its own.
    type: dict
    default: {}
  rates:
    description: MiB a second that are copied, by kind of service. Expected times are reckoned from them.
    type: dict
    default: {}
  target:
    description: Share of power and rack units that may be left afterwards.
    type: float
    default: 0.5
  calendar:
    description: When waves may run, with C(zone), C(staffed), C(frozen), C(first), C(canary_observe_days), C(wave_gap_days) and
      C(observe_minutes). Without one no wave has a window.
    type: dict
    default: {}
  waves:
    description: How waves are cut.
    type: dict
    default: {}
    suboptions:
      most_moves:
        description: Most moves of a wave. When absent, 20, and services that need each other may be more.
        type: int
      most_per_host:
        description: Most sections that leave one legacy host in one wave.
        type: int
      canaries:
        description: Services that go first of their kind. When absent, the least depended-on and smallest does.
        type: list
        elements: str
        default: []
  approvers:
    description: Who may approve plans and waivers. Anybody when empty.
    type: list
    elements: str
    default: []
  approve_by:
    description: Signs the plan in this name, which writes C(approval.yml) and C(approved.json). Refused when the plan would change at the same
      time, and when a critical concern is open.
    type: str
    default: ""
  approve_note:
    description: What the approver wants to be remembered.
    type: str
    default: ""
  today:
    description: The day that waivers and the calendar are judged on, as YYYY-MM-DD. Today in UTC when absent.
    type: str
"""

EXAMPLES = r"""
- name: See what the cluster has
  lotse.estate.pve_info:
    api: "{{ pve_api }}"
  register: cluster_facts

- name: Plan the crossing
  lotse.estate.estate_plan:
    estate_dir: "{{ estate_dir }}"
    environment: production
    hosts: "{{ groups['legacy'] }}"
    cluster: "{{ cluster_facts.cluster }}"
    address_range: {first: 192.0.2.101, last: 192.0.2.150, prefix: 24, gateway: 192.0.2.1}
    guest_defaults: {template: debian-13, bridge: vmbr0, storage: ceph, pool: community}
    edge_public_address: 192.0.2.10/24
    dropped_services:
      - {service: notifyd@web1, reason: nobody reads its mails, approver: head of operations}
  register: planned
"""

RETURN = r"""
plan_file:
  description: Path of the plan.
  returned: success
  type: str
guests:
  description: Names of the planned guests.
  returned: success
  type: list
  elements: str
  sample: [edge-01, web-01, db-01]
moves:
  description: Ids of the moves, in their order.
  returned: success
  type: list
  elements: str
  sample: [edge, mariadb, files, http]
blocking:
  description: Critical concerns that the plan does not carry and nobody waived, one line each. The playbook plan fails when there are any.
  returned: success
  type: list
  elements: str
  sample: ["unknown-service on web1: notifyd runs, and no mover knows it — Find its owner."]
changes:
  description: What differs from the former plan, each with C(what), C(from), C(to) and C(why). Empty for a first plan.
  returned: success
  type: list
  elements: dict
digest:
  description: SHA-256 of the plan's content. It is what people sign.
  returned: success
  type: str
approval:
  description: Whether this plan is approved, in words.
  returned: success
  type: str
  sample: approved by head of operations on 2026-11-24
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_args import plan_spec
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_run import run
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


def main() -> None:
    module = AnsibleModule(argument_spec=plan_spec(), supports_check_mode=True)
    try:
        result = run(module.params, check=module.check_mode)
    except LotseError as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
