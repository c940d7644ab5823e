# SPDX-License-Identifier: GPL-3.0-or-later
"""The reviewed plan of the practice estate. Write it anew and read its diff:

    PYTHONPATH=.collections .venv/bin/python -m tests.unit.planning.golden
"""

from __future__ import annotations

import yaml
from ansible_collections.lotse.estate.plugins.module_utils._ansible.plan_yaml import dump

from .estates import FIXTURES, Row, plan

PATH = FIXTURES / "plan.yml"


def read() -> Row:
    loaded: Row = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return loaded


if __name__ == "__main__":
    PATH.write_text(dump(plan()), encoding="utf-8")
