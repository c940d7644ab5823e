# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Conducts the moves of a plan from the controller. Documentation: plugins/modules/move.py."""

from __future__ import annotations

import os
import signal
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.lotse.estate.plugins.module_utils._ansible import move_run
from ansible_collections.lotse.estate.plugins.module_utils._domain.errors import LotseError


class ActionModule(ActionBase):
    """One run of the conductor for the whole play, whatever its hosts."""

    BYPASS_HOST_LOOP = True
    _supports_check_mode = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        _, options = self.validate_argument_spec(argument_spec=move_run.SPEC)
        try:
            return move_run.run(options, check=self._task.check_mode, say=Display().display, drill=_drill)
        except LotseError as error:
            raise AnsibleActionFail(str(error)) from None


def _drill(point: str) -> None:
    """Ends the controller as a power cut would, where a rehearsal asks for it."""
    if os.environ.get("LOTSE_DRILL") == point:
        os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
