# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Who keeps the time, how far it is off, and how old the rules of the time zones are. Only the daemon on this host is asked, never a server.
block daemons; running 'chronyd|ntpd|ntpsec|openntpd|systemd-timesyncd|ptp4l|phc2sys|VBoxService|vmtoolsd' | plain
# busybox has an ntpd of its own.
block applets; for status in /proc/[0-9]*/status; do sed -n 's/^Name:[[:space:]]*\(ntpd\)$/\1/p;q' "$status" 2>/dev/null; done | head -n 1 | plain
block servers
cat "$root"/etc/chrony/chrony.conf "$root"/etc/chrony/conf.d/*.conf "$root"/etc/chrony/sources.d/*.sources "$root"/etc/chrony.conf "$root"/etc/ntp.conf "$root"/etc/ntpsec/ntp.conf "$root"/etc/openntpd/ntpd.conf "$root"/etc/systemd/timesyncd.conf "$root"/etc/systemd/timesyncd.conf.d/*.conf 2>/dev/null |
    sed -n -E -e 's/^[[:space:]]*(server|servers|pool|peer)[[:space:]]+([^[:space:]]+).*/\2/p' -e 's/^[[:space:]]*NTP=(.*)/\1/p' | raw
block tzdata
{
    if have dpkg-query; then dpkg-query -W -f '${Version}\n' tzdata
    elif have rpm; then rpm -q --qf '%{VERSION}-%{RELEASE}\n' tzdata
    elif have apk; then apk info -v tzdata | sed -n 's/^tzdata-//p'; fi
} 2>/dev/null | head -n 1 | plain
block zones; head -n 1 "$root/usr/share/zoneinfo/tzdata.zi" 2>/dev/null | plain
# timedatectl would start timedated to answer; what it would say of its own daemon is a file that the daemon leaves.
if have chronyc; then block chronyc; chronyc -n tracking 2>/dev/null | head -n 20 | plain
elif have ntpq; then block ntpq; ntpq -pn 2>/dev/null | head -n 50 | plain
elif [ -d /run/systemd/system ] && running 'systemd-timesyncd' | grep -q .; then
    block timedatectl; if [ -e /run/systemd/timesync/synchronized ]; then echo 'NTPSynchronized=yes'; else echo 'NTPSynchronized=no'; fi | plain
    block timesync; timedatectl timesync-status 2>/dev/null | plain
fi
