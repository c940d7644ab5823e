# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Tables of all users and of the system.
for spool in /var/spool/cron/crontabs /var/spool/cron/tabs /var/spool/cron /etc/crontabs; do
    if ! there "$spool"; then
        if [ -n "$hidden" ]; then break; fi
        continue
    fi
    listable "$spool" || break
    echo '@spool'
    for path in "$root$spool"/*; do file "${path#"$root"}"; done
    break
done
hidden=
listable /etc/cron.d || [ -z "$hidden" ] || exit 0
echo '@system'
for path in "$root/etc/crontab" "$root"/etc/cron.d/*; do file "${path#"$root"}"; done
