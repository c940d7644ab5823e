# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# System, kernel, clock and name. Systems without os-release say it in a file of their own.
file /etc/os-release
[ -f "$root/etc/os-release" ] || file /usr/lib/os-release
for path in debian_version redhat-release alpine-release SuSE-release lsb-release; do file "/etc/$path"; done
block kernel; uname -r | plain
block architecture; uname -m | plain
block hostname; { hostname 2>/dev/null || cat /proc/sys/kernel/hostname; } | plain
block localtime; readlink "$root/etc/localtime" | plain
for path in /etc/timezone /etc/sysconfig/clock /etc/TZ; do file "$path"; done
