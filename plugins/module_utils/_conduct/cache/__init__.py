# SPDX-License-Identifier: GPL-3.0-or-later
"""What moving a Redis or Valkey needs: connections, gates, scripts for the hosts, and a copy tool for the way back."""
