# SPDX-License-Identifier: GPL-3.0-or-later
"""The movers. `registry.py` knows which one moves which kind."""
