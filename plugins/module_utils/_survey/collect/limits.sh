# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What each process may do: limits, umask, out-of-memory score. Of its environment only language and time zone, by their names.
[ "$(id -u)" = 0 ] || unseen 'not root: the environment of other users cannot be seen'
# shellcheck disable=SC2012
pids=$(ls -ln /proc/[0-9]*/exe 2>/dev/null | sed -n 's|^.* /proc/\([0-9]*\)/exe -> .*|\1|p' | tr '\n' ' ')
# Kernel threads have no program.
programs() { awk -v pids="$pids" 'BEGIN { split(pids, list); for (i in list) keep[list[i]] } $1 in keep'; }
block status; grep -HE '^(Name|Uid|PPid|Umask):' /proc/[0-9]*/status 2>/dev/null | sed 's|^/proc/\([0-9]*\)/status:|\1 |' | programs | plain
block cgroup; grep -HE ':(name=systemd)?:/' /proc/[0-9]*/cgroup 2>/dev/null | sed 's|^/proc/\([0-9]*\)/cgroup:|\1 |' | programs | plain
block limits; grep -HE '^Max (open files|processes|locked memory|core file size)' /proc/[0-9]*/limits 2>/dev/null | sed 's|^/proc/\([0-9]*\)/limits:|\1 |' | programs | plain
block oom; grep -H . /proc/[0-9]*/oom_score_adj 2>/dev/null | sed 's|^/proc/\([0-9]*\)/oom_score_adj:|\1 |' | programs | plain
block environ
for pid in $pids; do
    printf '\000@%s\000' "$pid"; cat "/proc/$pid/environ"
done 2>/dev/null | tr '\n\000' '?\n' |
    awk '/^@[0-9]+$/ { pid = substr($0, 2); next } length($0) <= 90 && /^(LANG|LANGUAGE|LC_[A-Z]+|TZ)=[A-Za-z0-9_.@:\/+,-]*$/ { print pid, $0 }' | raw
