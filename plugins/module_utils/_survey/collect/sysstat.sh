# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# sysstat's archives, reduced here to one line for each ten minutes. Columns are found by their names, because versions 9 to 12 moved them.
folders=
for folder in "$root/var/log/sysstat" "$root/var/log/sa"; do [ -d "$folder" ] && folders="$folders $folder"; done
if ! have sadf; then
    [ -n "$folders" ] || absent
    # shellcheck disable=SC2086
    [ -n "$(find $folders -type f -name 'sa[0-9]*' 2>/dev/null | head -n 1)" ] || absent
    unseen 'there are archives of sysstat, and no program sadf to read them'; exit 0
fi
block version; sadf -V 2>&1 | sed -n 's/.*version \([0-9.]*\).*/\1/p' | head -n 1 | plain
# shellcheck disable=SC2086
files=$([ -z "$folders" ] || find $folders -type f -name 'sa[0-9]*' -mtime -40 2>/dev/null | sort)
block archives; [ -z "$files" ] || printf '%s\n' "$files" | sed "s|^$root||" | plain
total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' "$root/proc/meminfo" 2>/dev/null || :)
[ -n "$total" ] || total=$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo)
block cpus; { getconf _NPROCESSORS_ONLN 2>/dev/null || grep -c '^processor' /proc/cpuinfo; } | plain
# shellcheck disable=SC2016
reduce='
/^#/ { split("", at); n = split($0, head, ";"); for (i = 1; i <= n; i++) at[head[i]] = i; next }
$2 + 0 <= 0 || NF < 4 || $3 !~ /^[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]/ { next }
{ slot = substr($3, 1, 15); s = $2 + 0 }
("%idle" in at) && $(at["CPU"]) + 0 < 0 || ("%idle" in at) && $(at["CPU"]) == "all" {
    busy = 100 - $(at["%idle"]) - $(at["%iowait"]); if ("%steal" in at) busy -= $(at["%steal"]); if (busy < 0) busy = 0
    time[slot] += s; cpu[slot] += busy * s
}
("kbmemused" in at) {
    if ("kbavail" in at) used = total - $(at["kbavail"]); else used = $(at["kbmemused"]) - $(at["kbbuffers"]) - $(at["kbcached"])
    if (used < 0) used = 0
    memory[slot] += used * s; memory_time[slot] += s
}
("bread/s" in at) { read[slot] += $(at["bread/s"]) * s; written[slot] += $(at["bwrtn/s"]) * s; io[slot] += $(at["tps"]) * s; io_time[slot] += s }
("rxkB/s" in at) || ("rxbyt/s" in at) {
    name = $(at["IFACE"])
    if (name !~ /^(lo|bond|br|veth|docker|virbr|vnet|tap|tun|wg|dummy|ifb|vlan|vmbr|fwbr|fwpr|fwln|cni|flannel|cali)/ && name !~ /[.@]/) {
        if ("rxkB/s" in at) net[slot] += ($(at["rxkB/s"]) + $(at["txkB/s"])) * s; else net[slot] += ($(at["rxbyt/s"]) + $(at["txbyt/s"])) / 1024 * s
        net_seen[slot] = 1
    }
}
function mean(sum, seconds) { return seconds > 0 ? sprintf("%.2f", sum / seconds) : "-" }
END {
    for (slot in time) {
        t = time[slot]
        print slot "0", t, mean(cpu[slot], t), mean(memory[slot], memory_time[slot]), mean(read[slot], io_time[slot]), \
            mean(written[slot], io_time[slot]), mean(io[slot], io_time[slot]), (slot in net_seen) ? mean(net[slot], t) : "-"
    }
}'
block samples
for file in $files; do
    case $file in *.gz|*.bz2|*.xz|*.zst|*.Z) echo 'packed'; continue ;; esac
    answer=
    [ ! -r "$file" ] || answer=$(sadf -d "$file" -- -u -r -b -n DEV 2>/dev/null)
    if [ -n "$answer" ]; then printf '%s\n' "$answer" | awk -F';' -v total="$total" "$reduce"; else echo 'unreadable'; fi
done | sort | tail -n 6000 | plain
