# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# TCP and UDP sockets. Connections are short: they are looked at ten times within two seconds, and those that just ended count as well.
[ "$uid" = 0 ] || unseen 'not root: processes of other users cannot be seen'
ten_times() {
    i=0
    while [ $i -lt 10 ]; do
        "$@" 2>/dev/null
        i=$((i + 1))
        sleep 0.2 2>/dev/null || { sleep 1; i=$((i + 4)); }
    done
}
# Some versions of ss break a long line: what goes on is behind blanks, or is the list of users. An old one has no option against it.
from_ss() { sed -e :a -e '$!N' -e 's/\n[[:space:]]\{1,\}/ /' -e 's/\n\(users:(\)/ \1/' -e ta -e P -e D | tr -s ' \t' ' ' | cut -d' ' -f1,4-; }
tcp() { ss -tanp | from_ss; }
kernel() { cat /proc/net/"$1" /proc/net/"$1"6 2>/dev/null | sed 's/^ *//' | tr -s ' ' | cut -d' ' -f2,3,4,10; }
if have ss && ss -tan >/dev/null 2>&1; then
    block sockets; ten_times tcp | sort -u | grep -E '^(LISTEN|ESTAB|TIME-WAIT)' | plain
    block udp; ss -uanp 2>/dev/null | from_ss | grep '^UNCONN' | sort -u | plain
elif [ -r /proc/net/tcp ]; then
    # No ss, or one that does not run: the kernel's own tables, and who has which socket open.
    block order; printf 'a\000' | od -An -d 2>/dev/null | plain
    block tcp; ten_times kernel tcp | sort -u | grep -E ' (0A|01|06) ' | plain
    block udp; kernel udp | sort -u | grep ' 07 ' | plain
    block inodes
    # shellcheck disable=SC2012
    ls -ln /proc/[0-9]*/fd /proc/self/fd 2>/dev/null | sed -n -e '\|^/proc/[0-9]*/fd:$|{s|^/proc/\([0-9]*\)/fd:$|\1|;h;d;}' \
        -e '/ -> socket:\[/{s/.*socket:\[\([0-9]*\)\].*/\1/;G;s/\n/ /;p;}' | plain
else
    unseen 'there is no program ss, and /proc/net cannot be read'
    exit 0
fi
block ports; plain < /proc/sys/net/ipv4/ip_local_port_range
