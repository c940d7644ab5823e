# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the kernel has counted since it started. Two surveys give averages over the time between them. In a container /proc is the whole
# machine's, unless lxcfs shows its own; then the container's own control group is read. The root of a hierarchy counts the whole machine.
cgroup="$root/sys/fs/cgroup"
block clock; date +%s | plain
block uptime; plain < "$root/proc/uptime"
block boot; cat "$root/proc/sys/kernel/random/boot_id" 2>/dev/null | plain
block ticks; { getconf CLK_TCK 2>/dev/null || echo 100; } | plain
block stat; grep -E '^(cpu|btime) ' "$root/proc/stat" | plain
block memory; grep -E '^(Mem[A-Z][a-z]*|Buffers|Cached|Shmem):' "$root/proc/meminfo" | plain
block network; plain < "$root/proc/net/dev"
block disks
for disk in "$root"/sys/block/*; do
    name=${disk##*/}
    case $name in loop*|ram*|zram*|sr*|fd*|dm-*|md*|nbd*|drbd*) continue ;; esac
    [ -r "$disk/stat" ] && printf '%s %s\n' "$name" "$(cat "$disk/stat")"
done | plain
block container
{
    cat "$root/run/systemd/container" 2>/dev/null || cat "$root/run/host/container-manager" 2>/dev/null
    tr '\000' '\n' < "$root/proc/1/environ" 2>/dev/null | sed -n 's/^container=//p'
    [ -e "$root/.dockerenv" ] && echo docker
} 2>/dev/null | head -n 1 | plain
block own; grep -o ' /proc/\(stat\|meminfo\|diskstats\) fuse.lxcfs' "$root/proc/mounts" 2>/dev/null | plain
if [ -r "$cgroup/memory.current" ]; then
    block cgroup_cpu; grep '^usage_usec ' "$cgroup/cpu.stat" 2>/dev/null | plain
    block cgroup_memory; { cat "$cgroup/memory.current"; grep -E '^(in)?active_file ' "$cgroup/memory.stat"; } 2>/dev/null | plain
    block cgroup_io; plain < "$cgroup/io.stat" 2>/dev/null
else
    if [ -r "$cgroup/cpuacct/cpuacct.usage" ] && [ ! -e "$cgroup/cpuacct/release_agent" ]; then
        block cgroup_cpu; sed 's/^/usage_nsec /' "$cgroup/cpuacct/cpuacct.usage" | plain
    fi
    if [ -r "$cgroup/memory/memory.usage_in_bytes" ] && [ ! -e "$cgroup/memory/release_agent" ]; then
        block cgroup_memory
        { cat "$cgroup/memory/memory.usage_in_bytes"; sed -n 's/^total_\(.*active_file \)/\1/p' "$cgroup/memory/memory.stat"; } 2>/dev/null | plain
    fi
fi
