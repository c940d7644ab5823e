# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# keepalived: virtual routers and virtual servers from its configuration. Only words that we read leave the host: no pass phrase, no script.
exe=$(running keepalived | head -n 1)
main=$(for link in /proc/[0-9]*/exe; do
    case $(readlink "$link" 2>/dev/null) in (*/keepalived) tr '\000' '\n' < "${link%/exe}/cmdline" ;; esac
done 2>/dev/null | sed -n -e '/^-f$/{n;p;}' -e 's/^--use-file=//p' -e 's/^-f\(\/.*\)/\1/p' | head -n 1)
[ -n "$main" ] && [ -z "$root" ] || main=/etc/keepalived/keepalived.conf
there "$main" || { [ -z "$exe" ] || { unseen 'keepalived runs, and its configuration is not where we look'; exit 0; }; absent; }
have awk || { unseen 'there is no awk'; exit 0; }
[ -z "$exe" ] || { block running; echo "$exe" | plain; }
block version; "${exe:-keepalived}" --version 2>&1 | head -n 1 | raw
known() {
    sed -e 's/[#!].*//' -e 's/{/ { /g' -e 's/}/ } /g' "$1" | awk '
        BEGIN {
            words = "vrrp_instance vrrp_sync_group state interface virtual_router_id priority advert_int version auth_type nopreempt use_vmac unicast_src_ip"
            words = words " unicast_peer virtual_ipaddress virtual_ipaddress_excluded authentication garp_master_delay garp_master_repeat garp_master_refresh"
            words = words " vrrp_garp_master_delay vrrp_garp_master_repeat vrrp_garp_master_refresh vrrp_strict vrrp_mcast_group4 global_defs"
            words = words " virtual_server virtual_server_group real_server sorry_server lb_algo lvs_sched lb_kind lvs_method persistence_timeout protocol weight include"
            count = split(words, list); for (i = 1; i <= count; i++) keep[list[i]]
        }
        { opens = /\{/ ; closes = /\}/ }
        ($1 in keep) || ($1 ~ /^[0-9a-fA-F]*[.:][0-9a-fA-F.:\/]*$/) { print; next }
        $1 == "{" { print "{"; next }
        opens && closes { next }
        opens { print "other {"; next }
        closes { print "}"; next }
        NF { print "other" }'
}
one() {
    case $1 in *"
"*) return 0 ;; esac
    [ -r "$root$1" ] || { unseen "$1 cannot be read"; return 0; }
    printf '@file %s\n' "$1"
    known "$root$1" | head -c 262144 | raw
}
one "$main"
sed -n 's/^[[:space:]]*include[[:space:]][[:space:]]*//p' "$root$main" 2>/dev/null | head -n 20 | while IFS= read -r pattern; do
    case $pattern in /*) ;; *) pattern=${main%/*}/$pattern ;; esac
    # shellcheck disable=SC2086
    for path in "$root"$pattern; do [ -f "$path" ] && one "${path#"$root"}"; done
done
