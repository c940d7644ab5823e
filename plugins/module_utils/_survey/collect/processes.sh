# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Every process: program, user, unit, limits, memory. No arguments, but the file that an interpreter runs.
[ "$uid" = 0 ] || unseen 'not root: programs of other users cannot be seen'
# shellcheck disable=SC2012
exes() { ls -ln /proc/[0-9]*/exe 2>/dev/null | sed -n 's|^.* /proc/\([0-9]*\)/exe -> |\1 |p'; }
block exe; exes | plain
block status; grep -HE '^(Name|PPid|Uid|VmRSS):' /proc/[0-9]*/status 2>/dev/null | sed 's|^/proc/\([0-9]*\)/status:|\1 |' | plain
block cgroup; grep -HE ':(name=systemd)?:/' /proc/[0-9]*/cgroup 2>/dev/null | sed 's|^/proc/\([0-9]*\)/cgroup:|\1 |' | plain
block nofile; grep -H '^Max open files' /proc/[0-9]*/limits 2>/dev/null | sed 's|^/proc/\([0-9]*\)/limits:|\1 |' | plain
block pss; grep -H '^Pss:' /proc/[0-9]*/smaps_rollup 2>/dev/null | sed 's|^/proc/\([0-9]*\)/smaps_rollup:|\1 |' | plain
block script
exes | while read -r pid exe; do
    case ${exe##*/} in
        sh | dash | bash | ash | busybox | ksh* | zsh* | python* | perl* | php | php[0-9]* | node | nodejs | ruby*) ;;
        *) continue ;;
    esac
    tr '\000' '\n' < "/proc/$pid/cmdline" 2>/dev/null | sed -n '2,6p' | while IFS= read -r word; do
        case $word in -c | -e | -r | -s) break ;; -*) continue ;; esac
        case $word in /*) path=$word ;; *) path=$(readlink "/proc/$pid/cwd")/$word ;; esac
        [ -f "$path" ] && printf '%s %s\n' "$pid" "$path"
        break
    done
done | plain
