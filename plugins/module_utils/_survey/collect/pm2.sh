# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# pm2: what it would start again, from its dump. pm2 itself is not asked: it starts a daemon where there is none. Variables stay on the host.
have awk || { unseen 'there is no awk'; exit 0; }
daemons() {
    for file in /proc/[0-9]*/cmdline; do
        tr '\000' ' ' < "$file" 2>/dev/null | sed -n "s#^PM2 v\\([0-9.]*\\): God Daemon (\\([^)]*\\)).*#\\1	\\2#p"
    done
}
gods=; [ -n "$root" ] || gods=$(daemons | sort -u)
homes() {
    printf '%s\n' "$gods" | cut -s -f 2
    cut -d : -f 6 "$root/etc/passwd" 2>/dev/null | sort -u | sed 's|/*$|/.pm2|'
    printf '/etc/.pm2\n'
}
found=$(homes | sort -u | while IFS= read -r home; do
    [ -n "$home" ] && there "$home/dump.pm2" && printf '%s\n' "$home/dump.pm2"
done)
case $found in *@unseen*) printf '%s\n' "$found" | grep '^@unseen'; hidden=1; found=$(printf '%s\n' "$found" | grep -v '^@unseen') ;; esac
[ -n "$gods$found" ] || absent
block daemons; [ -z "$gods" ] || printf '%s\n' "$gods" | raw
printf '%s\n' "$found" | while IFS= read -r path; do
    [ -n "$path" ] || continue
    [ -r "$root$path" ] || { unseen "$path cannot be read"; continue; }
    printf '@block dump %s\n' "$path"
    json '#.name|#.pm_exec_path|#.pm_cwd|#.exec_mode|#.instances|#.username|#.exec_interpreter|#.node_version|#.status|#.autorestart|#.cron_restart' < "$root$path" | raw
done
