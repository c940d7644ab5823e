# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Surveys one legacy host in one round trip. Documentation: plugins/modules/survey.py."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.lotse.estate.plugins.module_utils._ansible import bounded, prometheus, survey_load
from ansible_collections.lotse.estate.plugins.module_utils._ansible import survey_estate as estate
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError
from ansible_collections.lotse.estate.plugins.module_utils._survey import assemble, collector
from ansible_collections.lotse.estate.plugins.module_utils._survey.wire import Section

SPEC = {
    "estate_dir": {"type": "path", "required": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "prometheus": prometheus.SPEC,
    "seconds": {"type": "int", "default": collector.SECONDS},
}
# A whole answer has some MiB. What is larger is no answer, and must not take the controller's memory from the other hosts.
MEMORY_MIB = 256


class ActionModule(ActionBase):
    """One legacy host: one program sent, one answer read, one file written on the controller."""

    _supports_check_mode = True
    _requires_connection = False  # a retired host is not connected to

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        task_vars = task_vars or {}
        _, options = self.validate_argument_spec(argument_spec=SPEC)
        self._seconds = max(1, options["seconds"])
        try:
            self._names = tuple(options["names"])
            source = prometheus.options(options["prometheus"])
            host, address = str(task_vars["inventory_hostname"]), str(task_vars.get("ansible_host") or "")
            return self._survey(host, address, Path(options["estate_dir"]), source)
        except (LotseError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from error

    def _survey(self, host: str, address: str, directory: Path, source: prometheus.Prometheus | None) -> dict[str, Any]:
        path = estate.path_of(directory, host)
        kept = estate.kept(directory, host)
        if kept is not None:
            if estate.read(path) is None:
                raise LotseError(f"{host} has no survey any more and cannot get a new one: {kept.reason}", str(path), "restore the file")
            return {"changed": False, "state": kept.state, "path": str(path), "msg": f"{host} keeps its survey: {kept.reason}"}
        before = estate.former(path)
        sections = self._look(host)
        after = assemble.survey_of(sections, host, address or host)
        changed, diff = estate.difference(before, after, path)
        result = {"changed": changed, "state": "surveyed", "path": str(path), "not_assessed": after["not_assessed"], "diff": diff}
        if not self._task.check_mode:
            estate.write(path, after)
            result["load"] = self._load(survey_load.update(directory, after, sections, int(time.time()), source))
        return result

    @staticmethod
    def _load(found: dict[str, Any]) -> dict[str, Any]:
        return {"confidence": found["confidence"], "days": found["coverage"]["days"], "reasons": found["reasons"]}

    def _look(self, host: str) -> dict[str, Section]:
        boundary = collector.new_boundary()
        program = collector.program(boundary, names=self._names, seconds=self._seconds).encode()
        try:
            with bounded.no_children_left(), bounded.memory(MEMORY_MIB):
                answer = self._low_level_execute_command(collector.COMMAND, sudoable=True, in_data=program, encoding_errors="replace")
        except MemoryError:
            raise LotseError("its answer does not end; it was not read further", host, "look at what its /bin/sh does") from None
        if answer["rc"] != 0:
            said = (answer["stderr"].strip() or answer["stdout"].strip() or "nothing")[-300:]
            raise LotseError(f"the survey ended with status {answer['rc']}; the host said: {said}", host, "is its /bin/sh usable for this account?")
        return assemble.sections_of(answer["stdout"], boundary, host)
