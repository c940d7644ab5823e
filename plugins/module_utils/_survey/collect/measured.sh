# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Load, memory and uptime at this moment.
block load; plain < /proc/loadavg
block memory; grep -E '^(Mem|Buffers:|Cached:)' /proc/meminfo | plain
block uptime; plain < /proc/uptime
