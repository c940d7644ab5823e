# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Documentation of the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
module: survey
short_description: Survey a legacy host
version_added: 0.1.0
author: The Lotse authors (@lotse)
description:
  - Looks at the legacy host that the task runs on and writes what it saw to C(survey/<host>.json) in the estate's directory.
  - One program for a POSIX shell goes over the connection, in one round trip. The host needs no Python; nothing is installed,
    written or changed there.
  - Passwords and tokens are taken out on the host, before its answer leaves it.
  - What cannot be seen is listed under C(not_assessed) with the reason; it is never shown as empty.
  - A host that the ledger lists as retired is not contacted. A host from which a move has begun keeps the survey that it has,
    because a new one would describe the move's own work.
  - Each survey also adds to C(load/<host>.json), the load over time. It is made of the kernel's counters, of sysstat's archives where the host
    has them, and of O(prometheus). The plan sizes guests by it.
  - The file is written at every survey; C(changed) says that the host is another than before. Connections, measurements, and how
    full file systems and databases are, move by themselves and do not count.
options:
  estate_dir:
    description: Directory of the estate with C(survey/), C(plan.yml), C(journal/) and C(ledger.yml).
    type: path
    required: true
  names:
    description:
      - Names of the estate's hosts. Where one of them is written into a file of configuration or code, the dependency map has an edge.
      - Names without a dot or a digit are words, and are not looked for.
    type: list
    elements: str
    default: []
  prometheus:
    description:
      - A Prometheus that scrapes node_exporter on the legacy host, as one more source of its load over time. It is asked from the controller.
      - A token is taken from the environment variable E(LOTSE_PROMETHEUS_TOKEN) and goes over TLS only.
      - One that does not answer is no error of the survey. The load file says what was not seen.
    type: dict
    suboptions:
      url:
        description: Address of its API, without C(/api/v1).
        type: str
        required: true
      ca_file:
        description: Certificates to verify it with. Those of the system when absent.
        type: path
      label:
        description: Label that tells the host. Its value is the host's name or address, with or without domain and port.
        type: str
        default: instance
      instances:
        description: Exact values of the label by host, for hosts that have another name there.
        type: dict
        default: {}
      days:
        description: How far back it is asked, 1 to 400 days. What older days than 35 tell is kept by the hour.
        type: int
        default: 35
      timeout:
        description: Seconds that each question may take.
        type: int
        default: 30
  seconds:
    description:
      - How long the host may work on the whole survey. Sections that would begin later are listed as not assessed.
      - A host that hangs altogether does not answer at all; for this the task needs a C(timeout), as the playbook has it.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Surveys the host and compares, without writing the file.
  diff_mode:
    support: full
    description: Shows what is different from the last survey.
"""

EXAMPLES = r"""
- name: Survey the legacy host
  lotse.estate.survey:
    estate_dir: "{{ inventory_dir }}/../../estate/lab"
"""

RETURN = r"""
state:
  description: Whether the host was C(surveyed) now, or keeps its survey because it is C(retired) or because a move has C(begun).
  returned: success
  type: str
  sample: surveyed
path:
  description: The survey's file.
  returned: success
  type: str
not_assessed:
  description: Sections that could not be seen, or not wholly, with the reason.
  returned: when the host was surveyed
  type: list
  elements: dict
  sample:
    - {section: mariadb, reason: "the server runs, and there is no client (mariadb or mysql)"}
load:
  description: How far the load over time can be trusted, how many days of it were seen, and why it is no better.
  returned: when the host was surveyed and not in check mode
  type: dict
  sample: {confidence: medium, days: 12, reasons: [month's end was never seen]}
"""


def main() -> None:
    """Never runs: the action plugin of the same name does the work, on the controller."""
    raise SystemExit("lotse.estate.survey is an action plugin: run it in a playbook")


if __name__ == "__main__":
    main()
