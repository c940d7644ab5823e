# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: retire
short_description: Switch a legacy host off, behind gates
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Proves five gates about the legacy host that the task runs on, then switches it off and writes its row in the savings ledger.
  - The gates are that every service of the host was moved and committed, that every control of these moves passed, that a restore of
    their data was proven in this run, that no connection but the administrators' and the reverse replicas' is open, and that
    its old addresses forwarded no packet while they were watched.
  - A gate that cannot be evaluated is not proven. Nothing is changed until all gates are proven.
  - Needs no Python on the legacy host. A host that the ledger lists as retired is not contacted.
  - The undo is to switch the server on again by hand, or by its management controller. Its data is that of the last moment before it
    went off.
options:
  estate_dir:
    description: Directory of the estate with C(plan.yml), C(journal/), C(evidence/) and C(ledger.yml).
    type: path
    required: true
  proofs:
    description: Restores that were proven in this run, as the role P(lotse.estate.restore_proof#role) reports them.
    type: list
    elements: dict
    default: []
    suboptions:
      guest:
        description: Name of the guest.
        type: str
        required: true
      kind:
        description: Kind of its data.
        type: str
        required: true
      proven:
        description: Whether the restored copy was equal.
        type: bool
        required: true
      evidence:
        description: What was compared.
        type: str
        required: true
  facts:
    description: Measured or declared C(watts) and C(rack_units) of the host, for the ledger.
    type: dict
    default: {}
  watch:
    description: Seconds to watch connections and forwarding rules.
    type: float
    default: 60
  timeout:
    description: Seconds to wait until the host is off.
    type: int
    default: 90
"""

EXAMPLES = r"""
- name: Switch off what nobody uses any more
  lotse.estate.retire:
    estate_dir: "{{ inventory_dir }}/../../estate/lab"
    proofs: "{{ proven_restores }}"
    facts: {watts: 350, rack_units: 2}
    watch: 60
"""

RETURN = r"""
gates:
  description: Every gate with its name, whether it is proven, and what was seen.
  returned: when the host is still in service
  type: list
  elements: dict
  sample:
    - {name: sockets, proven: true, evidence: no connection but the administrators' and the reverse replica's}
retired_at:
  description: When the host was switched off (UTC).
  returned: when the host is retired
  type: str
"""
