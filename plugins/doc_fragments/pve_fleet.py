# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a fleet is converged."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared by the modules that converge guests and the one that proves beforehand that this can work."""

    DOCUMENTATION = r"""
options:
  workers:
    description: Guests that are worked on at once.
    type: int
    default: 16
  per_template:
    description: Clones of one template at once.
    type: int
    default: 4
  per_node:
    description: Clones, creations, moves of disks, migrations, starts and the like on one node at once.
    type: int
    default: 4
  per_storage:
    description: Clones, creations, new disks and moves of disks on one storage at once, on all nodes together.
    type: int
    default: 4
  max_destroys:
    description: Most guests that O(state=absent) may destroy in one run.
    type: int
    default: 0
  keep_going:
    description: Whether the other guests go on when one fails. Otherwise each ends its current step.
    type: bool
    default: false
"""

    CONVERGE = r"""
options:
  state:
    description:
      - V(started) makes, configures and starts a guest and waits until it is ready.
      - V(stopped) makes and configures it and shuts it down. A guest that does not go down in O(ready_timeout) is an error; it is not switched off.
      - V(present) makes and configures it and leaves its power alone.
      - V(template) makes and configures it, shuts it down and turns it into a template. There is no undo.
      - V(absent) stops and destroys it with its disks. There is no undo.
    type: str
    choices: [present, started, stopped, template, absent]
    default: started
  allow_reboot:
    description:
      - Whether a running guest is rebooted, once, when changes wait for its next start.
      - Otherwise they are told in C(pending).
    type: bool
    default: false
  purge_disks:
    description: Whether disks that are detached are destroyed. Otherwise they stay with the guest, unused. There is no undo.
    type: bool
    default: false
  migrate:
    description:
      - Whether a guest that is on another node than it states is migrated there. Otherwise it is accepted where it is.
      - With O(placement) guests that state no node and break a rule where they are get another one, as few of them as can be.
    type: bool
    default: false
  placement:
    description:
      - Where guests go that state no node. Nodes must have the memory, the cores, the storages (and room on them) and the bridges, and reach the
        template; of those the emptiest is taken. Guests that exist stay where they are, wherever high availability put them.
      - Other guests count with all of their memory, running or not; one that is just being made at least like the largest template.
      - A promise that cannot be kept is an error before anything is changed, and says which one and for whom.
    type: dict
    suboptions:
      spare_nodes:
        description:
          - With V(1) any one node may die, and its guests fit onto the others while theirs stay. It counts guests of this list and all
            others with the tag C(lotse).
        type: int
        choices: [0, 1]
        default: 0
      spare_domains:
        description: With V(1) all nodes of any one of O(placement.failure_domains) may die.
        type: int
        choices: [0, 1]
        default: 0
      memory_reserve_mib:
        description: Memory in MiB of each node that is kept for the hypervisor.
        type: int
        default: 2048
      cpu_overcommit:
        description: Cores of guests for each core of a node.
        type: float
        default: 4.0
      anti_affinity:
        description:
          - Tags of which no two guests share a node. With O(placement.failure_domains) they are spread over the domains, too.
          - When a node dies they stay apart where there is room; a warning says where not.
        type: list
        elements: str
        default: []
      failure_domains:
        description: Lists of nodes that fail together (a rack, a room), by a name. A node that is in none is a domain of its own.
        type: dict
        default: {}
  ssh:
    description: How guests are reached, and by whom.
    type: dict
    default: {}
    suboptions:
      user:
        description: User that logs in; cloud-init installs the public keys for it.
        type: str
        default: root
      port:
        description: Port of the guests' ssh servers.
        type: int
        default: 22
      key_file:
        description: Private key to log in with; without it those of the ssh agent and the defaults.
        type: path
      public_keys:
        description: Public keys that cloud-init installs.
        type: list
        elements: str
        default: []
      known_hosts:
        description: File that the guests' public host keys are written to. Without it host keys are not touched and ssh is not tried.
        type: path
  vmids:
    description: Range of VMIDs for new guests. The lowest free one is tried first; when somebody else takes it, the next one.
    type: dict
    default: {}
    suboptions:
      first:
        description: First VMID.
        type: int
        default: 100
      last:
        description: Last VMID.
        type: int
        default: 999999999
  wait_for:
    description:
      - How far up the readiness ladder a guest has to be in state V(started).
      - V(agent) waits, after a start, for the guest agent, the end of cloud-init (where it is installed) and the address.
      - V(ssh) also logs in over ssh, accepting the known host key only. It is proven for guests that did not change, too.
    type: str
    choices: [none, agent, ssh]
    default: ssh
  address_cidrs:
    description: Networks that the address of a guest must be in when it states none (C(dhcp)). Any address of its first card will do without them.
    type: list
    elements: str
    default: []
  ready_timeout:
    description: Seconds for each rung of the readiness ladder, and for a guest's own system to go down.
    type: float
    default: 180
  task_timeout:
    description: Seconds for each task of the cluster.
    type: float
    default: 600
"""
