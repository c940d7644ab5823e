# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the kernel runs with: parameters and where people set them, command line, clock source, huge pages, entropy, swap, connection table.
block cmdline; head -c 4096 "$root/proc/cmdline" 2>/dev/null | raw
block clocksource; cat "$root"/sys/devices/system/clocksource/clocksource0/current_clocksource "$root"/sys/devices/system/clocksource/clocksource0/available_clocksource 2>/dev/null | plain
block thp; grep -H . "$root"/sys/kernel/mm/transparent_hugepage/enabled "$root"/sys/kernel/mm/transparent_hugepage/defrag 2>/dev/null | sed 's|^.*/transparent_hugepage/||' | plain
block entropy; head -n 1 "$root/proc/sys/kernel/random/entropy_avail" 2>/dev/null | plain
block entropy_daemon; running 'rngd|haveged|jitterentropy-rngd|audio-entropyd|egd' | plain
block hw_rng; head -n 1 "$root/sys/devices/virtual/misc/hw_random/rng_current" 2>/dev/null | plain
block swaps; head -n 50 "$root/proc/swaps" 2>/dev/null | plain
block conntrack; for name in count max buckets; do
    [ -r "$root/proc/sys/net/netfilter/nf_conntrack_$name" ] && printf '%s %s\n' "$name" "$(cat "$root/proc/sys/net/netfilter/nf_conntrack_$name")"
done | plain
block pressure; grep -H . "$root"/proc/pressure/cpu "$root"/proc/pressure/memory "$root"/proc/pressure/io 2>/dev/null | sed 's|^.*/pressure/||' | plain
block ticks; grep '^cpu ' "$root/proc/stat" | plain
block vmstat; grep -E '^(numa_miss|numa_foreign|numa_hit|balloon_inflate|balloon_deflate|oom_kill|thp_fault_alloc) ' "$root/proc/vmstat" 2>/dev/null | plain
block modules; cut -d' ' -f1 "$root/proc/modules" 2>/dev/null | sort | plain
block sysctl
# Names and random numbers are no settings, and the keys of TCP Fast Open are secret. Addresses and interfaces are other sections'.
# Reading the two old names of times that now end in _ms makes the kernel write into its log.
find "$root/proc/sys" -type f 2>/dev/null | sed "s|^$root/proc/sys/||" |
    grep -vE '^(kernel/(random|hostname|domainname|keys|ns_last_pid|tainted|cad_pid|usermodehelper|pty|perf_)|.*(fastopen_key|stable_secret|/key|secret)|fs/binfmt_misc|dev/cdrom|sunrpc|net/ipv[46]/(conf|neigh)/(lo|[^/]*[0-9][^/]*)/|net/ipv[46]/neigh/[^/]*/(base_reachable_time|retrans_time)$|net/ipv[46]/route/flush|net/mptcp|vm/(compact_memory|drop_caches|stat_refresh)|debug|abi/swp)' |
    head -n 3000 | sed "s|^|$root/proc/sys/|" | xargs grep -H -m 1 . 2>/dev/null | sed "s|^$root/proc/sys/||" | raw
for path in /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf; do
    for found in "$root"$path; do [ -f "$found" ] && file "${found#"$root"}"; done
done
# Files that are as their package brought them: nobody's decision. dpkg keeps their sums in its list of packages.
block packaged
if [ -r "$root/var/lib/dpkg/status" ]; then
    grep '^ /etc/sysctl' "$root/var/lib/dpkg/status" | while read -r path sum _; do
        # shellcheck disable=SC2046
        set -- $(md5sum "$root$path" 2>/dev/null)
        [ "${1-}" = "$sum" ] && printf '%s\n' "$path"
    done | plain
elif have rpm && [ -z "$root" ]; then
    for path in /etc/sysctl.conf /etc/sysctl.d/*.conf; do
        [ -f "$path" ] && rpm -qf "$path" >/dev/null 2>&1 || continue
        rpm -Vf --nodeps --noscripts "$path" 2>/dev/null | grep -q " $path\$" || printf '%s\n' "$path"
    done | plain
fi
