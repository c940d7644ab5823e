#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Move the services of a plan, or take them back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: move
short_description: Move the services of a plan to their guests, or take them back
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Conducts the moves of C(plan.yml) wave by wave. Each is prepared, replicated, proven ready, cut over, observed and committed.
  - A cutover is one program over connections that were opened beforehand. Requests are held at the edge while it lasts, some tens of milliseconds.
  - Until the commit is decided, every failure undoes the cutover. A timer on the fenced host undoes it too, if the controller is gone.
  - Every step is in C(journal/<move>.jsonl) before it is taken. A run that was ended, by whatever, is continued by the next one.
  - Taking back works for moves that are half-done and for committed ones. Writes made on the new side go back with them.
  - It runs on the controller and needs no connection to the play's host. Use it with C(hosts=localhost).
options:
  estate_dir:
    description: Directory of the estate, with C(plan.yml) and C(journal).
    type: path
    required: true
  state:
    description:
      - V(committed) moves what is not moved yet.
      - V(rolled_back) takes back what has begun to move, in the reverse order.
    type: str
    choices: [committed, rolled_back]
    default: committed
  moves:
    description: Ids of moves; the others are left alone. Moves that share a section are cut together. All moves when empty.
    type: list
    elements: str
    default: []
  ssh:
    description: How the hosts of the plan are logged in to.
    type: dict
    required: true
    suboptions:
      user:
        description: User; it needs the rights of root for what the movers do.
        type: str
        default: root
      port:
        description: Port of the ssh servers.
        type: int
        default: 22
      key_file:
        description: Private key.
        type: path
        required: true
      known_hosts:
        description: Files with the hosts' keys. A host whose key is in none of them is not connected to.
        type: list
        elements: path
        required: true
  dead_man:
    description: Seconds after which the fenced host lifts its fence by itself, if nothing was committed. At least 2 more than O(hold), at most 5.
    type: float
    default: 4.5
  hold:
    description: Seconds that requests may be held; a cutover that takes longer is undone.
    type: float
    default: 2.5
  drain:
    description: Seconds that running requests get to end.
    type: float
    default: 1.5
  observe:
    description: Seconds that the new side is watched before the move is committed.
    type: float
    default: 5
  approval_required:
    description:
      - Moves nothing unless somebody has approved the plan. See O(lotse.estate.estate_plan#module:approve_by).
      - An approval that is there counts in any case. A plan that is not the approved one is refused. The way back asks nobody.
    type: bool
    default: false
notes:
  - A plan that was edited by hand is refused. Moves whose mover is C(by hand) are left out.
  - The environment variable E(LOTSE_DRILL), for instance V(mariadb:fenced), ends the controller with SIGKILL at that point of that kind's
    cutover. It is there to rehearse what happens then; the points are V(fenced), V(caught_up), V(decided) and V(opened).
attributes:
  check_mode:
    support: full
    description: Returns the moves that would be made, in their order. Nothing is connected to.
  diff_mode:
    support: full
    description: Shows each move's state before and after.
"""

EXAMPLES = r"""
- name: Move everything that the plan moves
  lotse.estate.move:
    estate_dir: "{{ estate_dir }}"
    ssh:
      key_file: ~/.ssh/id_ed25519
      known_hosts: ["{{ estate_dir }}/known_hosts", ~/.ssh/known_hosts]

- name: Move only the databases, and watch each for a minute
  lotse.estate.move:
    estate_dir: "{{ estate_dir }}"
    moves: [mariadb, redis]
    observe: 60
    ssh: "{{ move_ssh }}"

- name: Take the web server back
  lotse.estate.move:
    estate_dir: "{{ estate_dir }}"
    state: rolled_back
    moves: [http]
    ssh: "{{ move_ssh }}"
"""

RETURN = r"""
moves:
  description: The moves that were open, in the order in which they were made (or, in check mode, would be).
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: Id of the move., type: str}
    kind: {description: Kind of service., type: str}
    before: {description: State before this run., type: str}
    after: {description: State after this run., type: str}
    write_pause_ms: {description: How long requests waited for the cutover; null where none had to., type: float}
"""
