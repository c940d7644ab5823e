# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# Packet filter rules as they are loaded, without comments, which may name people. Asking would load a module where there is none: then
# nothing is filtered, and nobody asks.
for path in "$root"/etc/iptables/rules.v4 "$root"/etc/iptables/rules.v6 "$root"/etc/iptables.rules "$root"/etc/sysconfig/iptables "$root"/etc/sysconfig/ip6tables \
    "$root"/etc/nftables.conf "$root"/etc/sysconfig/nftables.conf "$root"/etc/ferm/ferm.conf "$root"/etc/shorewall/rules "$root"/etc/firehol/firehol.conf \
    "$root"/etc/ufw/user.rules "$root"/etc/firewalld/zones/*.xml "$root"/etc/csf/csf.conf "$root"/etc/network/if-pre-up.d/iptables "$root"/etc/arno-iptables-firewall; do
    [ -e "$path" ] && printf '%s\n' "${path#"$root"}"
done | { echo '@block files'; plain; }
[ "$(id -u)" = 0 ] || { unseen 'not root: the rules cannot be read'; exit 0; }
block state
{
    have ufw && grep -q '^ENABLED=yes' "$root/etc/ufw/ufw.conf" 2>/dev/null && echo 'ufw'
    have firewall-cmd && [ -n "$(running 'python3?[0-9.]*' | head -n 1)" ] && firewall-cmd --state 2>&1 | grep -qx running && echo 'firewalld'
    cat /proc/[0-9]*/comm 2>/dev/null | grep -xE 'fail2ban-server|crowdsec'
} | sort -u | plain
quiet() { sed -E -e 's/ -m comment --comment ("([^"\\]|\\.)*"|[^ ]+)//g' -e 's/ comment "[^"]*"//g' -e '/^[[:space:]]*#/d'; }
block iptables
for kind in '' 6; do
    [ -s "/proc/net/ip${kind}_tables_names" ] || [ -d /sys/module/nf_tables ] || continue
    for tool in "ip${kind}tables-save" "ip${kind}tables-legacy-save"; do
        have "$tool" || continue
        printf '*** ip%s\n' "$kind"
        "$tool" 2>/dev/null | quiet
    done
done | raw
if [ -d /sys/module/nf_tables ]; then
    if have nft; then
        block nft
        nft -s list ruleset 2>/dev/null | quiet | raw
    elif ! have iptables-save; then
        unseen 'there are neither nft nor iptables-save to list the rules'
    fi
elif { [ -s /proc/net/ip_tables_names ] || [ -s /proc/net/ip6_tables_names ]; } && ! have iptables-save; then
    unseen 'there is no iptables-save to list the rules'
fi
