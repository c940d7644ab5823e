# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Services that run, failed, or would start at the next boot: of systemd, Upstart, SysV scripts and OpenRC, whichever this host has.
init=$(sed -n 's/^Name:[[:space:]]*//p' /proc/1/status 2>/dev/null)
booted=
# Ubuntu 14.04 has systemctl for its login manager while Upstart is process 1.
if have systemctl && [ -d /run/systemd/system ] && ! initctl version 2>/dev/null | grep -qi upstart; then booted=systemd; fi

# SysV: which scripts there are, at which levels they start, and how each names its program and its file with the process' number.
scripts() {
    listable /etc/init.d || return 0
    echo '@sysv'
    block links; ls -d "$root"/etc/rc[0-9S].d/S* 2>/dev/null | sed "s|^$root/|/|" | plain
    block runlevel; { runlevel 2>/dev/null || who -r 2>/dev/null; } | plain
    block scripts
    for path in "$root"/etc/init.d/*; do [ -f "$path" ] && [ -x "$path" ] && printf '%s\n' "${path##*/}"; done | plain
    block hints
    grep -HE '^[[:space:]]*(# *(processname|pidfile):|(export )?(DAEMON|PIDFILE|NAME|exec|prog|pidfile|command)=)' "$root"/etc/init.d/* 2>/dev/null |
        sed "s|^$root/|/|" | raw
    block pids; grep -HE '^ *[0-9]+' /var/run/*.pid /var/run/*/*.pid 2>/dev/null | plain
    block locks; ls "$root/var/lock/subsys" 2>/dev/null | plain
}

if [ "$booted" = systemd ]; then
    names=$({
        systemctl list-units --type=service --all --full --no-legend --no-pager | sed 's/^[^A-Za-z0-9]*//' |
            while read -r name _ active sub _; do
                if [ "$sub" = running ] || [ "$active" = failed ] || [ -x "/etc/init.d/${name%.service}" ] && [ "$active" = active ]; then echo "$name"; fi
            done
        # Old versions do not know --state for files.
        systemctl list-unit-files --type=service --full --no-legend --no-pager | while read -r name state _; do [ "$state" = enabled ] && echo "$name"; done
    } 2>/dev/null | grep '\.service$' | grep -v '@\.service$' | sort -u)
    if [ -z "$names" ]; then unseen 'systemd did not list its services'; exit 0; fi
    block show
    # shellcheck disable=SC2086
    systemctl show --no-pager -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p MainPID -p User -p LimitNOFILE -p SourcePath -p ExecStart \
        $names 2>/dev/null | sed -e 's/^ExecStart={ *path=\([^ ;]*\) .*/ExecStart=\1/' -e t -e '/^ExecStart={/d' | plain
    scripts
    exit 0
fi

if have initctl && initctl version 2>/dev/null | grep -qi upstart; then
    block initctl; list=$(initctl list 2>/dev/null); printf '%s\n' "$list" | plain
    [ -n "$list" ] || unseen 'Upstart did not list its jobs'
    block jobs; grep -lE '^[[:space:]]*start[[:space:]]+on' /etc/init/*.conf 2>/dev/null | plain
    # A task does something once; it is no service.
    block manual; grep -lE '^[[:space:]]*(manual|task)[[:space:]]*$' /etc/init/*.conf /etc/init/*.override 2>/dev/null | plain
fi
for state in /run/openrc /lib/rc/init.d /lib64/rc/init.d /libexec/rc/init.d; do
    if [ ! -d "$root$state/started" ]; then continue; fi
    block openrc; ls -d "$root$state"/started/* "$root$state"/failed/* "$root$state"/inactive/* 2>/dev/null | sed "s|^$root/|/|" | plain
    block runlevels; ls -d "$root"/etc/runlevels/*/* 2>/dev/null | sed "s|^$root/|/|" | plain
    block daemons; grep -HE '^(exec|pidfile)=' "$root$state"/daemons/*/* 2>/dev/null | sed "s|^$root/|/|" | plain
    block pids; grep -HE '^ *[0-9]+' /run/*.pid /run/*/*.pid 2>/dev/null | plain
    block init; printf '%s\n' "$init" | plain
    exit 0
done
scripts
block init; printf '%s\n' "$init" | plain
