# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's API in memory."""

from tests.lab.pve.fixture import memory_pve, memory_pve_server

__all__ = ["memory_pve", "memory_pve_server"]
