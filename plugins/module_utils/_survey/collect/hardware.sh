# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Processors, memory, model and disks. In a container these are the whole machine's.
block cpus; { getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c '^processor' /proc/cpuinfo; } | plain
block memory; grep '^MemTotal:' /proc/meminfo | plain
block cpu_model; sed -n -e 's/^model name[[:space:]]*: *//p' /proc/cpuinfo | head -n 1 | plain
block model; { cat /sys/class/dmi/id/product_name 2>/dev/null || tr -d '\000' < /proc/device-tree/model; } 2>/dev/null | plain
block disks
for disk in /sys/block/*; do
    name=${disk##*/}
    case $name in loop*|ram*|zram*|sr*|fd*|dm-*|md*|nbd*) continue ;; esac
    [ -r "$disk/size" ] && printf '%s %s %s\n' "$name" "$(cat "$disk/size")" "$(cat "$disk/queue/rotational" 2>/dev/null)"
done | plain
