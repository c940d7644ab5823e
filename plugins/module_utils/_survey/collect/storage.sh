# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# How the disks have served since boot, how they are set, and what lies on top of what.
block diskstats; grep -vE ' (loop|ram|zram|sr|fd|nbd)[0-9]' "$root/proc/diskstats" 2>/dev/null | plain
block queues
for disk in "$root"/sys/block/*; do
    name=${disk##*/}
    case $name in loop* | ram* | zram* | sr* | fd* | nbd*) continue ;; esac
    [ -d "$disk/queue" ] || continue
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$name" "$(cat "$disk/queue/scheduler" 2>/dev/null)" "$(cat "$disk/queue/write_cache" 2>/dev/null)" \
        "$(cat "$disk/queue/rotational" 2>/dev/null)" "$(cat "$disk/queue/nr_requests" 2>/dev/null)" "$(cat "$disk/queue/read_ahead_kb" 2>/dev/null)"
done | plain
block maps
for disk in "$root"/sys/block/dm-*; do
    [ -r "$disk/dm/name" ] || continue
    printf '%s\t%s\t%s\t%s\t%s\n' "${disk##*/}" "$(cat "$disk/dm/name")" "$(cut -c1-12 "$disk/dm/uuid")" "$(cat "$disk/size")" "$(ls "$disk/slaves" 2>/dev/null | tr '\n' ' ')"
done | plain
block mdstat; head -c 65536 "$root/proc/mdstat" 2>/dev/null | plain
block mounts; head -c 200000 "$root/proc/self/mounts" 2>/dev/null | raw
