# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What runs by itself beside cron's tables: timers, at, boot scripts, folders of run-parts, supervisors; and what cron really ran.
# Of timers' services only the program is told; commands of tables and logs pass the redaction. An at job holds its owner's whole
# environment: only its last line leaves the host.
[ "$(id -u)" = 0 ] || unseen 'not root: jobs and logs of other users cannot be seen'
owner_of() {
    if have dpkg-query; then dpkg-query -S "$1" 2>/dev/null | head -n 1 | sed 's/: .*//'
    elif have rpm; then rpm -qf --qf '%{NAME}\n' "$1" 2>/dev/null | grep -v ' ' | head -n 1
    elif have apk; then apk info -qW "$1" 2>/dev/null | head -n 1
    fi
}
if have systemctl && [ -d /run/systemd/system ] && [ -z "$root" ]; then
    names=$({ systemctl list-units --type=timer --all --no-legend --no-pager --plain 2>/dev/null || systemctl list-units --type=timer --all --no-legend --no-pager; systemctl list-unit-files --type=timer --no-legend --no-pager; } 2>/dev/null |
        sed 's/^[^A-Za-z0-9_@.-]*//' | cut -d' ' -f1 | grep '\.timer$' | grep -v '@\.timer$' | sort -u | head -n 200)
    if [ -n "$names" ]; then
        block timers
        # shellcheck disable=SC2086
        shown=$(systemctl show --no-pager -p Id -p Unit -p ActiveState -p UnitFileState -p FragmentPath -p LastTriggerUSec -p NextElapseUSecRealtime -p TimersCalendar -p TimersMonotonic $names 2>/dev/null)
        printf '%s\n' "$shown" | plain
        block services
        units=$(printf '%s\n' "$shown" | sed -n 's/^Unit=//p' | sort -u)
        # shellcheck disable=SC2086
        [ -n "$units" ] && systemctl show --no-pager -p Id -p User -p ExecStart $units 2>/dev/null | sed -e 's/^ExecStart={ *path=\([^ ;]*\) .*/ExecStart=\1/' -e t -e '/^ExecStart={/d' | plain
        block owners
        printf '%s\n' "$shown" | sed -n 's/^FragmentPath=\(..*\)/\1/p' | sort -u | while read -r path; do printf '%s\t%s\n' "$path" "$(owner_of "$path" || true)"; done | plain
    fi
fi
block usertimers
for path in "$root"/home/*/.config/systemd/user/*.timer "$root"/root/.config/systemd/user/*.timer "$root"/srv/*/.config/systemd/user/*.timer "$root"/etc/systemd/user/*.timer; do
    [ -f "$path" ] && printf '%s\n' "${path#"$root"}"
done | plain
block linger; for path in "$root"/var/lib/systemd/linger/*; do [ -e "$path" ] && echo "${path##*/}"; done | plain
block at
for spool in /var/spool/cron/atjobs /var/spool/at /var/spool/atd; do
    [ -d "$root$spool" ] || continue
    [ -r "$root$spool" ] && [ -x "$root$spool" ] || { unseen "$spool cannot be read"; continue; }
    for path in "$root$spool"/[a-zA-Z=]?????????????; do
        [ -f "$path" ] || continue
        # shellcheck disable=SC2012
        printf '%s\t%s\t%s\n' "${path##*/}" "$(ls -ld "$path" | awk '{ print $3 }')" "$(grep -v '^[[:space:]]*$' "$path" 2>/dev/null | grep -v '^marcinDELIMITER' | tail -n 1 | cut -c 1-400)"
    done
done | raw
for path in /etc/rc.local /etc/rc.d/rc.local /etc/init.d/rc.local /etc/init.d/boot.local /etc/conf.d/local.start; do
    [ -x "$root$path" ] && [ ! -L "$root$path" ] && file "$path"
done
for path in "$root"/etc/local.d/*.start; do [ -x "$path" ] && file "${path#"$root"}"; done
file /etc/anacrontab
block periodic
for folder in hourly daily weekly monthly; do
    for path in "$root/etc/cron.$folder"/* "$root/etc/periodic/$folder"/*; do
        [ -f "$path" ] || continue
        case $path in *.placeholder | */0anacron | *~ | *.dpkg-* | *.rpmsave | *.rpmnew) continue ;; esac
        printf '%s\t%s\t%s\t%s\n' "${path#"$root"}" "$folder" "$([ -x "$path" ] && echo yes || echo no)" "$(owner_of "${path#"$root"}" || true)"
    done
done | plain
# A supervisor that does not run starts nothing: packages bring its folders to hosts that have another.
serves() { [ -n "$root" ] || cat /proc/[0-9]*/comm 2>/dev/null | grep -qxE "$1"; }
serves supervisord && for path in "$root"/etc/supervisor/supervisord.conf "$root"/etc/supervisord.conf "$root"/etc/supervisor/conf.d/*.conf "$root"/etc/supervisord.d/*.ini "$root"/etc/supervisor.d/*.ini; do
    [ -f "$path" ] || continue
    [ -r "$path" ] || { unseen "${path#"$root"} cannot be read"; continue; }
    printf '@file %s\n' "${path#"$root"}"
    grep -E '^[[:space:]]*(\[|command[[:space:]]*=|user[[:space:]]*=|autostart[[:space:]]*=)' "$path" | head -c 65536 | raw
done
block supervised
serves 'runsvdir|svscan|s6-svscan|perpd' && for folder in /etc/service /etc/runit/runsvdir/default /service /var/service /etc/s6/adminsv /etc/services.d; do
    [ -d "$root$folder" ] && for path in "$root$folder"/*; do [ -e "$path/run" ] && printf '%s\t%s\n' "$folder" "${path##*/}"; done
done | plain
# "(user) CMD (command)": how often in the logs, first and last time. Times stay as the log writes them.
summary() {
    awk '
        match($0, /(CRON|crond|cron|anacron)(\[[0-9]+\])?: +\([^)]*\) CMD \(/) {
            rest = substr($0, RSTART + RLENGTH); user = substr($0, RSTART, RLENGTH); sub(/^[^(]*\(/, "", user); sub(/\).*/, "", user)
            sub(/\)[ \t]*$/, "", rest); gsub(/\t/, " ", rest)
            time = ($1 ~ /^[0-9][0-9][0-9][0-9]-/) ? $1 : $1 " " $2 " " $3
            key = user "\t" substr(rest, 1, 400)
            count[key]++; if (!(key in first)) first[key] = time; last[key] = time; lines++
        }
        END { for (key in count) print count[key] "\t" first[key] "\t" last[key] "\t" key }
    ' | sort -t "$(printf '\t')" -k 1,1nr -k 4 | head -n 300
}
ran=
if have journalctl && [ -z "$root" ]; then
    if have timeout; then t='timeout 8'; else t=; fi
    ran=$($t journalctl -q --no-pager --since '7 days ago' -o short-iso -t CRON -t crond -t cron -t CROND -n 20000 2>/dev/null | summary)
    [ -n "$ran" ] && { printf '@block ran journal\n'; printf '%s\n' "$ran" | raw; }
fi
if [ -z "$ran" ]; then
    for log in /var/log/cron /var/log/cron.log /var/log/syslog /var/log/messages; do
        [ -r "$root$log" ] || continue
        ran=$(tail -c 8000000 "$root$log" | grep -a ' CMD (' | tail -n 20000 | summary)
        [ -n "$ran" ] && { printf '@block ran %s\n' "$log"; printf '%s\n' "$ran" | raw; break; }
    done
fi
[ -n "$ran" ] || echo '@silent'
