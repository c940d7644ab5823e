# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The host's own addresses with their prefixes.
list=
if have ip; then list=$(ip -o addr show scope global 2>/dev/null); fi
if [ -n "$list" ]; then
    block addresses; printf '%s\n' "$list" | plain
elif have ifconfig && list=$(ifconfig -a 2>/dev/null) && [ -n "$list" ]; then
    block ifconfig; printf '%s\n' "$list" | grep -E 'inet6? ' | plain
elif [ -r /proc/net/fib_trie ]; then
    # The kernel's own routes; a local address is named above "/32 host LOCAL", its net's prefix in the table of routes.
    block local; sed -n -e 's/^.*-- //p' -e 's/^.*\(\/32 host LOCAL\).*/\1/p' /proc/net/fib_trie | plain
    block routes; cut -f2,8 /proc/net/route 2>/dev/null | plain
    block six; cut -c1-32,36-41 /proc/net/if_inet6 2>/dev/null | plain
else
    unseen 'there is neither ip nor ifconfig, and /proc/net cannot be read'
fi
