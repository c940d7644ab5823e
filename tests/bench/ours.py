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


PLAY = {"name": "Ours", "hosts": "localhost", "gather_facts": False}
IDLE = {"name": "Read the rows, do nothing", "ansible.builtin.assert": {"that": "guests | length > 0", "quiet": True}}


def variables(work: Workplace) -> Path:
    """The file that holds the rows, as a plan does."""
    return work.directory / "ours-guests.yml"


def playbook(work: Workplace, guests: Sequence[dict[str, Any]]) -> Path:
    """The same end as the peer's loop: configured and started."""
    work.write(variables(work).name, {"guests": list(guests)})
    task = {
        "name": "Converge all guests",
        "lotse.estate.pve_fleet": {"api": API, "guests": "{{ guests }}", "state": "started", "wait_for": "none"},
        "register": "fleet",
    }
    return work.write("ours.yml", [{**PLAY, "vars_files": [str(variables(work))], "tasks": [task]}])


def inventory(work: Workplace, **options: Any) -> Path:
    pve = work.pve
    where = {"hosts": [pve.host], "port": pve.port, "token_id": pve.token_id, "ca_file": str(pve.ca_file)}
    return work.write("ours.pve.yml", {"plugin": "lotse.estate.pve", **where, **options})
