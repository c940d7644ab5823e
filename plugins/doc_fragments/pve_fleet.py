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
    description: Whether a guest that is on another node than it states is migrated there. Otherwise it is accepted where it is.
    type: bool
    default: false
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
