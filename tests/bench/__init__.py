# SPDX-License-Identifier: GPL-3.0-or-later
"""What Lotse costs, side by side with its peers: ``make bench``, or ``python -m tests.bench [ROW …]``.

Ours and the peer's run on the same machine in the same run against the same server. Results go to build/bench/<area>.json, and
docs/performance.md is made of these files.
"""
