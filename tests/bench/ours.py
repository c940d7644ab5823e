# SPDX-License-Identifier: GPL-3.0-or-later
"""Our side: one task for all guests, one inventory file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .playbook import Workplace

API = {
    "hosts": ["{{ api_host }}"],
    "port": "{{ api_port }}",
    "token_id": "{{ api_user }}!{{ api_token }}",
    "token_secret": "{{ lookup('ansible.builtin.env', 'LOTSE_PVE_TOKEN_SECRET') }}",
    "ca_file": "{{ api_ca }}",
}


def playbook(work: Workplace, guests: Sequence[dict[str, Any]]) -> Path:
    """Guests in a file of variables, as a plan has them; the same end as the peer's loop: configured and started."""
    variables = work.write("ours-guests.yml", {"guests": list(guests)})
    task = {
        "name": "Converge all guests",
        "lotse.estate.pve_fleet": {"api": API, "guests": "{{ guests }}", "state": "started", "wait_for": "none"},
        "register": "fleet",
    }
    play = {"name": "Ours", "hosts": "localhost", "gather_facts": False, "vars_files": [str(variables)], "tasks": [task]}
    return work.write("ours.yml", [play])


def inventory(work: Workplace, **options: Any) -> Path:
    pve = work.pve
    where = {"hosts": [pve.host], "port": pve.port, "token_id": pve.token_id, "ca_file": str(pve.ca_file)}
    grouping = {"keyed_groups": [{"key": "pve_tags", "prefix": "tag"}, {"key": "pve_node", "prefix": "node"}]}
    return work.write("ours.pve.yml", {"plugin": "lotse.estate.pve", **where, **grouping, **options})
