# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Proxmox VE API: a cluster of four nodes whose guests are real machines of the lab.

``start(lab)`` and ``stop(lab)`` run it as a daemon inside the lab's network namespace; ``python -m tests.lab.pve serve --memory``
serves the same API with guests that exist in memory only. The HTTP side extends the package fakepve, which runs in that process alone.
"""

from .daemon import running, start, stop

__all__ = ["running", "start", "stop"]
