# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the pve modules enter: light, so that a missing library becomes one clear error instead of a traceback."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

from .._pve.errors import PveError

LIBRARIES = ("proxmoxer", "requests", "cryptography")
Result = dict[str, Any]


class RunFailedError(Exception):
    """The module has to fail, but has results to show."""

    def __init__(self, message: str, result: Result) -> None:
        super().__init__(message)
        self.result = result


def require_libraries() -> None:
    """Raises PveError, naming what the interpreter lacks."""
    missing = [library for library in LIBRARIES if importlib.util.find_spec(library) is None]
    if missing:
        why = f"{sys.executable} lacks {', '.join(missing)}: run on the controller with ansible_python_interpreter set to"
        raise PveError(f"{why} '{{{{ ansible_playbook_python }}}}', or install the libraries there")


def run(name: str, params: Result, *, check: bool) -> Result:
    """Runs ``fleet``, ``preflight`` or ``info``. Raises PveError, or RunFailedError when something was done already."""
    require_libraries()
    from . import pve_run

    return pve_run.RUNS[name](params, check)
