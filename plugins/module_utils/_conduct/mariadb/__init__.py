# SPDX-License-Identifier: GPL-3.0-or-later
"""What moving a MariaDB needs: connections, GTID arithmetic, gates, scripts for the hosts, seeding."""
