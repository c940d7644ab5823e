# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Proves the gates about one legacy host, then switches it off. Documentation: plugins/modules/retire.py."""

from __future__ import annotations

import datetime
import socket
import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.lotse.estate.plugins.module_utils._ansible import ledger as ledgers
from ansible_collections.lotse.estate.plugins.module_utils._ansible.retire_facts import WATCH_SCRIPT, Watched, load_facts, parse_watched
from ansible_collections.lotse.estate.plugins.module_utils._controls import retirement as gates
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


class ActionModule(ActionBase):
    """One legacy host, one round trip for the facts, one for switching it off."""

    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, options = self.validate_argument_spec(
            argument_spec={
                "estate_dir": {"type": "path", "required": True},
                "proofs": {"type": "list", "elements": "dict", "default": []},
                "facts": {"type": "dict", "default": {}},
                "watch": {"type": "float", "default": 60},
                "timeout": {"type": "int", "default": 90},
            }
        )
        try:
            return self._retire(task_vars, options)
        except (LotseError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from None

    def _retire(self, task_vars: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
        host, directory = task_vars["inventory_hostname"], Path(options["estate_dir"])
        retired = ledgers.read(directory)["retired"].get(host)
        if retired:
            return {"changed": False, "retired_at": retired["retired_at"], "msg": f"{host} is retired since {retired['retired_at']}"}
        address, port = str(task_vars.get("ansible_host", host)), int(task_vars.get("ansible_port") or 22)
        begun = ledgers.read(directory).get("retiring", {}).get(host)
        if begun and not _answers(address, port) and not self._task.check_mode:
            return self._off(directory, host, begun, {})
        found = self._gates(host, directory, options)
        rows = [{"name": gate.name, "proven": gate.proven, "evidence": gate.evidence} for gate in found]
        closed = [f"{gate.name}: {gate.evidence}" for gate in found if not gate.proven]
        if closed:
            return {"failed": True, "gates": rows, "msg": f"{host} stays in service, not proven: {'; '.join(closed)}"}
        row = {**options["facts"], "gates": {gate.name: gate.evidence for gate in found}}
        diff = {"before": "", "after": f"{host}: {row}\n", "before_header": "ledger.yml", "after_header": "ledger.yml"}
        if self._task.check_mode:
            return {"changed": True, "gates": rows, "diff": diff}
        ledgers.begin(directory, host, row)
        self._switch_off(address, port, options["timeout"])
        return self._off(directory, host, row, {"gates": rows, "diff": diff})

    @staticmethod
    def _off(directory: Path, host: str, row: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
        """The host is off: its row goes into the ledger."""
        retired_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        ledgers.add(directory, host, {**row, "retired_at": retired_at})
        return {"changed": True, "retired_at": retired_at, **result}

    def _gates(self, host: str, directory: Path, options: dict[str, Any]) -> list[gates.Gate]:
        facts = load_facts(directory)
        proofs = {f"{proof['guest']}/{proof['kind']}": proof for proof in options["proofs"]}
        found = [
            gates.moves_gate(host, facts.plan, facts.states),
            gates.verification_gate(host, facts.plan, facts.controls),
            gates.restore_gate(host, facts.plan, proofs),
        ]
        if not all(gate.proven for gate in found):
            return found
        before, after = self._watch(options["watch"])
        guests = {guest["address"].split("/")[0]: guest["name"] for guest in facts.plan["guests"]}
        sockets = gates.parse_sockets(before.sockets) + gates.parse_sockets(after.sockets)
        return [
            *found,
            gates.sockets_gate(sockets, guests),
            gates.forwarding_gate(before.counters, after.counters, options["watch"]),
        ]

    def _watch(self, seconds: float) -> tuple[Watched, Watched]:
        """What was open at the beginning and at the end, in one round trip."""
        answer = self._low_level_execute_command(WATCH_SCRIPT.format(seconds=seconds), sudoable=True)
        if answer["rc"] != 0:
            raise AnsibleActionFail(f"its connections could not be watched: {answer['stderr'].strip() or answer['stdout'].strip()}")
        return parse_watched(answer["stdout"])

    def _switch_off(self, address: str, port: int, timeout: int) -> None:
        # A second later, so that the answer still reaches us. The shell itself ignores the hangup of our terminal, and so does its child from its
        # first moment on; with nohup the hangup could come before the child had got so far.
        order = "trap '' HUP; sh -c 'sleep 1; systemctl poweroff || poweroff' </dev/null >/dev/null 2>&1 &"
        answer = self._low_level_execute_command(order, sudoable=True)
        if answer["rc"] != 0:
            raise AnsibleActionFail(f"it refused to be switched off: {answer['stderr'].strip()}")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not _answers(address, port):
                return
            time.sleep(0.5)
        raise AnsibleActionFail(f"it still answers on {address}:{port} after {timeout} s; look at its console, then run this again")


def _answers(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True
