# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What the next boot would bring back, and what it would not.
block kernel; uname -r | plain
block kernels; for path in "$root"/boot/vmlinuz-* "$root"/boot/vmlinuz; do [ -e "$path" ] && printf '%s\n' "${path##*/}"; done | plain
block pending; for path in /run/reboot-required /var/run/reboot-required; do [ -e "$root$path" ] && { echo "$path"; break; }; done | plain
block pending_packages; sort -u "$root/run/reboot-required.pkgs" 2>/dev/null | head -n 100 | plain
block mounts; cut -d' ' -f1-3 "$root/proc/self/mounts" 2>/dev/null | head -n 2000 | raw
file /etc/fstab
block mount_units; for path in "$root"/etc/systemd/system/*.mount "$root"/lib/systemd/system/*.mount "$root"/usr/lib/systemd/system/*.mount "$root"/etc/systemd/system/*.automount; do
    [ -f "$path" ] && sed -n 's/^Where=//p' "$path"
done | sort -u | plain
# Programs that somebody started by hand, and whose shell is gone.
# shellcheck disable=SC2012
pids=$(ls -ln /proc/[0-9]*/exe 2>/dev/null | sed -n 's|^.* /proc/\([0-9]*\)/exe -> .*|\1|p' | tr '\n' ' ')
programs() { awk -v pids="$pids" 'BEGIN { split(pids, list); for (i in list) keep[list[i]] } $1 in keep'; }
block cgroup; grep -HE ':(name=systemd)?:/user\.slice/' /proc/[0-9]*/cgroup 2>/dev/null | sed 's|^/proc/\([0-9]*\)/cgroup:|\1 |' | plain
block status; grep -HE '^(Name|PPid|Uid):' /proc/[0-9]*/status 2>/dev/null | sed 's|^/proc/\([0-9]*\)/status:|\1 |' | programs | plain
if have systemctl && [ -d /run/systemd/system ]; then
    echo '@systemd'
    names=$(systemctl list-units --type=service --all --no-legend --no-pager 2>/dev/null | sed 's/^[^A-Za-z0-9]*//' | while read -r name _ active sub _; do
        if [ "$sub" = running ] || [ "$active" = failed ] || [ "$sub" = exited ]; then echo "$name"; fi
    done)
    block units
    # shellcheck disable=SC2086
    [ -n "$names" ] && systemctl show --no-pager -p Id -p ActiveState -p SubState -p UnitFileState -p Result -p TriggeredBy -p WantedBy -p RequiredBy -p ConsistsOf -p FragmentPath -p SourcePath $names 2>/dev/null | plain
    enabled=$(systemctl list-unit-files --type=service --state=enabled --no-legend --no-pager 2>/dev/null | cut -d' ' -f1 | grep -v '@\.service$')
    block inactive
    # shellcheck disable=SC2086
    [ -n "$enabled" ] && systemctl show --no-pager -p Id -p ActiveState -p Type -p ConditionResult $enabled 2>/dev/null | plain
else
    level=$(runlevel 2>/dev/null | cut -d' ' -f2)
    block sysv; for path in "$root/etc/rc${level:-3}.d"/S* "$root/etc/rc.d/rc${level:-3}.d"/S* "$root"/etc/runlevels/default/*; do [ -e "$path" ] && printf '%s\n' "${path##*/}"; done | sed 's/^S[0-9][0-9]//' | sort -u | plain
fi
