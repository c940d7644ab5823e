# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Routes of every table that a rule names, the rules, the gateways' neighbour entries, and the address that leaves for elsewhere.
have ip || { unseen 'there is no program ip'; exit 0; }
block rules
{ ip rule show; ip -6 rule show; } 2>/dev/null | plain
block routes
{ ip route show; ip -6 route show; } 2>/dev/null | head -n 2000 | plain
tables=$({ ip rule show; ip -6 rule show; } 2>/dev/null | sed -n 's/.* lookup \([^ ]*\).*/\1/p' | sort -u | grep -vE '^(local|main|default|25[345])$' | head -n 50)
for table in $tables; do
    printf '@block table %s\n' "$table"
    { ip route show table "$table"; ip -6 route show table "$table"; } 2>/dev/null | head -n 500 | plain
done
block neighbours
gateways=$({ ip route show; ip -6 route show; } 2>/dev/null | sed -n 's/.* via \([0-9a-fA-F.:]*\) .*/\1/p' | sort -u | head -n 50)
for gateway in $gateways; do ip neigh show 2>/dev/null | grep -F "$gateway " | grep "^$gateway "; done | plain
# Asks the kernel's table; nothing is sent. The addresses are reserved for documentation, so that only the default route fits them.
block egress
{ ip route get 192.0.2.1; ip -6 route get 2001:db8::1; } 2>/dev/null | plain
