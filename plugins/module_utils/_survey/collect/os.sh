# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# System, kernel, clock and name.
file /etc/os-release
[ -f "$root/etc/os-release" ] || file /usr/lib/os-release
block kernel; uname -r | plain
block architecture; uname -m | plain
block hostname; { hostname 2>/dev/null || cat /proc/sys/kernel/hostname; } | plain
block localtime; readlink "$root/etc/localtime" | plain
file /etc/timezone
