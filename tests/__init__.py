# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests and the lab import the collection from where `make setup` linked it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / ".collections"))
