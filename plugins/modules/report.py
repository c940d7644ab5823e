#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The crossing on one page, and as data."""

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Report a crossing on one page, and as data
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Writes C(reports/crossing.json) and C(reports/crossing.html) of an estate, from its plan, journals, evidence and savings ledger, and
    from the records of live users where there are any.
  - What has no evidence is null, which the page shows as not proven. It is never 0.
  - The same files give the same bytes, and only files whose bytes differ are written.
  - Runs on the controller.
options:
  estate_dir:
    description: Directory of the estate, with C(plan.yml).
    type: path
    required: true
  load_dir:
    description:
      - Directory with the records of live users, C(requests.jsonl), C(writes.jsonl), C(meta.json) and C(audit.json).
      - What they say is kept as C(evidence/load.json) in the estate, so that a later report does not need the records again.
      - Without it, what an earlier report kept is used, if it is of the same time. Else the figures about requests are null.
    type: path
attributes:
  check_mode:
    support: full
    description: Computes everything and writes nothing.
  diff_mode:
    support: full
    description: Shows the figures that change, and that the page does.
"""

EXAMPLES = r"""
- name: Report the crossing
  lotse.estate.report:
    estate_dir: estate/production

- name: Report it with what live users saw
  lotse.estate.report:
    estate_dir: estate/lab
    load_dir: .lab/lab/load
"""

RETURN = r"""
crossing:
  description: The figures, as in C(reports/crossing.json).
  returned: success
  type: dict
  sample:
    schema: lotse/crossing/1
    requests_total: 7512
    requests_failed: 0
    latency_ms: {p50: 3.1, p99: 28.4, max: 41.7}
    writes_lost: 0
page:
  description: Path of the page.
  returned: success
  type: str
data:
  description: Path of the figures.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.lotse.estate.plugins.module_utils._ansible.report_run import run
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


def main() -> None:
    spec = {"estate_dir": {"type": "path", "required": True}, "load_dir": {"type": "path"}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    try:
        result = run(module.params, check=module.check_mode)
    except (LotseError, OSError) as failure:
        module.fail_json(msg=str(failure))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
