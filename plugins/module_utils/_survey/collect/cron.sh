# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Tables of all users and of the system.
for spool in /var/spool/cron/crontabs /var/spool/cron; do
    [ -d "$root$spool" ] || continue
    { [ -r "$root$spool" ] && [ -x "$root$spool" ]; } || { unseen "$spool cannot be read"; break; }
    echo '@spool'
    for path in "$root$spool"/*; do file "${path#"$root"}"; done
    break
done
echo '@system'
for path in "$root/etc/crontab" "$root"/etc/cron.d/*; do file "${path#"$root"}"; done
