# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error that people see: what is wrong, where, and what to do."""

from __future__ import annotations


class LotseError(Exception):
    """Something that a person must mend. ``str()`` gives ``what — where — remedy``, without the parts that are empty."""

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        super().__init__(what, where, remedy)
        self.what, self.where, self.remedy = what, where, remedy

    def __str__(self) -> str:
        return " — ".join(part for part in (self.what, self.where, self.remedy) if part)
