# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# TCP sockets. Connections are short: they are looked at ten times within two seconds, and those that just ended count as well.
have ss || { unseen 'there is no program ss'; exit 0; }
[ "$(id -u)" = 0 ] || unseen 'not root: processes of other users cannot be seen'
block sockets
i=0
while [ $i -lt 10 ]; do
    ss -tanp 2>/dev/null | tr -s ' ' | cut -d' ' -f1,4-
    i=$((i + 1))
    sleep 0.2 2>/dev/null || sleep 1
done | sort -u | grep -E '^(LISTEN|ESTAB|TIME-WAIT)' | plain
