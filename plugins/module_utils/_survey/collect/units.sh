# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Services of systemd that run, failed, or would start at the next boot.
{ have systemctl && [ -d /run/systemd/system ]; } || absent
names=$({
    systemctl list-units --type=service --all --no-legend --no-pager | sed 's/^[^A-Za-z0-9]*//' |
        while read -r name _ active sub _; do
            if [ "$sub" = running ] || [ "$active" = failed ]; then echo "$name"; fi
        done
    systemctl list-unit-files --type=service --state=enabled --no-legend --no-pager | cut -d' ' -f1
} 2>/dev/null | grep '\.service$' | grep -v '@\.service$' | sort -u)
[ -n "$names" ] || { unseen 'systemd did not list its services'; exit 0; }
block show
# shellcheck disable=SC2086
systemctl show --no-pager -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p MainPID -p User -p LimitNOFILE -p ExecStart $names 2>/dev/null |
    sed -e 's/^ExecStart={ *path=\([^ ;]*\) .*/ExecStart=\1/' -e t -e '/^ExecStart={/d' | plain
