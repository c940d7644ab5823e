# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the kernel has learnt about the ways to peers; nothing is sent to find out more.
have ss || { unseen 'there is no program ss'; exit 0; }
block sockets
ss -tin state established 2>/dev/null | head -n 4000 | plain
block cache
{ ip route show cache; ip -6 route show cache; } 2>/dev/null | head -n 500 | plain
