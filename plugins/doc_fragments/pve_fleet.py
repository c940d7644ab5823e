# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How a fleet is converged."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared by the modules that converge guests and the one that proves beforehand that this can work."""

    DOCUMENTATION = r"""
options:
  state:
    description:
      - V(started) makes, configures and starts the guests and waits until they are ready.
      - V(present) makes and configures them and leaves their power alone.
      - V(absent) stops and destroys them with their disks, at most O(max_destroys) of them. There is no undo.
    type: str
    choices: [present, started, absent]
    default: started
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
      - How far up the readiness ladder every guest has to be in state V(started).
      - V(agent) waits, after a start, for the guest agent, the end of cloud-init (where it is installed) and the planned address.
      - V(ssh) also logs in over ssh, accepting the known host key only. It is proven for guests that did not change, too.
    type: str
    choices: [none, agent, ssh]
    default: ssh
  ready_timeout:
    description: Seconds for each rung of the readiness ladder.
    type: float
    default: 180
  task_timeout:
    description: Seconds for each task of the cluster.
    type: float
    default: 600
  workers:
    description: Guests that are worked on at once.
    type: int
    default: 8
  per_template:
    description: Clones of one template at once.
    type: int
    default: 2
  per_node:
    description: Clones and moves of disks on one node at once.
    type: int
    default: 2
  max_destroys:
    description: Most guests that O(state=absent) may destroy in one run.
    type: int
    default: 0
  keep_going:
    description: Whether the other guests go on when one fails. Otherwise each ends its current step.
    type: bool
    default: false
"""
